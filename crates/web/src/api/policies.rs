//! `/api/v1/policies`: what closing takes and how long things may take, by segment and survey.

use axum::{Json, extract::State, http::Uri};
use hearback_engine::policies::{self, Held, NewPolicy};

use super::Whole;
use crate::route::{Access::Key, Route, get, put};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/policies", Key(Read), "What closing takes and how long things may take, the usual policies included", list),
        put("/policies", Key(Admin), "Set the policy of a segment, of one survey or of every one; what is absent is as usual", save),
    ]
}

/// `GET /policies`: those that hold, the usual ones included.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<Held>>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(Whole::of(policies::list(&app.cx, caller.0.ws).await?.into_iter())))
}

/// `PUT /policies`: the policy of a segment, of one survey or of every one; what is absent is as usual.
pub(crate) async fn save(State(app): State<App>, caller: Caller, body::Json(new): body::Json<NewPolicy>) -> Result<Json<Held>, Problem> {
    Ok(Json(policies::put(&app.cx, caller.0.ws, &caller.actor(), new).await?))
}
