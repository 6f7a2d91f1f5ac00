//! `/api/v1/policies`: what closing takes and how long things may take, by segment and survey.

use hearback_engine::{
    cases::policies::{self, Held, NewPolicy},
    role::Scope::{Admin, Read},
};

use super::List;
use crate::{
    call::{Call, Json, get, put},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/policies", Read, "What closing takes and how long things may take, the usual policies included", list),
        put("/policies", Admin, "Set the policy of a segment, of one survey or of every one; what is absent is as usual", save),
    ]
}

/// `GET /policies`: those that hold, the usual ones included.
pub(crate) async fn list(call: Call) -> Result<Json<List<Held>>, Problem> {
    Ok(Json(List::whole(policies::list(call.cx(), call.ws()).await?.into_iter())))
}

/// `PUT /policies`: the policy of a segment, of one survey or of every one; what is absent is as usual.
pub(crate) async fn save(call: Call, Json(new): Json<NewPolicy>) -> Result<Json<Held>, Problem> {
    Ok(Json(policies::put(call.cx(), call.ws(), &call.actor(), new).await?))
}
