//! How an answer comes in, is stored with all that follows from it, and is corrected.

pub mod correct;
pub mod intake;
pub mod rehearse;
pub mod submit;

use std::ops::Deref;

use crate::metrics::Metrics;
use intake::Intake;

/// The context with the door of the writer: where answers wait to be committed together.
#[derive(Debug, Clone)]
pub struct Responses {
    inner: Metrics,
    /// The door.
    pub intake: Intake,
}

impl Responses {
    /// Opens the door and starts the writers. Must be called inside a tokio runtime.
    pub(crate) fn start(inner: Metrics) -> Self {
        let (intake, waiting) = Intake::new(inner.settings.max_waiting);
        waiting.start(&inner);
        Self { inner, intake }
    }
}

impl Deref for Responses {
    type Target = Metrics;

    fn deref(&self) -> &Metrics {
        &self.inner
    }
}
