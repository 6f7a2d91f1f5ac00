//! The queue: claims with a fence, outcomes, claims that are lost, renewed and given back.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::Duration as Span;
use futures::future::join_all;
use hearback_core::id::{CaseId, JobId};
use hearback_store::{
    Db,
    outbox::{self, Job, Lease, MAX_ATTEMPTS, MAX_CRASHES, Model, Outcome},
    time::millis,
};
use hearback_tests::app::{TestApp, on_every_store};

use super::all;

const LEASE: Duration = Duration::from_mins(1);

fn noop(app: &TestApp, cause: &str, due_in: Span) -> Model {
    outbox::row(app.ws, &Job::Noop, cause, app.now() + due_in, app.now(), None)
}

async fn enqueue(app: &TestApp, rows: &[Model]) {
    let tx = app.cx.db.write().await.unwrap();
    outbox::enqueue(&tx, rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn claim(app: &TestApp) -> Vec<Lease> {
    outbox::claim(&app.cx.db, app.now(), LEASE, 100).await.unwrap()
}

async fn claim_one(app: &TestApp) -> Lease {
    let mut leases = claim(app).await;
    assert_eq!(leases.len(), 1);
    leases.remove(0)
}

/// The jobs for which the claim still held.
async fn settle(app: &TestApp, lease: &Lease, outcome: Outcome) -> u64 {
    let tx = app.cx.db.write().await.unwrap();
    let settled = outbox::settle(&tx, &[(lease, outcome)], app.now()).await.unwrap();
    tx.commit().await.unwrap();
    settled
}

async fn is_held(app: &TestApp, lease: &Lease) -> bool {
    let tx = app.cx.db.write().await.unwrap();
    let held = outbox::is_held(&tx, lease).await.unwrap();
    // Dropped, it would hold its lock until the pool has taken the connection back.
    tx.rollback().await.unwrap();
    held
}

async fn only(app: &TestApp) -> Model {
    let mut rows = all::<outbox::Entity>(app).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[tokio::test]
async fn one_cause_is_queued_once_also_when_it_is_done() {
    on_every_store(async |app| {
        enqueue(app, &[noop(app, "a", Span::zero()), noop(app, "b", Span::hours(1))]).await;
        enqueue(app, &[noop(app, "a", Span::hours(2)), noop(app, "c", Span::zero())]).await;
        let due: HashSet<JobId> = claim(app).await.iter().map(|lease| lease.id).collect();
        assert_eq!(due, HashSet::from([JobId::beside("a"), JobId::beside("c")]), "b is not due, a is there once");
        app.clock.advance(Span::hours(2));
        let lease = claim_one(app).await;
        settle(app, &lease, Outcome::Done).await;
        enqueue(app, &[noop(app, "b", Span::zero())]).await;
        assert!(claim(app).await.is_empty(), "what was done is not queued again");
    })
    .await;
}

#[tokio::test]
async fn the_oldest_comes_first_and_a_claim_takes_no_more_than_it_was_told() {
    on_every_store(async |app| {
        let rows: Vec<Model> = [3, 1, 2, 0].map(|hours| noop(app, &hours.to_string(), Span::hours(hours))).into();
        enqueue(app, &rows).await;
        assert_eq!(outbox::next_due(&app.cx.db).await.unwrap(), Some(app.now()));
        app.clock.advance(Span::hours(9));
        let first = outbox::claim(&app.cx.db, app.now(), LEASE, 3).await.unwrap();
        let mut ids: Vec<JobId> = first.iter().map(|lease| lease.id).collect();
        ids.sort_unstable();
        let mut wanted = ["0", "1", "2"].map(JobId::beside);
        wanted.sort_unstable();
        assert_eq!(ids, wanted);
        assert_eq!(claim_one(app).await.id, JobId::beside("3"));
        assert!(claim(app).await.is_empty());
        assert_eq!(outbox::next_due(&app.cx.db).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn each_outcome_leaves_its_row() {
    on_every_store(async |app| {
        enqueue(app, &[noop(app, "a", Span::zero())]).await;
        let later = app.now() + Span::minutes(5);
        let lease = claim_one(app).await;
        assert_eq!((lease.attempt, lease.workspace, &lease.job), (1, app.ws, &Ok(Job::Noop)));
        settle(app, &lease, Outcome::Snooze(later, "not now".to_owned())).await;
        let row = only(app).await;
        assert_eq!((row.state.as_str(), row.attempts, row.run_at, row.error.as_deref()), ("queued", 0, millis(later), Some("not now")));
        assert_eq!((row.lease_id, row.leased_until, row.finished_at), (None, None, None));

        app.clock.set(later);
        let lease = claim_one(app).await;
        settle(app, &lease, Outcome::Retry("broke".to_owned())).await;
        let row = only(app).await;
        assert_eq!((row.state.as_str(), row.attempts, row.run_at), ("queued", 1, millis(later + outbox::backoff(1))));

        for attempt in 2..=MAX_ATTEMPTS {
            app.clock.advance(Span::hours(2));
            let lease = claim_one(app).await;
            assert_eq!(lease.attempt, attempt);
            settle(app, &lease, Outcome::Retry("broke".to_owned())).await;
        }
        let row = only(app).await;
        assert_eq!((row.state.as_str(), row.attempts, row.finished_at), ("dead", i64::from(MAX_ATTEMPTS), Some(millis(app.now()))));

        for (cause, outcome, state) in [
            ("done", Outcome::Done, "done"),
            ("cancelled", Outcome::Cancel("gone".to_owned()), "cancelled"),
            ("dead", Outcome::Dead("never".to_owned()), "dead"),
        ] {
            enqueue(app, &[noop(app, cause, Span::zero())]).await;
            let lease = claim_one(app).await;
            assert_eq!(settle(app, &lease, outcome).await, 1, "{cause}");
            let row = all::<outbox::Entity>(app).await.into_iter().find(|row| row.id == JobId::beside(cause).uuid()).unwrap();
            assert_eq!((row.state.as_str(), row.finished_at), (state, Some(millis(app.now()))));
        }
        assert!(claim(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_claim_by_a_clock_that_was_months_ahead_does_not_hold_for_months() {
    on_every_store(async |app| {
        enqueue(app, &[noop(app, "a", Span::zero())]).await;
        let claimed = claim_one(app).await;
        app.clock.advance(Span::days(90));
        outbox::renew(&app.cx.db, &[claimed.fence], app.now(), LEASE).await.unwrap();
        // The clock is right again, and the worker died meanwhile.
        app.clock.advance(-Span::days(90));
        assert_eq!(outbox::rescue(&app.cx.db, app.now()).await.unwrap(), 1);
        assert_eq!(claim_one(app).await.id, claimed.id);
    })
    .await;
}

#[tokio::test]
async fn who_lost_a_claim_settles_nothing() {
    on_every_store(async |app| {
        enqueue(app, &[noop(app, "a", Span::zero())]).await;
        let slept = claim_one(app).await;
        assert!(is_held(app, &slept).await);
        assert_eq!(outbox::rescue(&app.cx.db, app.now() + Span::seconds(60)).await.unwrap(), 0, "it holds for a minute");
        app.clock.advance(Span::seconds(61));
        assert_eq!(outbox::rescue(&app.cx.db, app.now()).await.unwrap(), 1);
        assert!(!is_held(app, &slept).await);
        let awake = claim_one(app).await;
        assert_ne!(awake.fence, slept.fence);
        let before = only(app).await;
        for outcome in [Outcome::Done, Outcome::Retry(String::new()), Outcome::Dead(String::new())] {
            assert_eq!(settle(app, &slept, outcome).await, 0);
        }
        outbox::renew(&app.cx.db, &[slept.fence], app.now() + Span::hours(1), LEASE).await.unwrap();
        outbox::release(&app.cx.db, &[slept.fence]).await.unwrap();
        assert_eq!(only(app).await, before, "nothing of the lost claim was written");
        assert_eq!(settle(app, &awake, Outcome::Done).await, 1);
        assert_eq!(settle(app, &awake, Outcome::Done).await, 0, "settled already");
    })
    .await;
}

#[tokio::test]
async fn a_renewed_claim_lives_on_and_one_that_is_given_back_costs_nothing() {
    on_every_store(async |app| {
        enqueue(app, &[noop(app, "a", Span::zero())]).await;
        let lease = claim_one(app).await;
        app.clock.advance(Span::seconds(50));
        outbox::renew(&app.cx.db, &[lease.fence], app.now(), LEASE).await.unwrap();
        app.clock.advance(Span::seconds(50));
        assert_eq!(outbox::rescue(&app.cx.db, app.now()).await.unwrap(), 0);
        assert!(is_held(app, &lease).await);
        outbox::release(&app.cx.db, &[lease.fence]).await.unwrap();
        assert_eq!(claim_one(app).await.attempt, 1);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_kills_its_worker_is_dead_in_the_end() {
    on_every_store(async |app| {
        enqueue(app, &[noop(app, "poison", Span::zero()), noop(app, "later", Span::hours(9))]).await;
        for crash in 1..=MAX_CRASHES {
            assert_eq!(claim_one(app).await.attempt, crash);
            app.clock.advance(Span::seconds(61));
            assert_eq!(outbox::rescue(&app.cx.db, app.now()).await.unwrap(), 1);
            app.clock.advance(Span::minutes(5));
        }
        assert!(claim(app).await.is_empty());
        let states: HashMap<_, _> = all::<outbox::Entity>(app).await.into_iter().map(|row| (row.id, row.state.as_str())).collect();
        assert_eq!(states[&JobId::beside("poison").uuid()], "dead");
        assert_eq!(states[&JobId::beside("later").uuid()], "queued");
    })
    .await;
}

/// Whoever was claimed together with it is not given up with it.
#[tokio::test]
async fn a_job_that_kills_its_worker_dies_alone() {
    on_every_store(async |app| {
        let poison = JobId::beside("poison");
        let mut jobs: Vec<Model> = (0..200).map(|n| noop(app, &format!("innocent-{n}"), Span::zero())).collect();
        jobs.push(noop(app, "poison", Span::zero()));
        enqueue(app, &jobs).await;
        while outbox::next_due(&app.cx.db).await.unwrap().is_some() || outbox::running(&app.cx.db).await.unwrap() > 0 {
            let leases = outbox::claim(&app.cx.db, app.now(), LEASE, 500).await.unwrap();
            if leases.iter().any(|lease| lease.id == poison) {
                app.clock.advance(Span::seconds(61));
            } else {
                for lease in &leases {
                    settle(app, lease, Outcome::Done).await;
                }
                app.clock.advance(Span::seconds(1));
            }
            outbox::rescue(&app.cx.db, app.now()).await.unwrap();
        }
        let all = all::<outbox::Entity>(app).await;
        assert_eq!(all.iter().filter(|job| job.state.as_str() == "done").count(), 200);
        assert_eq!(all.iter().find(|job| job.id == poison.uuid()).unwrap().state.as_str(), "dead");
    })
    .await;
}

#[tokio::test]
async fn a_payload_of_a_newer_version_is_kept_and_said_to_be_unreadable() {
    on_every_store(async |app| {
        let newer = Model { payload: r#"{"job":"teleport","to":"moon"}"#.to_owned(), ..noop(app, "a", Span::zero()) };
        enqueue(app, std::slice::from_ref(&newer)).await;
        app.run_until_idle().await;
        let row = only(app).await;
        assert_eq!((row.state.as_str(), &row.payload, row.attempts), ("queued", &newer.payload, 0));
        assert!(row.error.unwrap().contains("newer version"));
        let known = "UPDATE outbox SET payload = '{\"job\":\"noop\"}'";
        hearback_store::ConnectionTrait::execute_unprepared(app.cx.db.read(), known).await.unwrap();
        app.advance(Span::days(1)).await;
        assert_eq!(only(app).await.state.as_str(), "done", "by a version that knows it");
    })
    .await;
}

#[tokio::test]
async fn a_new_revision_cancels_what_waits_from_older_ones() {
    on_every_store(async |app| {
        let (case, other) = (CaseId::new(app.now()), CaseId::new(app.now()));
        let about = |cause: &str, case, revision| {
            outbox::row(app.ws, &Job::Noop, cause, app.now() + Span::hours(1), app.now(), Some((case, revision)))
        };
        enqueue(app, &[about("old", case, 1), about("new", case, 2), about("other", other, 1)]).await;
        let tx = app.cx.db.write().await.unwrap();
        let cancelled = outbox::cancel_older(&tx, app.ws, case, 2, "changed", app.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(cancelled.iter().map(|row| row.id).collect::<Vec<_>>(), [JobId::beside("old").uuid()]);
        app.clock.advance(Span::hours(1));
        let left: HashSet<JobId> = claim(app).await.iter().map(|lease| lease.id).collect();
        assert_eq!(left, HashSet::from([JobId::beside("new"), JobId::beside("other")]));
    })
    .await;
}

#[tokio::test]
async fn only_old_jobs_that_ended_well_are_pruned() {
    on_every_store(async |app| {
        for (cause, outcome) in [("done", Some(Outcome::Done)), ("dead", Some(Outcome::Dead(String::new()))), ("open", None)] {
            enqueue(app, &[noop(app, cause, Span::zero())]).await;
            if let Some(outcome) = outcome {
                let lease = claim_one(app).await;
                settle(app, &lease, outcome).await;
            }
        }
        assert_eq!(outbox::prune(&app.cx.db, app.now(), 10).await.unwrap(), 0, "not old yet");
        assert_eq!(outbox::prune(&app.cx.db, app.now() + Span::seconds(1), 10).await.unwrap(), 1);
        assert_eq!(all::<outbox::Entity>(app).await.len(), 2);
    })
    .await;
}

/// Two nodes with eight claimers each on one queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_claimers_take_each_job_once() {
    const JOBS: usize = 600;
    on_every_store(async |app| {
        let rows: Vec<Model> = (0..JOBS).map(|n| noop(app, &n.to_string(), Span::zero())).collect();
        enqueue(app, &rows).await;
        let other = app.database.open().await;
        let claimers = (0..16).map(|n| {
            let db = if n % 2 == 0 { app.cx.db.clone() } else { other.clone() };
            tokio::spawn(claim_all(db, app.now()))
        });
        let taken: Vec<JobId> = join_all(claimers).await.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(taken.len(), JOBS);
        assert_eq!(taken.into_iter().collect::<HashSet<_>>().len(), JOBS);
        let rows = all::<outbox::Entity>(app).await;
        assert!(rows.iter().all(|row| row.state.as_str() == "running" && row.attempts == 1));
        other.close().await.unwrap();
    })
    .await;
}

async fn claim_all(db: Db, now: chrono::DateTime<chrono::Utc>) -> Vec<JobId> {
    let mut taken = Vec::new();
    loop {
        let leases = outbox::claim(&db, now, LEASE, 7).await.unwrap();
        if leases.is_empty() {
            return taken;
        }
        taken.extend(leases.iter().map(|lease| lease.id));
    }
}
