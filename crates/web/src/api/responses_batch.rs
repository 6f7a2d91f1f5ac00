//! `POST /api/v1/responses/batch`: many answers, one JSON value a line, one result a line.

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt as _, stream};
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    FieldError,
    submit::{self, FollowUp, NewResponse, Receipt, ReceiptCase},
};
use serde::Serialize;

use crate::route::{Access::Key, Route, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::Write;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![post("/responses/batch", Key(Write), "Store up to 10,000 answers, one JSON object a line; one result a line", create)]
}

/// Most lines of one batch.
const MAX_LINES: usize = 10_000;
/// Largest batch, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Lines that are stored together.
const CHUNK: usize = 500;

/// One line of the answer.
#[derive(Debug, Serialize)]
struct LineResult {
    /// Which line of the body, from 1.
    line: usize,
    /// The status that this answer alone would have had.
    status: u16,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome {
    Stored { id: hearback_core::id::ResponseId, case: ReceiptCase },
    Refused { errors: Vec<FieldError> },
}

/// Stores each good line; bad ones say why and stop nobody. Empty lines are skipped but counted.
pub(crate) async fn create(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, Problem> {
    if let Some(kind) = body::content_type(request.headers()).filter(|kind| !is_ndjson(kind)) {
        return Err(body::unsupported(kind, "application/x-ndjson (one JSON object a line)"));
    }
    let follow_up = follow_up(&Params::read(request.uri(), &["rules"])?)?;
    let bytes = body::read(request.into_body(), MAX_BYTES).await?;
    let lines: Vec<(usize, Bytes)> = split(&bytes);
    if lines.len() > MAX_LINES {
        let detail = format!("a batch has at most {MAX_LINES} lines, got {}; send several", lines.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let chunks: Vec<Vec<(usize, Bytes)>> = lines.chunks(CHUNK).map(<[_]>::to_vec).collect();
    let workspace = caller.0.ws;
    let results = stream::iter(chunks).then(move |chunk| {
        let app = app.clone();
        async move { Ok::<_, std::convert::Infallible>(store(&app, workspace, follow_up, chunk).await) }
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(results)).into_response())
}

/// `?rules=off` stores history: the cases are marked as not needed and nothing starts.
fn follow_up(params: &Params) -> Result<FollowUp, Problem> {
    let chosen = params.parse("rules", "`on` or `off`", |word| match word {
        "on" => Some(FollowUp::On),
        "off" => Some(FollowUp::Off),
        _ => None,
    })?;
    Ok(chosen.unwrap_or(FollowUp::On))
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
