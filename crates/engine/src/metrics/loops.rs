//! What became of the loops: counted by the date of the answer, open ones included.

use std::collections::BTreeMap;

use hearback_core::{LoopStatus, Segment};
use hearback_store::{
    StoreError,
    durations::Durations,
    measures::{self, LoopCount, Milestone, Scope, TakenCount},
    time::millis,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Ctx;

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
pub(super) async fn loops(cx: &Ctx, scope: &Scope) -> Result<Loops, StoreError> {
    let conn = cx.db.read();
    let mut all = LoopCounts::default();
    let mut by_segment: BTreeMap<Segment, LoopCounts> = Segment::ALL.map(|segment| (segment, LoopCounts::default())).into();
    for count in measures::loops(conn, scope).await? {
        all.add(&count);
        by_segment.entry(count.segment).or_default().add(&count);
    }
    for (segment, late) in measures::overdue(conn, scope, millis(cx.now())).await? {
        all.overdue += late;
        by_segment.entry(segment).or_default().overdue += late;
    }
    all.set_rates();
    by_segment.values_mut().for_each(LoopCounts::set_rates);
    let first_contact_hours = hours(&measures::taken(conn, scope, Milestone::FirstContact).await?);
    let close_hours = hours(&measures::taken(conn, scope, Milestone::Close).await?);
    Ok(Loops { all, by_segment, first_contact_hours, close_hours })
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

fn hours(counted: &[TakenCount]) -> HoursTaken {
    let mut taken = Durations::default();
    for count in counted {
        taken.add(count.bucket, count.cases);
    }
    let at = |percent| taken.percentile(percent).map(|minutes| minutes as f64 / 60.0);
    HoursTaken { median: at(50), p90: at(90) }
}
