//! A mail server that is down, refuses, falls silent or hangs up: what the send ledger says then, and in the end.

use std::{net::TcpListener, time::Duration};

use chrono::DateTime;
use futures::future::join_all;
use hearback_engine::responses::submit::{FollowUp, NewResponse, submit_responses};
use hearback_mailer::Limits;
use hearback_store::{EntityTrait as _, events};
use hearback_tests::{
    audit::message_id,
    database::{EVERY, Fresh, Kind},
    engine::{Engine, MAIL_CONNECTIONS},
    smtp_server::{At, Fault, Script, SmtpServer},
};
use serde_json::json;

/// Short enough for a test, long enough for a busy machine to answer when it wants to.
fn limits() -> Limits {
    let wait = Duration::from_secs(1);
    Limits { reply: wait, data: wait, block: wait, dot: wait, ..Limits::default() }
}

/// A delivery: status, attempts, times sent again; and how many copies of it came.
type State = (&'static str, i64, i64, usize);

/// Not at all yet, and not this mail's fault.
const WAITS: State = ("deferred", 0, 0, 0);
/// Not taken, to be tried again.
const DEFERRED: State = ("deferred", 1, 0, 0);
/// Never.
const BOUNCED: State = ("bounced", 1, 0, 0);
/// Taken, but nobody told us.
const UNKNOWN: State = ("unknown", 1, 0, 1);

/// What a fault makes of a mail at once, and in the end.
struct Case {
    at: At,
    fault: Fault,
    first: State,
    last: State,
}

fn cases() -> Vec<Case> {
    let later = || Fault::reply("451 4.7.1 later");
    let never = || Fault::reply("550 5.7.1 never");
    let mut cases = Vec::new();
    let mut add = |at, fault, first, last| cases.push(Case { at, fault, first, last });
    for at in [At::Mail, At::Rcpt, At::Data, At::Dot] {
        add(at, later(), DEFERRED, ("sent", 2, 0, 1));
        add(at, never(), BOUNCED, BOUNCED);
    }
    for at in [At::Mail, At::Rcpt, At::Data] {
        add(at, Fault::Hang, DEFERRED, ("sent", 2, 0, 1));
    }
    // Before the server took notice of the mail it is tried once more at once; afterwards it is an attempt.
    add(At::Mail, Fault::Close, ("sent", 1, 0, 1), ("sent", 1, 0, 1));
    for at in [At::Rcpt, At::Data] {
        add(at, Fault::Close, DEFERRED, ("sent", 2, 0, 1));
    }
    for at in [At::Greeting, At::Ehlo] {
        add(at, Fault::Close, WAITS, ("sent", 1, 0, 1));
        add(at, Fault::Hang, WAITS, ("sent", 1, 0, 1));
        add(at, Fault::reply("421 4.3.2 busy"), WAITS, ("sent", 1, 0, 1));
    }
    add(At::Mail, Fault::reply("530 5.7.0 log in first"), WAITS, ("sent", 1, 0, 1));
    // The dot is out and no reply comes: the one fault after which nobody can know whether the mail was taken.
    add(At::Body, Fault::Hang, ("unknown", 1, 0, 0), ("sent", 2, 1, 1));
    add(At::Dot, Fault::Close, UNKNOWN, ("sent", 2, 1, 2));
    add(At::Dot, Fault::Hang, UNKNOWN, ("sent", 2, 1, 2));
    cases
}

/// The engine on a fresh database, with one unhappy customer: one mail.
async fn one_mail(database: &Fresh, url: &str) -> Engine {
    let monday = DateTime::from_timestamp(1_773_651_600, 0).unwrap();
    let engine = Engine::open(&database.url, url, limits(), monday).await;
    answers(&engine, 1).await;
    engine
}

async fn answers(engine: &Engine, count: usize) {
    let new = |n: usize| json!({ "survey": "nps", "score": 2, "person": { "email": format!("person-{n}@customer.example") } });
    let all: Vec<NewResponse> = (0..count).map(|n| serde_json::from_value(new(n)).unwrap()).collect();
    for receipt in submit_responses(&engine.cx, engine.ws, all, FollowUp::On).await {
        receipt.unwrap();
    }
}

async fn state(engine: &Engine, server: &SmtpServer) -> State {
    let [row] = engine.deliveries().await.try_into().unwrap();
    let copies: Vec<_> = server.mails();
    assert!(copies.iter().all(|copy| message_id(copy) == row.message_id && copy == &copies[0]), "the same mail to the byte");
    (row.status.as_str(), row.attempts, row.duplicates, copies.len())
}

async fn ends_as_the_ledger_says(kind: Kind, Case { at, fault, first, last }: Case) {
    let about = format!("{kind:?}, {fault:?} at {at:?}");
    let database = Fresh::make(kind).await;
    let server = SmtpServer::start(Script::default().once(at, 1, fault)).await;
    let engine = one_mail(&database, &format!("smtp://127.0.0.1:{}", server.port())).await;
    engine.work().await;
    assert_eq!(state(&engine, &server).await, first, "{about}, at once");
    if first.0 == "unknown" {
        engine.work_for(chrono::Duration::minutes(14)).await;
        assert_eq!(state(&engine, &server).await, first, "{about}: it rests for a quarter of an hour");
    }
    engine.work_for(chrono::Duration::minutes(30)).await;
    assert_eq!(state(&engine, &server).await, last, "{about}, in the end");
    let timeline = events::Entity::find().all(engine.cx.db.read()).await.unwrap();
    let told = |kind: &str| timeline.iter().filter(|event| event.kind == kind).count();
    let told = (told("mail_sent"), told("mail_failed"), told("mail_unknown"));
    let expected = (usize::from(last.0 == "sent"), usize::from(last.0 == "bounced"), usize::from(first.0 == "unknown"));
    assert_eq!(told, expected, "{about}: sent, failed, unknown on the timeline");
    engine.close().await;
    database.remove().await;
}

#[tokio::test]
async fn each_fault_ends_as_the_ledger_says() {
    let on = async |kind| {
        for case in cases() {
            ends_as_the_ledger_says(kind, case).await;
        }
    };
    join_all(EVERY.iter().map(|kind| on(*kind))).await;
}

/// While nobody listens, mails wait; no attempt is counted, and the server is not run down with tries.
#[tokio::test]
async fn a_server_that_is_down_costs_no_mail_an_attempt() {
    for kind in EVERY {
        let database = Fresh::make(*kind).await;
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let engine = one_mail(&database, &format!("smtp://{nobody}")).await;
        engine.work_for(chrono::Duration::hours(6)).await;
        let [row] = engine.deliveries().await.try_into().unwrap();
        assert_eq!((row.status.as_str(), row.attempts), ("deferred", 0));
        let now = engine.cx.now();
        engine.close().await;

        let server = SmtpServer::start(Script::default().once(At::Greeting, 1, Fault::Close).once(At::Greeting, 2, Fault::Close)).await;
        let engine = Engine::open(&database.url, &format!("smtp://127.0.0.1:{}", server.port()), limits(), now).await;
        engine.work_for(chrono::Duration::minutes(10)).await;
        assert_eq!(state(&engine, &server).await, ("sent", 1, 0, 1));
        engine.close().await;
        database.remove().await;
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_left_in_peace() {
    let database = Fresh::make(EVERY[0]).await;
    let server = SmtpServer::start(Script::default().always(At::Greeting, Fault::reply("421 4.3.2 overloaded"))).await;
    let engine = one_mail(&database, &format!("smtp://127.0.0.1:{}", server.port())).await;
    answers(&engine, 50).await;
    engine.work_for(chrono::Duration::hours(1)).await;
    // Pauses of 5, 10, 20, .. 300 s: 16 or 17 tries in an hour, each on no more connections than are allowed.
    let tries = server.connections();
    assert!((10..=17 * MAIL_CONNECTIONS).contains(&tries), "{tries} connections");
    let rows = engine.deliveries().await;
    assert_eq!(rows.len(), 51);
    assert!(rows.iter().all(|row| row.attempts == 0 && matches!(row.status.as_str(), "queued" | "deferred")));
    engine.close().await;
    database.remove().await;
}

/// The server takes one mail after the other and hangs up between them, as relays do.
#[tokio::test]
async fn a_server_that_hangs_up_between_mails_costs_nothing() {
    let database = Fresh::make(EVERY[0]).await;
    let server = SmtpServer::start(Script::default().always(At::Idle, Fault::Close)).await;
    let engine = one_mail(&database, &format!("smtp://127.0.0.1:{}", server.port())).await;
    answers(&engine, 40).await;
    engine.work().await;
    let rows = engine.deliveries().await;
    assert!(rows.iter().all(|row| (row.status.as_str(), row.attempts, row.duplicates) == ("sent", 1, 0)), "{rows:?}");
    assert_eq!(server.mails().len(), 41);
    engine.close().await;
    database.remove().await;
}
