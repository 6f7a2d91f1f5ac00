//! How many of those who were asked answered.

use serde::{Deserialize, Serialize};

/// How far invitations came. Each stage contains the next, except that partial and complete answers exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Funnel {
    /// Invitations sent.
    pub sent: u64,
    /// Of those, returned as undeliverable.
    pub bounced: u64,
    /// Of those, pages opened by a person.
    pub started: u64,
    /// A score was given and not submitted further.
    pub partial: u64,
    /// Submitted.
    pub complete: u64,
}

impl Funnel {
    /// Invitations that arrived.
    pub const fn delivered(self) -> u64 {
        self.sent.saturating_sub(self.bounced)
    }

    /// Partial and complete answers of those delivered, in per cent. `None` when nothing was delivered.
    pub fn response_percent(self) -> Option<f64> {
        percent(self.partial.saturating_add(self.complete), self.delivered())
    }

    /// Complete answers only, of those delivered.
    pub fn strict_percent(self) -> Option<f64> {
        percent(self.complete, self.delivered())
    }

    /// Complete answers of those started.
    pub fn completion_percent(self) -> Option<f64> {
        percent(self.complete, self.started)
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rate_has_its_own_base() {
        let funnel = Funnel { sent: 1_000, bounced: 200, started: 400, partial: 80, complete: 200 };
        assert_eq!((funnel.response_percent(), funnel.strict_percent(), funnel.completion_percent()), (Some(35.0), Some(25.0), Some(50.0)));
        assert_eq!(Funnel::default().response_percent(), None);
    }
}
