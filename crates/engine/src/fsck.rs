//! Recomputes what must be true of the stored rows and says what is not.
//!
//! Owns: which checks there are, and the ones that take more than one statement: each decision is computed again from the
//! rule versions and facts stored with it, each effect must have its row, each unsent mail its job. Reads only, in pages, from
//! a view that stands still: it needs little memory whatever the size of the database, and may run beside a live server.

mod audit;
mod decisions;
mod mail;
mod waves;

use std::fmt::Display;

use chrono::{DateTime, Duration, Utc};
use hearback_store::{ConnectionTrait, Db, EntityTrait, StoreError, integrity, outbox, surveys, time::millis, workspaces};
use serde::Serialize;

use crate::reading;

/// A claim that ended this long ago is nobody's: workers renew theirs far more often.
const CLAIM_GRACE: Duration = Duration::minutes(5);
/// Rows of one page.
const PAGE: u64 = 200;

/// What is checked, in order: the names that a [`Violation`] carries, and what each stands for.
pub const CHECKS: [(&str, &str); 15] = [
    ("database", "the database's own check: SQLite's integrity and foreign keys; PostgreSQL's constraints, indexes, page checksums"),
    ("unreadable", "no rule, survey, policy, calendar, campaign, wave or job that this version can't read: use the version that wrote it"),
    ("parents", "no row without the row it belongs to"),
    ("people", "each person is found by what names them; who opted out is on the list under every address that is theirs"),
    ("cases", "each response has exactly one case, which says the same"),
    ("scores", "each response has one score on its survey's scale, and that score's segment"),
    ("roll-ups", "roll-up counters equal a recount of the responses"),
    ("counters", "each case counts the open tasks and contacts that it has"),
    ("runs", "each answer that starts follow-ups was put to the rules"),
    ("decisions", "each decision, recomputed from its rule versions and facts, is what is stored"),
    ("effects", "each decided effect has its row"),
    ("claims", "no job is claimed without a live claim"),
    ("waves", "a wave is finished exactly when all its invitations have their end; until then one job works on it"),
    ("audit", "the audit log is one chain: no entry was changed, added or taken out behind its back"),
    ("mail", "each unsent mail has its one job, each mail job its mail"),
];

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which of [`CHECKS`] found it.
    pub check: &'static str,
    /// Which row, and what was expected. Never a customer's words.
    pub what: String,
}

/// All violations, at most about a thousand a check; empty when the database is sound.
pub async fn check(db: &Db, now: DateTime<Utc>) -> Result<Vec<Violation>, StoreError> {
    let snapshot = db.snapshot().await?;
    let conn = &*snapshot;
    let mut found = Found::default();
    found.all("database", integrity::own_checks(conn).await?);
    unreadable(conn, &mut found).await?;
    found.all("parents", integrity::orphans(conn).await?);
    found.all("people", integrity::opt_outs(conn).await?);
    let mut after = None;
    loop {
        let (wrong, last) = integrity::unsearchable(conn, after, PAGE).await?;
        found.all("people", wrong);
        match last {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    found.all("cases", integrity::cases_of_responses(conn).await?);
    for survey in surveys::Entity::find().all(conn).await? {
        // One that can't be read is told above.
        if let Ok(scale) = reading::scale(&survey) {
            found.all("scores", integrity::scores(conn, &survey, scale).await?);
        }
    }
    found.all("roll-ups", integrity::rollups(conn).await?);
    found.all("loop counts", integrity::loop_counts(conn).await?);
    found.all("counters", integrity::case_counters(conn).await?);
    found.all("runs", integrity::answers_without_run(conn).await?);
    decisions::check(conn, now, &mut found).await?;
    found.all("claims", integrity::dead_claims(conn, millis(now - CLAIM_GRACE)).await?);
    waves::check(conn, &mut found).await?;
    audit::check(conn, &mut found).await?;
    mail::check(conn, &mut found).await?;
    Ok(found.0)
}

async fn unreadable(conn: &impl ConnectionTrait, found: &mut Found) -> Result<(), StoreError> {
    for ws in workspaces::ids(conn).await? {
        for row in reading::unreadable(conn, ws).await? {
            found.one("unreadable", row);
        }
    }
    for waiting in outbox::unreadable(conn).await? {
        found.one("unreadable", format!("{} jobs of the kind `{}` wait for a version that can read them", waiting.jobs, waiting.kind));
    }
    Ok(())
}

/// Violations so far.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn one(&mut self, check: &'static str, what: impl Display) {
        if self.0.iter().rev().take_while(|violation| violation.check == check).count() < integrity::MOST {
            self.0.push(Violation { check, what: what.to_string() });
        }
    }

    fn all(&mut self, check: &'static str, whats: Vec<String>) {
        self.0.extend(whats.into_iter().map(|what| Violation { check, what }));
    }
}
