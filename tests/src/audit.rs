//! Compares what a client was told and what a mail server got with what is stored. Every finding is a line; none is good.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a database that can't be read must fail its test loudly")]

use std::collections::{BTreeMap, HashMap};

use hearback_core::{Clock as _, SystemClock, state::DeliveryStatus};
use hearback_mailer::Limits;
use hearback_store::{Db, EntityTrait as _, cases, deliveries, responses, tasks};
use uuid::Uuid;

use crate::{
    engine::Engine,
    load::{Log, Sent},
    process::Setup,
    smtp_server::{Mail, SmtpServer},
};

/// A little more than a claim holds.
const CLAIM: chrono::Duration = chrono::Duration::seconds(61);
/// Longer than anything waits that follows from an answer by itself: settling, resting mails, delayed steps.
const LONGEST: chrono::Duration = chrono::Duration::hours(3);

/// What is wrong once enough time has passed for everything to be through: claims of dead workers, mails that rested
/// because nobody knew whether they had arrived, steps that wait an hour. No server may run any more. At most `repeats`
/// mails may have been sent again.
pub async fn in_the_end(setup: &Setup, server: &SmtpServer, log: &Log, repeats: usize) -> Vec<String> {
    let engine = Engine::open(setup.database(), setup.mail(), Limits::default(), SystemClock.now() + CLAIM).await;
    engine.work_for(LONGEST).await;
    let db = engine.cx.db.clone();
    let mut wrong = answers(&db, log).await;
    wrong.extend(effects(&db).await);
    wrong.extend(mail(&db, &server.mails(), repeats).await);
    engine.close().await;
    wrong.extend(setup.fsck().await.lines().map(|line| format!("fsck: {line}")));
    wrong
}

/// Each confirmed answer is stored once under the id that was told; nothing is stored twice; each has one case.
pub async fn answers(db: &Db, log: &Log) -> Vec<String> {
    let mut wrong = log.wrong.clone();
    let rows = responses::Entity::find().all(db.read()).await.expect("responses that can be read");
    let all_cases = cases::Entity::find().all(db.read()).await.expect("cases that can be read");
    let mut stored: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for row in &rows {
        stored.entry(row.external_id.as_deref().unwrap_or_default()).or_default().push(row.id);
    }
    for (external_id, ids) in &stored {
        if ids.len() != 1 {
            wrong.push(format!("{external_id} is stored {} times", ids.len()));
        }
    }
    for (external_id, told) in &log.confirmed {
        match stored.get(external_id.as_str()).and_then(|ids| ids.first()) {
            None => wrong.push(format!("{external_id} was confirmed as {told} and is not stored")),
            Some(id) if id.to_string() != *told => wrong.push(format!("{external_id} was confirmed as {told} and is stored as {id}")),
            Some(_) => {}
        }
    }
    let mut of_response: HashMap<Uuid, u32> = HashMap::new();
    for case in &all_cases {
        *of_response.entry(case.response_id).or_default() += 1;
    }
    for row in rows.iter().filter(|row| of_response.get(&row.id) != Some(&1)) {
        wrong.push(format!("response {} has {} cases", row.id, of_response.get(&row.id).unwrap_or(&0)));
    }
    wrong
}

/// Each answer has the mails and tasks that the shipped rules give it, once all of them are through. Written down here
/// and not computed, so that a rule engine that forgets something is noticed.
pub async fn effects(db: &Db) -> Vec<String> {
    let mut mails: HashMap<Uuid, Vec<String>> = HashMap::new();
    for row in deliveries::Entity::find().all(db.read()).await.expect("a ledger that can be read") {
        mails.entry(row.case_id.unwrap_or_default()).or_default().push(row.kind);
    }
    let mut opened: HashMap<Uuid, usize> = HashMap::new();
    for row in tasks::Entity::find().all(db.read()).await.expect("tasks that can be read") {
        *opened.entry(row.case_id).or_default() += 1;
    }
    let rows = responses::Entity::find().all(db.read()).await.expect("responses that can be read");
    let rows: HashMap<Uuid, responses::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut wrong = Vec::new();
    for case in cases::Entity::find().all(db.read()).await.expect("cases that can be read") {
        let external_id = rows.get(&case.response_id).and_then(|row| row.external_id.clone()).unwrap_or_default();
        let Some(n) = external_id.strip_prefix("answer-").and_then(|n| n.parse().ok()) else { continue };
        let sent = Sent::nth(n);
        let mut got = mails.remove(&case.id).unwrap_or_default();
        got.sort_unstable();
        if got != sent.mails() {
            wrong.push(format!("{external_id}, score {}: mails {got:?}, expected {:?}", sent.score, sent.mails()));
        }
        let tasks = opened.get(&case.id).copied().unwrap_or_default();
        if tasks != usize::from(sent.score <= 6) {
            wrong.push(format!("{external_id}, score {}: {tasks} tasks", sent.score));
        }
    }
    wrong
}

/// Each mail of the ledger is sent and reached the server: once, and once more at most for each repeat that the ledger
/// counts. A mail that came twice is the same to the byte. At most `repeats` were sent again.
pub async fn mail(db: &Db, mails: &[Mail], repeats: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut got: HashMap<String, Vec<&Mail>> = HashMap::new();
    for mail in mails {
        got.entry(message_id(mail)).or_default().push(mail);
    }
    let mut counted = 0;
    for row in deliveries::Entity::find().all(db.read()).await.expect("a ledger that can be read") {
        let copies = got.remove(&row.message_id).unwrap_or_default();
        let duplicates = usize::try_from(row.duplicates).unwrap_or_default();
        counted += duplicates;
        if row.status != DeliveryStatus::Sent {
            wrong.push(format!("delivery {} ({}) is {}: {:?}", row.id, row.kind, row.status, row.reply));
        }
        if copies.is_empty() || copies.len() > 1 + duplicates {
            wrong.push(format!("delivery {} ({}) came {} times, {duplicates} repeats are counted", row.id, row.kind, copies.len()));
        }
        if copies.iter().any(|copy| copies.first() != Some(copy)) {
            wrong.push(format!("delivery {} came twice, and not the same", row.id));
        }
    }
    wrong.extend(got.keys().map(|id| format!("the ledger knows no mail {id}")));
    if counted > repeats {
        wrong.push(format!("{counted} mails were sent again, {repeats} at most may be"));
    }
    wrong
}

/// The value of the header `Message-ID`, without its brackets.
pub fn message_id(mail: &Mail) -> String {
    let text = String::from_utf8_lossy(&mail.data);
    let line = text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix("Message-ID: "));
    line.unwrap_or_default().trim_matches(['<', '>']).to_owned()
}
