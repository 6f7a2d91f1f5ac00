//! The list of cases, what is due first comes first, over many cases.

use std::time::Instant;

use hearback_core::{Segment, id::WorkspaceId};
use hearback_engine::Engine;
use hearback_store::{
    case_list::{self, CaseFilter, CaseOrder},
    cursor::Page,
    time::millis,
};

use crate::{
    Place, fill,
    timings::{Timings, micros},
};

/// Calls of one kind.
const CALLS: usize = 300;
/// Rows of one page, as the page `/cases` shows them.
const ROWS: u64 = 50;

/// Measures the lists that people look at.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let (cx, ws, survey) = place.open_survey().await?;
    let database = place.database();
    fill::answers(&cx.db, ws, survey, 0, i64::try_from(place.args.rows)?, millis(cx.now())).await?;
    let mut found = Timings { title: format!("list of cases, {} of them, {database}", place.args.rows), ..Timings::default() };
    let open = CaseFilter { active: true, ..CaseFilter::default() };
    let one = CaseFilter { owners: vec!["agent3@bench.example".to_owned(), "team:support".to_owned()], ..open.clone() };
    let angry = CaseFilter { segment: Some(Segment::Detractor), ..open.clone() };
    let late = CaseFilter { overdue: Some((true, cx.now())), ..CaseFilter::default() };
    for (what, filter, order) in [
        ("open, most overdue first", &open, CaseOrder::Due),
        ("of one agent and a team", &one, CaseOrder::Due),
        ("detractors", &angry, CaseOrder::Due),
        ("overdue only", &late, CaseOrder::Due),
        ("all, newest first", &CaseFilter::default(), CaseOrder::Newest),
    ] {
        found.push(what, pages(&cx, ws, filter, order).await?);
    }
    Ok(found)
}

/// Page after page, from the start again when the list ends.
async fn pages(cx: &Engine, ws: WorkspaceId, filter: &CaseFilter, order: CaseOrder) -> anyhow::Result<Vec<u32>> {
    let mut took = Vec::with_capacity(CALLS);
    let mut after = None;
    for call in 0..CALLS {
        // Nobody turns more than a few pages.
        after = if call % 5 == 0 { None } else { after };
        let begun = Instant::now();
        let page = case_list::list(cx.db.read(), ws, filter, order, Page { limit: ROWS, after }).await?;
        took.push(micros(begun));
        after = page.next;
    }
    Ok(took)
}
