//! Plans as they are stored, read by this version.
//!
//! What must stay true: a plan that another version wrote, with a zone or a field that this one does not know, is an answer with a
//! reason, never a failure of whoever looks at all campaigns; and nothing is asked by a plan that is only half understood.

use chrono::{DateTime, Utc};
use hearback_core::{Schedule, campaign::Plan};

/// A plan that can be followed here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub plan: Plan,
    /// Its schedule, if it has one.
    pub times: Option<Schedule>,
}

/// Reads a plan; why it can't be followed here, with what was expected.
pub(crate) fn read(body: &str) -> Result<Stored, String> {
    let plan: Plan = serde_json::from_str(body).map_err(|error| format!("its plan can't be read by this version ({error})"))?;
    let times = plan.times().map_err(|(field, why)| format!("its plan can't be followed by this version: {field}: {why}"))?;
    Ok(Stored { plan, times })
}

impl Stored {
    /// The first moment after `at` at which it asks by itself.
    pub fn next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.times.as_ref()?.after(at).next()
    }
}
