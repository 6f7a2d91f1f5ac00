//! What became of one rule, answer by answer: its runs, computed again.

use hearback_core::id::WorkspaceId;
use hearback_rules::RuleTrace;
use hearback_store::runs;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Ctx, EngineError,
    automation::{publish, replay::RuleSets},
};

/// Runs that are looked through for one page; a rule that seldom matches has short pages.
const MOST_LOOKED_AT: usize = 5_000;
/// Runs that are read at a time.
const PAGE: u64 = 500;

/// One time that a rule was asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Asked {
    /// The run.
    pub id: Uuid,
    /// The case it was about.
    pub case: Uuid,
    /// The answer.
    pub response: Uuid,
    /// Revision of the answer.
    pub revision: i64,
    /// What happened.
    pub trigger: String,
    /// When, in milliseconds since 1970.
    #[serde(skip)]
    pub at: i64,
    /// What became of the rule.
    #[serde(flatten)]
    pub trace: RuleTrace,
}

/// A page of the times that a rule was asked, those of the newest case first; with `all`, also when it did not match.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The times.
    pub items: Vec<Asked>,
    /// Where the next page starts; `None` when there is no more.
    pub next: Option<String>,
}

/// Looks the history of a rule up. `after` is `next` of the page before.
pub async fn of_rule(cx: &Ctx, ws: WorkspaceId, key: &str, all: bool, after: Option<&str>, limit: usize) -> Result<History, EngineError> {
    publish::versions(cx, ws, key).await?;
    let mut after =
        after.map(|text| decode(text).ok_or_else(|| EngineError::field("cursor", "must be what `next` of the page before gave")));
    let mut place = after.take().transpose()?;
    let start = format!("{key}@");
    let mut history = History::default();
    let (mut looked_at, mut sets) = (0, RuleSets::default());
    loop {
        let page = runs::before(cx.db.read(), ws, place, PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        looked_at += page.len();
        for run in page {
            place = Some((run.case_id, run.id));
            let trace = sets.replay(cx.db.read(), &run).await?.trace;
            let wanted = |entry: &RuleTrace| entry.rule.starts_with(&start) && (all || entry.failed.is_none() || entry.stopped);
            history.items.extend(trace.into_iter().find(wanted).map(|trace| Asked {
                id: run.id,
                case: run.case_id,
                response: run.response_id,
                revision: run.revision,
                trigger: run.trigger,
                at: run.at,
                trace,
            }));
            if history.items.len() >= limit {
                history.next = place.map(encode);
                return Ok(history);
            }
        }
        if is_last {
            return Ok(history);
        }
        if looked_at >= MOST_LOOKED_AT {
            history.next = place.map(encode);
            return Ok(history);
        }
    }
}

fn encode((case, run): (Uuid, Uuid)) -> String {
    format!("{}.{}", case.simple(), run.simple())
}

fn decode(text: &str) -> Option<(Uuid, Uuid)> {
    let (case, run) = text.split_once('.')?;
    Some((Uuid::parse_str(case).ok()?, Uuid::parse_str(run).ok()?))
}
