//! What became of the loops: counted by the date of the answer, open ones included.

use crate::metrics::Metrics;
use std::collections::BTreeMap;

use hearback_core::{LoopStatus, Segment};
use hearback_store::{
    StoreError,
    durations::Durations,
    measures::{LoopCount, Scope},
    time::millis,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::cache::{self, Of};
/// The loops of some answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Loops {
    /// All of them.
    #[serde(flatten)]
    pub all: LoopCounts,
    /// The same by segment.
    pub by_segment: BTreeMap<Segment, LoopCounts>,
    /// From the answer to the first contact, over the cases that had one.
    pub first_contact_hours: HoursTaken,
    /// From the answer to the close, over the closed cases.
    pub close_hours: HoursTaken,
}

/// Cases by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct LoopCounts {
    /// All cases.
    pub total: i64,
    /// Nothing had to be done.
    pub not_needed: i64,
    /// Nobody has been in touch yet.
    pub open: i64,
    /// In touch.
    pub contacted: i64,
    /// Something was done about it.
    pub resolved: i64,
    /// Everything is there.
    pub closed: i64,
    /// Given up.
    pub lapsed: i64,
    /// Under work and late: for the first contact, or for the close.
    pub overdue: i64,
    /// With a time by which somebody should be in touch.
    pub with_due: i64,
    /// In touch by then.
    pub contacted_in_time: i64,
    /// `contacted_in_time` of `with_due`, 0 to 1; those not in touch yet count as not. `None` without any.
    #[schemars(range(min = 0, max = 1))]
    pub contacted_in_time_rate: Option<f64>,
    /// `closed` of all that needed it, 0 to 1; those still open count as not. `None` without any.
    #[schemars(range(min = 0, max = 1))]
    pub close_rate: Option<f64>,
}

/// Hours of wall time, to less than one in a hundred; `None` when no case got there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct HoursTaken {
    /// Half of the cases took at most this.
    pub median: Option<f64>,
    /// Nine in ten took at most this.
    pub p90: Option<f64>,
}

/// Reads them.
pub(super) async fn loops(cx: &Metrics, scope: &Scope) -> Result<Loops, StoreError> {
    let mut all = LoopCounts::default();
    let mut by_segment: BTreeMap<Segment, LoopCounts> = Segment::ALL.map(|segment| (segment, LoopCounts::default())).into();
    let (mut first_contact, mut close) = (Durations::default(), Durations::default());
    let now = millis(cx.now());
    for part in cache::counted(cx, scope, Of::Loops).await? {
        for count in &part.loops {
            all.add(count);
            by_segment.entry(count.segment).or_default().add(count);
        }
        part.first_contact.iter().for_each(|count| first_contact.add(count.bucket, count.cases));
        part.close.iter().for_each(|count| close.add(count.bucket, count.cases));
        for due in part.dues.iter().filter(|due| due.late_after < now) {
            all.overdue += 1;
            by_segment.entry(due.segment).or_default().overdue += 1;
        }
    }
    all.set_rates();
    by_segment.values_mut().for_each(LoopCounts::set_rates);
    Ok(Loops { all, by_segment, first_contact_hours: hours(&first_contact), close_hours: hours(&close) })
}

impl LoopCounts {
    fn add(&mut self, count: &LoopCount) {
        let slot = match count.status {
            LoopStatus::NotNeeded => &mut self.not_needed,
            LoopStatus::Open => &mut self.open,
            LoopStatus::Contacted => &mut self.contacted,
            LoopStatus::Resolved => &mut self.resolved,
            LoopStatus::Closed => &mut self.closed,
            LoopStatus::Lapsed => &mut self.lapsed,
        };
        *slot += count.cases;
        self.total += count.cases;
        self.with_due += count.with_due;
        self.contacted_in_time += count.contacted_in_time;
    }

    fn set_rates(&mut self) {
        self.contacted_in_time_rate = rate(self.contacted_in_time, self.with_due);
        self.close_rate = rate(self.closed, self.total - self.not_needed);
    }
}

fn rate(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn hours(taken: &Durations) -> HoursTaken {
    let at = |percent| taken.percentile(percent).map(|minutes| minutes as f64 / 60.0);
    HoursTaken { median: at(50), p90: at(90) }
}
