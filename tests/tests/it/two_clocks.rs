//! Two nodes on one database whose clocks are four minutes apart: a campaign asks once, and everybody gets one mail.
//!
//! Both processes run under libfaketime, one two minutes ahead and one two minutes behind.

use std::time::Duration;

use chrono::{Datelike as _, Timelike as _};
use futures::future::join_all;
use hearback_core::{Clock as _, SystemClock};
use hearback_store::{Db, EntityTrait as _, waves};
use hearback_tests::{
    client::Client,
    database::{EVERY, Fresh, Kind},
    faketime,
    process::{Setup, until},
    smtp_server::{Script, SmtpServer},
};
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(6);
const PEOPLE: usize = 5;

async fn one_wave(kind: Kind) {
    let database = Fresh::make(kind).await;
    let mail = SmtpServer::start(Script::default()).await;
    let setup = Setup::new(&database.url, database.folder.path(), &format!("smtp://127.0.0.1:{}", mail.port()));
    let key = setup.api_key().await;
    let nodes = join_all(["+120", "-120"].map(async |offset| faketime::offset(setup.clone(), offset).start().await)).await;
    let api = Client::with_key(nodes[0].address, &key);
    for node in &nodes {
        node.ready().await;
    }
    for number in 0..PEOPLE {
        api.put("/api/v1/people", &json!({ "email": format!("{number}@example.com") })).await.expect(200);
    }
    // Soon by the clock that is ahead, four minutes later by the one that is behind.
    let at = SystemClock.now() + chrono::Duration::seconds(130);
    let cron = format!("{} {} {} {} {} * {}", at.second(), at.minute(), at.hour(), at.day(), at.month(), at.year());
    let days = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let campaign = json!({
        "survey": "nps", "schedule": { "cron": cron, "timezone": "UTC" }, "recontact_days": 0, "window": { "from": "00:00", "to": "00:00", "days": days }
    });
    api.put("/api/v1/campaigns/once", &campaign).await.expect(201);
    until(PATIENCE, "everybody is asked", async || mail.mails().len() >= PEOPLE).await;
    // The node that is behind passes the moment too.
    let passed = at + chrono::Duration::seconds(135);
    until(PATIENCE, "the other node's clock passes the moment", async || SystemClock.now() > passed).await;
    for node in nodes {
        assert!(node.terminate().await.success(), "{kind:?}");
    }
    let mut asked: Vec<String> = mail.mails().iter().map(|mail| mail.rcpt.clone()).collect();
    asked.sort();
    asked.dedup();
    assert_eq!((asked.len(), mail.mails().len()), (PEOPLE, PEOPLE), "{kind:?}: each once");
    let db = Db::connect(&database.url, 1).await.unwrap();
    assert_eq!(waves::Entity::find().all(db.read()).await.unwrap().len(), 1, "{kind:?}: one wave");
    db.close().await.unwrap();
    assert_eq!(setup.fsck().await, "", "{kind:?}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_clocks_are_apart_ask_once() {
    join_all(EVERY.iter().map(|kind| one_wave(*kind))).await;
}
