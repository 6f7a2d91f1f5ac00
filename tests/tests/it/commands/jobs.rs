//! Jobs that were given up, on the command line: listed, put back, done without.

use hearback_core::{id::JobId, state::JobState};
use hearback_store::{
    EntityTrait as _,
    outbox::{self, Job},
};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::Value;

use super::{done, operator, refused};

/// A job that was given up; its id.
async fn given_up(app: &TestApp, cause: &str) -> JobId {
    let row = outbox::row(app.ws, &Job::Noop, cause, app.now(), app.now(), None);
    let row =
        outbox::Model { state: JobState::Dead.into(), error: Some("it panicked".to_owned()), attempts: 10, finished_at: Some(0), ..row };
    let tx = app.cx.db.write().await.unwrap();
    outbox::enqueue(&tx, std::slice::from_ref(&row)).await.unwrap();
    tx.commit().await.unwrap();
    JobId::from_uuid(row.id)
}

async fn states(app: &TestApp) -> Vec<&'static str> {
    let mut states: Vec<_> =
        outbox::Entity::find().all(app.cx.db.read()).await.unwrap().into_iter().map(|job| job.state.as_str()).collect();
    states.sort_unstable();
    states
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_were_given_up_are_listed_put_back_and_discarded() {
    on_every_database(async |app| {
        let program = operator(app);
        assert_eq!(done(&program, &["jobs", "list"]).await.trim(), "no job was given up");
        let first = given_up(app, "first").await;
        for cause in ["second", "third"] {
            given_up(app, cause).await;
        }
        let (status, found) = program.run(&["doctor"]).await;
        assert!(!status.success() && found.contains("FAILED  jobs: 3 were given up; `hearback jobs list`"), "{found}");
        let listed: Value = serde_json::from_str(&done(&program, &["jobs", "list", "--json"]).await).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), 3);
        assert_eq!((&listed[0]["kind"], &listed[0]["state"], &listed[0]["why"]), (&"noop".into(), &"dead".into(), &"it panicked".into()));
        assert!(done(&program, &["jobs", "list"]).await.contains(&format!("{first}  dead        noop")));
        assert_eq!(done(&program, &["jobs", "retry", &first.to_string()]).await.trim(), "1 back in the queue");
        assert_eq!(states(app).await, ["dead", "dead", "queued"]);
        let (status, why) = refused(&program, &["jobs", "retry", "not-an-id"]).await;
        assert!(status.code() == Some(2) && why.contains("hearback jobs list"), "{why}");
        let (status, text) = program.run(&["jobs", "discard", &first.to_string()]).await;
        assert!(status.code() == Some(1) && text.contains("there is no job"), "{text}");
        let all: Value = serde_json::from_str(&done(&program, &["jobs", "discard", "--all", "--json"]).await).unwrap();
        assert_eq!((&all["done"], &all["refused"]), (&2.into(), &serde_json::json!([])));
        assert_eq!(states(app).await, ["cancelled", "cancelled", "queued"]);
        app.run_until_idle().await;
    })
    .await;
}
