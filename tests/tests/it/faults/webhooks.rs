//! The process ends between the answer of a webhook and the commit that records it: the message goes out once more, under the same id
//! and with a time and a signature of its own, so that a receiver can tell a repeat from a replay.

use std::time::Duration;

use futures::future::join_all;
use hearback_core::{Clock as _, SystemClock};
use hearback_store::{Db, EntityTrait as _, deliveries};
use hearback_tests::{
    connection::Connection,
    database::{EVERY, Fresh, Kind},
    engine::is_idle,
    listener::Listener,
    process::{Setup, until},
};
use serde_json::json;

/// What a dead process had begun is taken up again within this time.
const TAKEN_UP: Duration = Duration::from_mins(3);

const RULES: &str = "rules: [{ key: calls, name: Calls, on: response_settled, then: [{ call_webhook: crm }] }]";

async fn ends_before_it_is_recorded(kind: Kind, place: &str) {
    let database = Fresh::make(kind).await;
    let folder = database.folder.path();
    let mail = format!("file://{}", folder.join("mail").display());
    let setup = Setup::new(&database.url, folder, &mail).with("HEARBACK_WEBHOOKS__ALLOW_PRIVATE", "true");
    let key = setup.api_key().await;
    let rules = folder.join("rules.yaml");
    std::fs::write(&rules, RULES).unwrap();
    let (status, text) = setup.run(&["rules", "apply", rules.to_str().unwrap()]).await;
    assert!(status.success(), "{text}");

    let crm = Listener::start(&[200]).await;
    let server = setup.clone().faults(&format!("{place}=return(abort)")).start().await;
    let mut connection = Connection::to(server.address);
    let webhook = json!({ "key": "crm", "kind": "webhook", "url": crm.url("/hook") });
    assert_eq!(connection.post("/api/v1/webhooks", &key, webhook.to_string()).await.unwrap().status, 201);
    let nobody = json!({ "survey": "nps", "score": 9 });
    let answer = connection.post("/api/v1/responses", &key, nobody.to_string()).await.unwrap();
    assert_eq!(answer.status, 201, "{kind:?}: {}", answer.body);
    server.ended().await;
    assert_eq!(crm.taken().len(), 1, "{kind:?}: told before the end at {place}");

    let server = setup.start().await;
    let db = Db::connect(&database.url, 2).await.unwrap();
    until(TAKEN_UP, "the message goes out again", async || crm.taken().len() == 2).await;
    until(TAKEN_UP, "all is done", async || is_idle(&db, SystemClock.now()).await).await;
    assert!(server.terminate().await.success());
    let taken = crm.taken();
    let [first, second] = taken.as_slice() else { panic!("{kind:?}, {place}: {} messages", taken.len()) };
    let header = |name: &str| (first.headers.get(name), second.headers.get(name));
    let same = |name: &str| header(name).0.is_some() && header(name).0 == header(name).1;
    assert!(same("webhook-id") && !same("webhook-timestamp") && !same("webhook-signature"), "{kind:?}: {first:?}, {second:?}");
    assert_eq!(first.body, second.body, "{kind:?}");
    let rows = deliveries::Entity::find().all(db.read()).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.status.as_str()).collect::<Vec<_>>(), ["sent"], "{kind:?}");
    assert_eq!(setup.fsck().await, "", "{kind:?}");
    db.close().await.unwrap();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_not_recorded_goes_out_again_under_the_same_id() {
    let all = EVERY.iter().flat_map(|kind| ["ledger.begin", "ledger.commit"].map(|place| ends_before_it_is_recorded(*kind, place)));
    join_all(all).await;
}
