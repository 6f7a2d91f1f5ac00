//! What a caller is told when something can't be done: the one place that gives errors a status and words.
//!
//! As JSON it is RFC 9457 `application/problem+json`; the pages find the same [`Problem`] in the response's extensions
//! and show it as HTML. Nothing of a database error's text leaves the server.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearback_engine::{EngineError, FieldError};
use hearback_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

/// An error as an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What happened and what to do next.
    pub detail: String,
    /// Which fields were refused, and why.
    pub errors: Vec<FieldError>,
    /// What is still missing, when a state does not allow something yet.
    pub lacks: Vec<String>,
    /// Seconds after which it may be tried again, when they are known.
    pub retry_after: Option<u64>,
}

/// Seconds after which a request that met a busy database is worth sending again.
const RETRY_AFTER: u64 = 1;

/// The same for one that needs what another node, or the next version of this one, can read.
const UNREADABLE_RETRY_AFTER: u64 = 60;

impl Problem {
    /// An error with a status and a sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), lacks: Vec::new(), retry_after: None }
    }

    /// One refused field or parameter.
    pub fn field(field: impl Into<String>, message: impl ToString) -> Self {
        EngineError::field(field, message).into()
    }

    /// No such thing here; the same words whether it never existed or belongs to somebody else.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        EngineError::not_found(what, id).into()
    }

    /// Not for this user or key.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Something of ours went wrong; what, is in the log.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong on our side; it has been logged")
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match error {
            EngineError::Invalid(errors) => Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) },
            EngineError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, detail),
            EngineError::Conflict { message, lacks } => Self { lacks, ..Self::new(StatusCode::CONFLICT, message) },
            EngineError::Wait { message, seconds } => {
                Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
            }
            EngineError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail),
            EngineError::Sealed { .. } => {
                tracing::error!(error = detail, "a secret can't be used");
                Self::internal()
            }
            EngineError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::CannotWrite(_) => {
                tracing::error!(%error, "the database refused a request");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the database is not available now; nothing was stored, send the request again shortly",
                )
            }
            StoreError::Taken(_) => {
                Self::new(StatusCode::CONFLICT, "somebody else changed the same thing at the same time; look and try again")
            }
            StoreError::Unreadable(_) => {
                tracing::error!(%error, "a request needs what this version can't read");
                let detail = "what this needs was written by a newer version of the server and can't be read here; nothing was stored, send the request again later";
                Self { retry_after: Some(UNREADABLE_RETRY_AFTER), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
            }
            StoreError::Damaged(_) | StoreError::NewerSchema | StoreError::Other(_) => {
                tracing::error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}

/// The JSON form.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    lacks: &'a [String],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
            lacks: &self.lacks,
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], json).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE || self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after.unwrap_or(RETRY_AFTER)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
