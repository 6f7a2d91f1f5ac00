//! A small world for the tests: a SQLite file, a clock that stands still, mail into a folder.
#![allow(dead_code, reason = "each test uses its own part of it")]

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    Email, ManualClock,
    id::{CaseId, WorkspaceId},
    token::SecretKey,
};
use hearback_engine::{
    Engine, Settings,
    customers::people::NewPerson,
    responses::submit::{FollowUp, NewResponse, Receipt, submit_responses},
    settings::Dispatch,
    setup,
};
use hearback_mailer::{Templates, Transport};
use hearback_store::{ConnectionTrait, Db};

/// Everything a test needs; the folder goes with it.
pub struct World {
    /// The engine.
    pub cx: Engine,
    /// Its clock.
    pub clock: ManualClock,
    /// Its one workspace.
    pub ws: WorkspaceId,
    folder: tempfile::TempDir,
}

/// A Monday noon.
pub fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

impl World {
    /// A fresh database with what a fresh database has.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let clock = ManualClock::new(noon());
        let cx = Engine::new(
            db,
            Arc::new(clock.clone()),
            settings(),
            Templates::load(None).unwrap(),
            Transport::File(folder.path().join("mail")),
        );
        let ws = setup::ensure_workspace(&cx).await.unwrap();
        Self { cx, clock, ws, folder }
    }

    /// A second node on the same database, with a memory of its own.
    pub async fn other_node(&self) -> Engine {
        let transport = Transport::File(self.folder.path().join("mail"));
        Engine::new(open(&self.folder).await, Arc::new(self.clock.clone()), settings(), Templates::load(None).unwrap(), transport)
    }

    /// Stores one answer.
    pub async fn answer(&self, new: NewResponse) -> Receipt {
        submit_responses(&self.cx, self.ws, vec![new], FollowUp::On).await.remove(0).unwrap()
    }

    /// Stores an answer of somebody with an address and a comment.
    pub async fn score(&self, score: i64, email: &str) -> (Receipt, CaseId) {
        let receipt = self.answer(answer("nps", score, email)).await;
        let case = receipt.case.id;
        (receipt, case)
    }

    /// Every byte of the database files, for a search.
    pub fn bytes(&self) -> Vec<u8> {
        ["hearback.db", "hearback.db-wal"]
            .iter()
            .flat_map(|name| std::fs::read(self.folder.path().join(name)).unwrap_or_default())
            .collect()
    }

    /// Changes rows behind the engine's back.
    pub async fn sql(&self, sql: &str) {
        let tx = self.cx.db.write().await.unwrap();
        tx.execute_unprepared("PRAGMA defer_foreign_keys = ON").await.unwrap();
        tx.execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// An answer as the API sends it.
pub fn answer(survey: &str, score: i64, email: &str) -> NewResponse {
    NewResponse {
        survey: survey.to_owned(),
        score,
        comment: Some(format!("words of {email}")),
        person: NewPerson { email: Some(email.to_owned()), name: Some(format!("Name of {email}")), ..NewPerson::default() },
        ..NewResponse::default()
    }
}

async fn open(folder: &tempfile::TempDir) -> Db {
    let path = folder.path().join("hearback.db");
    let db = Db::connect(&format!("sqlite://{}", path.display()), 4).await.unwrap();
    db.migrate().await.unwrap();
    db
}

fn settings() -> Settings {
    Settings {
        public_url: "http://localhost".to_owned(),
        survey_url: "http://localhost".to_owned(),
        mail_from: Email::parse("hello@example.com").unwrap(),
        mail_from_name: "Hearback".to_owned(),
        mail_connections: 2,
        dispatch: Dispatch::default(),
        keep_quarantined: chrono::Duration::days(30),
        erasures: None,
        secret_key: SecretKey::new(&[7; 32]).unwrap(),
        max_batch: 100,
        max_waiting: 100,
        settle_delay: Duration::minutes(15),
        first_contact: hearback_core::Span::BusinessDays(2),
        close: hearback_core::Span::BusinessDays(5),
        warn_before: hearback_core::Span::BusinessHours(4),
        limits: hearback_engine::settings::Limits { mails_per_person_day: 1_000, mails_per_rule_hour: 100_000 },
        log_ins: hearback_engine::settings::LogInRules::default(),
        private_webhooks: false,
        folders: Vec::new(),
    }
}
