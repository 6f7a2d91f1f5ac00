//! Request bodies: read within limits, and as JSON with the path of what was wrong.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use hearback_engine::FieldError;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// Largest JSON body, in bytes.
pub const MAX_JSON: usize = 256 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body of at most [`MAX_JSON`] bytes.
pub async fn json(request: Request) -> Result<Bytes, Problem> {
    let (kind, body) = (content_type(request.headers()), request.into_body());
    if let Some(other) = kind.filter(|kind| !is_json(kind)) {
        return Err(unsupported(other, "application/json"));
    }
    read(body, MAX_JSON).await
}

/// The same for calls that need no body at all: an empty one is good, whatever its kind.
pub async fn maybe_json(request: Request) -> Result<Bytes, Problem> {
    let (kind, body) = (content_type(request.headers()), request.into_body());
    let bytes = read(body, MAX_JSON).await?;
    match kind.filter(|kind| !bytes.is_empty() && !is_json(kind)) {
        Some(other) => Err(unsupported(other, "application/json")),
        None => Ok(bytes),
    }
}

/// Reads a body of at most `limit` bytes.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body must be at most {limit} bytes; send less at a time")))
        }
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body broke off; send the request again")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took longer than 30 seconds; send it again")),
    }
}

/// The media type without its parameters, lower case.
pub fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or("?");
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// A body of a kind that is not read here.
pub fn unsupported(got: impl std::fmt::Display, wanted: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the body must be {wanted}, not {got}; set the Content-Type header"))
}

/// Parses JSON: what is not JSON at all is a bad request, what is not what was asked for names the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.classify() == serde_json::error::Category::Data {
            refused::<T>(bytes)
        } else {
            Problem::new(StatusCode::BAD_REQUEST, format!("the body is not valid JSON: {error}"))
        }
    })
}

/// Parses once more, slowly, to find the path of what was wrong.
fn refused<T: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => Problem::new(StatusCode::BAD_REQUEST, "the body must be one JSON value"),
        Err(error) => {
            let path = error.path().to_string();
            let FieldError { field, message } = field_error(&path, &error.into_inner().to_string());
            Problem::field(field, message)
        }
    }
}

/// In words: serde's message with the field it is about. A missing or unknown field is named by the message, not the path.
fn field_error(path: &str, message: &str) -> FieldError {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let base = if path == "." { "" } else { path };
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let inner = |words: &str| {
        let separator = if base.is_empty() { "" } else { "." };
        // An unknown field ends the path already.
        let field =
            if base == quoted || base.ends_with(&format!(".{quoted}")) { base.to_owned() } else { format!("{base}{separator}{quoted}") };
        FieldError { field, message: words.to_owned() }
    };
    if message.starts_with("missing field") {
        inner("is required")
    } else if message.starts_with("duplicate field") {
        inner("stands twice; send it once")
    } else if message.starts_with("unknown field") {
        let known = message.split_once(", ").map_or("", |(_, known)| known);
        inner(&format!("is not a field here; {known}"))
    } else {
        let message = message.replace("expected i64", "expected a whole number").replace("expected u64", "expected a whole number");
        FieldError { field: if base.is_empty() { "body".to_owned() } else { base.to_owned() }, message }
    }
}

#[cfg(test)]
mod tests {
    use hearback_engine::responses::submit::NewResponse;

    use super::*;

    fn refusal(json: &str) -> (u16, String, String) {
        let problem = parse::<NewResponse>(json.as_bytes()).unwrap_err();
        let (field, message) = problem.errors.first().map(|error| (error.field.clone(), error.message.clone())).unwrap_or_default();
        (problem.status.as_u16(), field, message)
    }

    #[test]
    fn a_refusal_names_the_field() {
        let field = |json| refusal(json).1;
        assert_eq!(field(r#"{"survey":"nps"}"#), "score");
        assert_eq!(field(r#"{"survey":"nps","score":3.5}"#), "score");
        assert_eq!(field(r#"{"survey":"nps","score":"3"}"#), "score");
        assert_eq!(field(r#"{"survey":"nps","score":3,"scores":1}"#), "scores");
        assert_eq!(field(r#"{"survey":"nps","score":3,"score":9}"#), "score");
        assert_eq!(field(r#"{"survey":"nps","score":3,"person":{"mail":"a@b.lt"}}"#), "person.mail");
        assert_eq!(field(r#"{"survey":"nps","score":3,"person":{"properties":{"a":[1]}}}"#), "person.properties.a");
        assert_eq!(field(r#"{"survey":"nps","score":3,"responded_at":"yesterday"}"#), "responded_at");
        assert_eq!(field("[]"), "body");
        assert_eq!(refusal(r#"{"survey":"nps","score":3.5}"#).2, "invalid type: floating point `3.5`, expected a whole number");
        assert_eq!(refusal(r#"{"survey":"nps","#).0, 400);
        assert_eq!(refusal(r#"{"survey":"nps","score":1e999}"#).0, 400);
        assert_eq!(refusal(r#"{"survey":"nps","score":3,"comment":"\ud800"}"#).0, 400);
        let deep = "[".repeat(10_000);
        assert_eq!(refusal(&deep).0, 422);
    }
}
