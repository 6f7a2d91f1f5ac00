//! What a use case can refuse, sorted by what the caller can do about it. `web` maps each to a status.

use hearback_core::{TextError, seal::Unreadable, survey::Refusal};
use hearback_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;
use thiserror::Error;

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// Path of the field as it was sent, `person.email`.
    pub field: String,
    /// What is wrong with it and what was expected.
    pub message: String,
}

/// Why a use case did not happen. Nothing was written.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Bad input: which fields, and why.
    #[error("{}", .0.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// No such thing in this workspace.
    #[error("there is no {what} {id} here")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The present state does not allow it.
    #[error("{message}")]
    Conflict {
        /// Why, for a person.
        message: String,
        /// What is still missing, if that is why.
        lacks: Vec<String>,
    },
    /// Tried too often; how long to wait.
    #[error("{message}")]
    Wait {
        /// Why, for a person.
        message: String,
        /// Until the next try.
        seconds: u64,
    },
    /// Too much waits already; try again shortly.
    #[error("too many requests wait for the database; send it again in a moment")]
    Busy,
    /// A secret that is needed can't be sealed or opened: somebody has to look at the secret key.
    #[error("{what} {why}")]
    Sealed {
        /// Whose secret.
        what: String,
        /// Why not.
        why: Unreadable,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EngineError {
    /// One refused field.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass literals, errors and formatted text alike")]
    pub fn field(field: impl Into<String>, message: impl ToString) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), message: message.to_string() }])
    }

    /// The same error once more, for another item of the same batch.
    pub fn again(&self) -> Self {
        match self {
            Self::Invalid(fields) => Self::Invalid(fields.clone()),
            Self::NotFound { what, id } => Self::NotFound { what, id: id.clone() },
            Self::Conflict { message, lacks } => Self::Conflict { message: message.clone(), lacks: lacks.clone() },
            Self::Wait { message, seconds } => Self::Wait { message: message.clone(), seconds: *seconds },
            Self::Busy => Self::Busy,
            Self::Sealed { what, why } => Self::Sealed { what: what.clone(), why: why.clone() },
            Self::Store(StoreError::CannotWrite(text)) => Self::Store(StoreError::CannotWrite(text.clone())),
            Self::Store(StoreError::Unreadable(what)) => Self::Store(StoreError::Unreadable(what.clone())),
            Self::Store(error) => Self::Store(StoreError::Unavailable(error.to_string())),
        }
    }

    /// Something that is not here.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass ids and keys alike")]
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// For `map_err`: a secret that can't be sealed or opened.
    pub fn sealed(what: impl Into<String>) -> impl FnOnce(Unreadable) -> Self {
        move |why| Self::Sealed { what: what.into(), why }
    }

    /// A state that does not allow it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { message: message.into(), lacks: Vec::new() }
    }
}

/// Collects the refused fields of one input, so that the caller hears of all of them at once.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Keeps the value, or notes why it was refused.
    pub fn check<T>(&mut self, field: &str, value: Result<T, impl ToString>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(field, error.to_string());
                None
            }
        }
    }

    /// The same for a field that may be absent.
    pub fn check_some<I, T>(&mut self, field: &str, value: Option<I>, parse: impl FnOnce(I) -> Result<T, TextError>) -> Option<T> {
        self.check(field, value.map(parse)?)
    }

    /// Notes a refused field.
    pub fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    /// Notes the refused fields of a part that was checked by itself.
    pub fn refuse_all(&mut self, refused: Vec<Refusal>) {
        self.0.extend(refused.into_iter().map(|(field, message)| FieldError { field, message }));
    }

    /// An error if any field was refused.
    pub fn done(self) -> Result<(), EngineError> {
        if self.0.is_empty() { Ok(()) } else { Err(EngineError::Invalid(self.0)) }
    }
}

/// The same refusal for each item. A store error can't be cloned: its text is kept, its kind where it matters.
pub(crate) fn fail_all<T>(count: usize, error: &EngineError) -> Vec<Result<T, EngineError>> {
    (0..count).map(|_| Err(error.again())).collect()
}
