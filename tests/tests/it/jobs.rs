//! Each kind of job run twice: under its claim and after it was settled. Whoever runs a job again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use futures::future::join_all;
use hearback_engine::{jobs, role::Role, ticks::TICKS};
use hearback_store::{
    EntityTrait, cases, deliveries, events, incentive_codes,
    outbox::{self, Job, Outcome},
    referrals, rollups, runs, tasks,
};
use hearback_tests::app::{Options, TestApp, on_every_database};
use serde_json::json;

/// How jobs are run.
#[derive(Clone, Copy, PartialEq)]
enum Times {
    Once,
    /// Twice under the same claim, a third time after it was settled.
    Again,
    /// Twice at the same moment under the same claim, and all reconcilers twice at the same moment.
    AtOnce,
}

async fn work(app: &TestApp, times: Times) {
    loop {
        for tick in TICKS {
            (tick.run)(&app.cx).await.unwrap();
            if times == Times::AtOnce {
                let (one, two) = tokio::join!((tick.run)(&app.cx), (tick.run)(&app.cx));
                one.unwrap();
                two.unwrap();
            }
        }
        let leases = app.claim().await;
        if leases.is_empty() {
            return;
        }
        let run = || join_all(leases.iter().map(|lease| jobs::run(&app.cx, lease)));
        let outcomes: Vec<Outcome> = match times {
            Times::Once => run().await,
            Times::Again => {
                let first = run().await;
                run().await;
                first
            }
            Times::AtOnce => {
                let (first, second) = tokio::join!(run(), run());
                // Whoever did the work settles the job.
                first.into_iter().zip(second).map(|(one, two)| if one == Outcome::Settled { one } else { two }).collect()
            }
        };
        app.settle(&leases, outcomes).await;
        if times == Times::Again {
            run().await;
        }
    }
}

/// What came of a fixed story in which every kind of job occurs.
async fn story(app: &TestApp, times: Times) -> BTreeMap<String, usize> {
    app.add_user("ieva@shop.example", "Ieva", Role::Agent, None).await;
    app.stock("thank-you", &["A", "B", "C"]).await;
    let tx = app.cx.db.write().await.unwrap();
    outbox::enqueue(&tx, &[outbox::row(app.ws, &Job::Noop, "noop", app.now(), app.now(), None)]).await.unwrap();
    tx.commit().await.unwrap();
    for (name, score) in [("low", 2), ("middle", 7), ("high", 10), ("changed", 9)] {
        for channel in ["api", "email"] {
            let body = json!({ "survey": "nps", "score": score, "channel": channel, "person": { "email": format!("{name}-{channel}@example.com") } });
            let receipt = app.post("/responses", body).await.expect(201);
            if name == "changed" {
                app.correct(&receipt, 3).await;
            }
        }
    }
    for _ in 0..8 {
        work(app, times).await;
        app.clock.advance(Duration::minutes(20));
    }
    app.clock.advance(Duration::hours(50));
    work(app, times).await;
    // A mail whose end was looked at twice rests for a quarter of an hour; then its job ends too.
    app.clock.advance(Duration::minutes(20));
    app.run_until_idle().await;
    told(app).await
}

/// Everything that a customer or one of us could notice, counted.
async fn told(app: &TestApp) -> BTreeMap<String, usize> {
    let db = app.cx.db.read();
    let mut notes: Vec<String> = Vec::new();
    notes.extend(app.mails().into_iter().map(|mail| format!("mail to {}: {}", mail.to, mail.subject)));
    notes.extend(
        deliveries::Entity::find()
            .all(db)
            .await
            .unwrap()
            .into_iter()
            .map(|row| format!("delivery {} {} {} {}", row.kind, row.status, row.attempts, row.duplicates)),
    );
    notes.extend(tasks::Entity::find().all(db).await.unwrap().into_iter().map(|row| format!("task {} {}", row.title, row.status)));
    notes.extend(events::Entity::find().all(db).await.unwrap().into_iter().map(|row| format!("event {}", row.kind)));
    notes.extend(runs::Entity::find().all(db).await.unwrap().into_iter().map(|row| format!("run {} {}", row.trigger, row.revision)));
    notes.extend(referrals::Entity::find().all(db).await.unwrap().into_iter().map(|_| "referral".to_owned()));
    let codes = incentive_codes::Entity::find().all(db).await.unwrap();
    notes.extend(codes.into_iter().filter(|code| code.case_id.is_some()).map(|_| "code given".to_owned()));
    notes.extend(cases::Entity::find().all(db).await.unwrap().into_iter().map(|row| {
        format!("case {} {} {} tasks, escalated: {}", row.segment, row.loop_status, row.open_tasks, row.escalated_at.is_some())
    }));
    notes.extend(
        rollups::Entity::find()
            .all(db)
            .await
            .unwrap()
            .into_iter()
            .map(|row| format!("counted {row:?}").split("hour").nth(1).unwrap_or_default().to_owned()),
    );
    notes.extend(outbox::Entity::find().all(db).await.unwrap().into_iter().map(|row| format!("job {} {}", row.kind, row.state)));
    let mut counts = BTreeMap::new();
    for note in notes {
        *counts.entry(note).or_insert(0) += 1;
    }
    counts
}

async fn compare(times: Times) {
    on_every_database(async |app| {
        let other = TestApp::on(app.database.kind, &Options::default()).await;
        let once = story(&other, Times::Once).await;
        let mut again = story(app, times).await;
        if times == Times::AtOnce {
            // Who looks while the other one waits for the server's reply can't know that the reply will come.
            again.remove("event mail_unknown");
        }
        assert_eq!(again, once);
        let kinds: BTreeSet<&str> =
            once.keys().filter_map(|note| note.strip_prefix("job ")).filter_map(|job| job.split(' ').next()).collect();
        assert_eq!(kinds, BTreeSet::from(["mail", "noop", "settle", "step"]), "a kind of job that the story has not");
        assert!(once.contains_key("event contact_overdue") && once.contains_key("event task_overdue"), "{once:?}");
        other.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_that_runs_again_does_nothing_again() {
    compare(Times::Again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_runs_twice_at_the_same_moment_happens_once() {
    compare(Times::AtOnce).await;
}
