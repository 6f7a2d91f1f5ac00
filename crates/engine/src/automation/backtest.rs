//! Rules tried out on past answers: who would have matched, which mails, whose tasks, what the guard rails would have
//! stopped, and what would be different from today's rules. Changes nothing: it reads, in pages, and keeps only counts.
//!
//! Each answer is put to the rules as if it came in at its own time, as a first answer, with what is known of the customer:
//! their properties as they answered, the rest as it is today. Delayed steps are done at their time. Nobody of ours does
//! anything meanwhile and every mail is accepted; so rules that wait for something else than an answer (an overdue task, a
//! closed case) have nothing to listen to, and the report names them. Whose turn it is starts anew, with everybody there.

mod report;
mod simulate;

use std::{collections::BTreeMap, collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    id::{CaseId, Id, WorkspaceId},
};
use hearback_rules::{Rule, RuleVersion, Trigger};
use hearback_store::{
    StoreError, accounts,
    past::{self, Answer},
    snapshot,
    time::{from_millis, millis},
};

use crate::{Ctx, EngineError};
use simulate::Simulation;

pub use report::{Both, CaseLine, DayLine, MailLine, OwnerLine, Report, RuleLine, Stopped, WeekLine};

/// Answers that are read and put to the rules at a time.
const CHUNK: u64 = 4_000;

/// Which answers, and how many of the matching cases are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Given at this moment or later; from the beginning when absent.
    pub since: Option<DateTime<Utc>>,
    /// Given before this moment; up to now when absent.
    pub until: Option<DateTime<Utc>>,
    /// Cases to list at most, in the order of their answers.
    pub list: usize,
}

/// A page of answers with the accounts of those who gave them.
struct Chunk {
    answers: Vec<Answer>,
    accounts: HashMap<String, accounts::Model>,
}

/// Tries `rules` out: together with the enabled rules of other keys, in place of those with the same ones.
pub async fn run(cx: &Ctx, ws: WorkspaceId, rules: Vec<Rule>, span: Span) -> Result<Report, EngineError> {
    let live = cx.workspaces.get(cx.db.read(), ws).await?.rules.clone();
    let tried: Vec<String> = rules.iter().map(|rule| rule.key.clone()).collect();
    let new = in_place(&live, rules);
    let mut report = report::Building::new(&tried, &new, &live, span.list);
    let mut sides = (simulation(cx, ws, new).await?, simulation(cx, ws, live).await?);
    let until = span.until.unwrap_or_else(|| cx.now() + chrono::Duration::days(1));
    let mut chunk = load(cx, ws, (span.since.map_or(i64::MIN, millis), uuid::Uuid::nil()), until).await?;
    while let Some(last) = chunk.answers.last() {
        let place = (last.response.answered_at, last.case);
        let asked = Arc::new(chunk);
        let (new, live) = (ask(cx, sides.0, &asked), ask(cx, sides.1, &asked));
        let (new, live, following) = tokio::join!(new, live, load(cx, ws, place, until));
        let ((new, matched_new), (live, matched_live)) = (new?, live?);
        for ((answer, new), live) in asked.answers.iter().zip(&matched_new).zip(&matched_live) {
            report.add(answer, new, live);
        }
        sides = (new, live);
        chunk = following?;
    }
    Ok(report.finish(span, sides.0.into_tally(), sides.1.into_tally(), cx.settings.limits.mails_per_rule_hour))
}

/// The enabled rules with those that are tried in place of the ones with the same key.
fn in_place(live: &[RuleVersion], rules: Vec<Rule>) -> Vec<RuleVersion> {
    let mut all: BTreeMap<String, RuleVersion> = live.iter().map(|version| (version.rule.key.clone(), version.clone())).collect();
    for rule in rules {
        let version = all.get(&rule.key).map_or(1, |before| before.version + u32::from(before.rule != rule));
        all.insert(rule.key.clone(), RuleVersion { id: Id::derived(&format!("backtest/{}", rule.key)), version, rule });
    }
    all.into_values().collect()
}

async fn simulation(cx: &Ctx, ws: WorkspaceId, rules: Vec<RuleVersion>) -> Result<Simulation, EngineError> {
    let workspace = cx.workspaces.with_rules(cx.db.read(), ws, rules).await?;
    Ok(Simulation::new(workspace, cx.settings.limits))
}

async fn load(cx: &Ctx, ws: WorkspaceId, after: (i64, uuid::Uuid), until: DateTime<Utc>) -> Result<Chunk, StoreError> {
    let answers = past::answers(cx.db.read(), ws.uuid(), after, millis(until), CHUNK).await?;
    let keys = answers.iter().filter_map(|answer| answer.person.account_key.as_deref()).collect();
    let accounts = snapshot::accounts_by_keys(cx.db.read(), ws.uuid(), &keys).await?;
    Ok(Chunk { accounts: accounts.into_iter().map(|row| (row.key.clone(), row)).collect(), answers })
}

/// Puts a page to one set of rules, on a thread of its own: it takes a while, and others have to be served meanwhile.
async fn ask(cx: &Ctx, mut side: Simulation, chunk: &Arc<Chunk>) -> Result<(Simulation, Vec<Vec<usize>>), EngineError> {
    let (cx, chunk) = (cx.clone(), Arc::clone(chunk));
    let asked = tokio::task::spawn_blocking(move || {
        let account = |answer: &Answer| answer.person.account_key.as_ref().and_then(|key| chunk.accounts.get(key));
        let matched = chunk.answers.iter().map(|answer| side.ask(&cx.settings, answer, account(answer))).collect();
        (side, matched)
    });
    asked.await.map_err(|error| StoreError::Unavailable(format!("the backtest broke off: {error}")).into())
}

/// What of a rule's triggers an answer alone never sets off.
fn not_simulated(rule: &Rule) -> Vec<&'static str> {
    rule.on.iter().filter(|trigger| **trigger != Trigger::ResponseSettled).map(|trigger| trigger.as_str()).collect()
}

fn case_line(answer: &Answer, new: Vec<String>, live: Vec<String>) -> CaseLine {
    CaseLine { case: CaseId::from_uuid(answer.case), answered_at: from_millis(answer.response.answered_at), new, live }
}
