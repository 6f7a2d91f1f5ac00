//! `POST /api/v1/responses/batch`: many answers, one JSON value a line, one result a line.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, stream};
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    FieldError,
    responses::submit::{self, FollowUp, NewResponse, Receipt, ReceiptCase},
    role::Scope::Write,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::openapi::{Operation, Schemas};
use crate::{
    App, body,
    call::{Call, Input, Output, Query, post},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![post("/responses/batch", Write, "Store up to 10,000 answers, one JSON object a line; one result a line", create)]
}

/// JSON, one value a line.
const NDJSON: &str = "application/x-ndjson";
/// Most lines of one batch.
const MAX_LINES: usize = 10_000;
/// Largest batch, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Lines that are stored together.
const CHUNK: usize = 500;

/// One line of the answer.
#[derive(Debug, Serialize, JsonSchema)]
struct LineResult {
    /// Which line of the body, from 1.
    line: usize,
    /// The status that this answer alone would have had.
    status: u16,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Outcome {
    Stored { id: hearback_core::id::ResponseId, case: ReceiptCase },
    Refused { errors: Vec<FieldError> },
}

/// Stores each good line; bad ones say why and stop nobody. Empty lines are skipped but counted.
pub(crate) async fn create(call: Call, (Query(asked), Lines(bytes)): (Query<BatchAsked>, Lines)) -> Result<Results, Problem> {
    let follow_up = if matches!(asked.rules, Some(Rules::Off)) { FollowUp::Off } else { FollowUp::On };
    let lines: Vec<(usize, Bytes)> = split(&bytes);
    if lines.len() > MAX_LINES {
        let detail = format!("a batch has at most {MAX_LINES} lines, got {}; send several", lines.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let chunks: Vec<Vec<(usize, Bytes)>> = lines.chunks(CHUNK).map(<[_]>::to_vec).collect();
    let (workspace, app) = (call.ws(), call.app);
    let results = stream::iter(chunks).then(move |chunk| {
        let app = app.clone();
        async move { Ok::<_, std::convert::Infallible>(store(&app, workspace, follow_up, chunk).await) }
    });
    Ok(Results(Body::from_stream(results)))
}

/// How the answers are stored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchAsked {
    /// `off` stores history: the cases are marked as not needed and nothing starts.
    rules: Option<Rules>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Rules {
    On,
    Off,
}

/// One JSON object a line.
pub(crate) struct Lines(Bytes);

impl Input for Lines {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.takes(NDJSON, &schemas.taken::<String>());
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        if let Some(kind) = body::content_type(request.headers()).filter(|kind| !is_ndjson(kind)) {
            return Err(body::unsupported(kind, "application/x-ndjson (one JSON object a line)"));
        }
        body::read(request.into_body(), MAX_BYTES).await.map(Self)
    }
}

/// One result a line.
pub(crate) struct Results(Body);

impl Output for Results {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.gives(StatusCode::OK, NDJSON, &schemas.given::<String>());
    }

    fn answer(self) -> Response {
        ([(header::CONTENT_TYPE, NDJSON)], self.0).into_response()
    }
}

fn is_ndjson(kind: &str) -> bool {
    matches!(
        kind,
        "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/json"
            | "application/octet-stream"
            | "text/plain"
    )
}

/// The lines that are not empty, with their numbers. Slices of the body, not copies.
fn split(bytes: &Bytes) -> Vec<(usize, Bytes)> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    (1..).zip(lines).filter(|(_, line)| !line.is_empty()).map(|(number, line)| (number, bytes.slice_ref(line))).collect()
}

/// Stores one chunk and writes its result lines, in the order of the lines.
async fn store(app: &App, workspace: WorkspaceId, follow_up: FollowUp, chunk: Vec<(usize, Bytes)>) -> Vec<u8> {
    let mut results = Vec::with_capacity(chunk.len());
    let mut good = Vec::with_capacity(chunk.len());
    let mut numbers = Vec::with_capacity(chunk.len());
    for (number, line) in chunk {
        match body::parse::<NewResponse>(&line) {
            Ok(response) => {
                good.push(response);
                numbers.push(number);
            }
            Err(problem) => results.push(refused(number, problem)),
        }
    }
    let receipts = submit::submit_responses(&app.cx, workspace, good, follow_up).await;
    results.extend(numbers.into_iter().zip(receipts).map(|(number, receipt)| match receipt {
        Ok(receipt) => stored(number, receipt),
        Err(error) => refused(number, error.into()),
    }));
    results.sort_unstable_by_key(|result| result.line);
    let mut text = Vec::with_capacity(results.len() * 96);
    for result in &results {
        if serde_json::to_writer(&mut text, result).is_ok() {
            text.push(b'\n');
        }
    }
    text
}

fn stored(line: usize, receipt: Receipt) -> LineResult {
    let status = if receipt.created { StatusCode::CREATED } else { StatusCode::OK };
    LineResult { line, status: status.as_u16(), outcome: Outcome::Stored { id: receipt.id, case: receipt.case } }
}

fn refused(line: usize, problem: Problem) -> LineResult {
    let status = problem.status.as_u16();
    let errors =
        if problem.errors.is_empty() { vec![FieldError { field: String::new(), message: problem.detail }] } else { problem.errors };
    LineResult { line, status, outcome: Outcome::Refused { errors } }
}
