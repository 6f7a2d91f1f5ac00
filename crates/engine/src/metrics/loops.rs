//! What became of the loops: counted by the date of the answer, open ones included.

use std::collections::BTreeMap;

use hearback_core::{LoopStatus, Segment};
use hearback_store::{
    StoreError,
    measures::{self, LoopCount, Milestone, Scope},
    time::millis,
};
use serde::Serialize;

use crate::Ctx;

/// The loops of some answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
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
    pub contacted_in_time_rate: Option<f64>,
    /// `closed` of all that needed it, 0 to 1; those still open count as not. `None` without any.
    pub close_rate: Option<f64>,
}

/// Hours of wall time, each one that a case really took; `None` when no case got there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct HoursTaken {
    /// Half of the cases took at most this.
    pub median: Option<f64>,
    /// Nine in ten took at most this.
    pub p90: Option<f64>,
}

/// Reads them.
pub async fn loops(cx: &Ctx, scope: &Scope) -> Result<Loops, StoreError> {
    let conn = cx.db.read();
    let mut all = LoopCounts::default();
    let mut by_segment: BTreeMap<Segment, LoopCounts> = Segment::ALL.map(|segment| (segment, LoopCounts::default())).into();
    for count in measures::loops(conn, scope, millis(cx.now())).await? {
        all.add(&count);
        by_segment.entry(count.segment).or_default().add(&count);
    }
    all.set_rates();
    by_segment.values_mut().for_each(LoopCounts::set_rates);
    Ok(Loops {
        all,
        by_segment,
        first_contact_hours: hours(measures::hours_to(conn, scope, Milestone::FirstContact).await?),
        close_hours: hours(measures::hours_to(conn, scope, Milestone::Close).await?),
    })
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
        self.overdue += count.overdue;
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

fn hours(taken: Option<(i64, i64)>) -> HoursTaken {
    let hours = |millis: i64| millis as f64 / 3_600_000.0;
    HoursTaken { median: taken.map(|(median, _)| hours(median)), p90: taken.map(|(_, p90)| hours(p90)) }
}
