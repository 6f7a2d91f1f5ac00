//! `POST /api/v1/cases/close`: many cases at once, each with the checks that it has alone.

use hearback_core::id::CaseId;
use hearback_engine::{
    EngineError, FieldError,
    cases::work::{self, CaseChange},
    role::Scope::Write,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    call::{Call, Json, post},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![post("/cases/close", Write, "Close many cases, each with the checks that it has alone", close)]
}

/// Body of `close`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    #[schemars(length(min = 1, max = work::MAX_CASES))]
    ids: Vec<CaseId>,
    #[serde(default)]
    root_cause: Option<String>,
    #[serde(default)]
    resolution: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// What became of each case, in their order.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Closings {
    closed: usize,
    results: Vec<One>,
}

/// What became of one case.
#[derive(Debug, Serialize, JsonSchema)]
struct One {
    id: CaseId,
    closed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacks: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl One {
    fn of(id: CaseId, result: Result<(), EngineError>) -> Self {
        let message = result.as_ref().err().map(ToString::to_string);
        let (lacks, errors) = match result {
            Err(EngineError::Conflict { lacks, .. }) => (lacks, Vec::new()),
            Err(EngineError::Invalid(errors)) => (Vec::new(), errors),
            _ => (Vec::new(), Vec::new()),
        };
        Self { id, closed: message.is_none(), message, lacks, errors }
    }
}

/// `POST /cases/close`: 200 with what became of each; those that lack something say what.
pub(crate) async fn close(call: Call, Json(closing): Json<Closing>) -> Result<Json<Closings>, Problem> {
    let Closing { ids, root_cause, resolution, note } = closing;
    let change = CaseChange { root_cause, resolution, note };
    let results = work::close_many(call.cx(), call.ws(), &ids, &call.actor(), &change).await?;
    let results: Vec<One> = ids.into_iter().zip(results).map(|(id, result)| One::of(id, result)).collect();
    Ok(Json(Closings { closed: results.iter().filter(|one| one.closed).count(), results }))
}
