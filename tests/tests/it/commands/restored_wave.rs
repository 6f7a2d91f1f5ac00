//! A backup from before a wave was sent, restored after it was: nobody is asked twice behind anybody's back. The operator sees what was due,
//! and says whether it is sent or skipped.

use chrono::Duration;
use hearback_engine::{
    Actor,
    campaigns::fire,
    sending_pause::{self, Waiting},
};
use hearback_store::{deliveries, invitations, outbox::Job};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    database::Fresh,
    process::Setup,
    survey::Screen,
};
use serde_json::{Value, json};

use super::{done, file, operator};
use crate::scenarios::{
    all,
    waves::{campaign, people, person, until},
};

/// Two whose time was before the restore, and one whose working day begins after it.
const PEOPLE: [(&str, Option<&str>); 3] =
    [("anna@example.com", None), ("bob@example.com", Some("America/New_York")), ("carl@example.com", None)];

/// When the backup is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Before the wave began.
    Before,
    /// When its mails stood in the outbox.
    Queued,
}

/// The house as it was, a backup of it, and the mails that left after that.
async fn sent_after_backup(app: &TestApp, taken: Taken) -> String {
    for (address, zone) in PEOPLE {
        person(app, address, json!({ "timezone": zone })).await;
    }
    campaign(app, json!({ "reminders": [{ "after_days": 3 }] })).await;
    if taken == Taken::Queued {
        app.clock.set("2026-03-17T10:00:00Z".parse().unwrap());
        fire::fire_due(&app.cx).await.unwrap();
        // The wave is planned, then it queues its mails.
        for _ in 0..2 {
            let leases = app.claim().await;
            assert!(leases.iter().all(|lease| matches!(lease.job, Ok(Job::Wave { .. }))));
            app.work_on(&leases).await;
        }
    }
    let backup = file(app, "before.backup").display().to_string();
    done(&operator(app), &["backup", &backup]).await;
    until(app, "2026-03-17T10:05:00Z").await;
    assert_eq!((app.mails_to("anna@example.com").len(), app.mails_to("carl@example.com").len(), app.mails().len()), (1, 1, 2));
    backup
}

/// Another house, from the backup.
async fn restored(app: &TestApp, backup: &str) -> (TestApp, Setup) {
    let target = Fresh::make(app.database.kind).await;
    let program = Setup::new(&target.url, target.folder.path(), &format!("file://{}", target.folder.path().join("mail").display()));
    done(&program, &["restore", backup]).await;
    (app.moved_to(target).await, program)
}

async fn told(program: &Setup) -> Value {
    serde_json::from_str(&done(program, &["sending", "status", "--json"]).await).unwrap()
}

/// Nothing leaves, and the operator sees what was due.
async fn waits(there: &TestApp, program: &Setup, taken: Taken) {
    let before = there.mails().len();
    there.run_until_idle().await;
    there.advance(Duration::minutes(20)).await;
    assert_eq!(there.mails().len(), before, "{taken:?}: nothing leaves");
    let status = told(program).await;
    assert!(status["held"]["why"].as_str().unwrap().contains("restored"), "{status}");
    let [wave] = status["waves"].as_array().unwrap().as_slice() else { panic!("{taken:?}: {status}") };
    assert_eq!(
        (&wave["campaign"], &wave["wave"], &wave["due_since"]),
        (&json!("relations"), &json!("2026-Q1"), &json!("2026-03-17T10:00:00Z"))
    );
    let in_words = done(program, &["sending", "status"]).await;
    assert!(in_words.contains("relations 2026-Q1") && in_words.contains("people are due"), "{in_words}");
    match taken {
        Taken::Before => assert_eq!(status["waiting"], 0),
        Taken::Queued => {
            assert_eq!(status["waiting"], 2);
            let queued = there.get("/deliveries?status=queued").await.expect(200);
            assert_eq!(queued["items"].as_array().unwrap().len(), 2, "each mail that would go is listed");
        }
    }
}

fn is(who: &str, state: &str, reason: Option<&str>) -> (String, String, Option<String>) {
    (format!("{who}@example.com"), state.to_owned(), reason.map(str::to_owned))
}

/// The link that was mailed from the lost house.
fn link(app: &TestApp, who: &str) -> String {
    let mails = app.mails_to(&format!("{who}@example.com"));
    let link = mails[0].text.split_whitespace().find_map(|word| word.find("/s/").map(|at| word[at..].to_owned())).unwrap();
    link.split('?').next().unwrap().to_owned()
}

/// How many mails each has got so far.
fn got(app: &TestApp) -> [usize; 3] {
    PEOPLE.map(|(who, _)| app.mails_to(who).len())
}

async fn skipped(app: &TestApp, backup: &str, taken: Taken) {
    let (there, program) = restored(app, backup).await;
    waits(&there, &program, taken).await;
    let [anna, bob, carl] = got(&there);
    sending_pause::resume(&there.cx, there.ws, &Actor::Operator, Waiting::Cancel).await.unwrap();
    there.run_until_idle().await;
    assert_eq!(got(&there), [anna, bob, carl], "{taken:?}: none of them is sent");
    assert_eq!(
        people(&there).await,
        [is("anna", "not_asked", Some("skipped")), is("bob", "planned", Some("outside_window")), is("carl", "not_asked", Some("skipped"))],
        "{taken:?}: each has a reason"
    );
    assert_eq!(told(&program).await["held"], Value::Null);
    there.assert_sound().await;
    // What comes from now on is sent, and who got the mail that we have forgotten can answer it.
    until(&there, "2026-03-17T13:00:05Z").await;
    assert_eq!(got(&there), [anna, bob + 1, carl]);
    let visitor = Client::stranger(there.address());
    let page = Screen::get(&visitor, &link(app, "anna")).await;
    // Nobody reads that fast.
    there.clock.advance(Duration::seconds(5));
    page.touch(&visitor, "score=7").await;
    assert_eq!(people(&there).await[0], is("anna", "answered", None));
    until(&there, "2026-03-30T12:00:00Z").await;
    let [_, to_bob, to_carl] = got(&there);
    assert_eq!((to_bob, to_carl), (bob + 2, carl), "a reminder for bob alone");
    there.assert_sound().await;
    there.end().await;
}

async fn sent(app: &TestApp, backup: &str, taken: Taken) {
    let (there, program) = restored(app, backup).await;
    waits(&there, &program, taken).await;
    let before = got(&there);
    sending_pause::resume(&there.cx, there.ws, &Actor::Operator, Waiting::Send).await.unwrap();
    there.run_until_idle().await;
    until(&there, "2026-03-17T14:00:00Z").await;
    assert_eq!(got(&there), before.map(|mails| mails + 1), "{taken:?}: each once");
    let states = people(&there).await.into_iter().map(|(_, state, _)| state).collect::<Vec<_>>();
    assert_eq!(states, ["sent", "sent", "sent"]);
    assert_eq!(all::<deliveries::Entity>(&there).await.len(), 3);
    assert_eq!(all::<invitations::Entity>(&there).await.len(), 3);
    there.assert_sound().await;
    there.end().await;
}

async fn both_ways(taken: Taken) {
    on_every_database(async |app| {
        let backup = sent_after_backup(app, taken).await;
        sent(app, &backup, taken).await;
        app.clock.set("2026-03-17T10:05:00Z".parse().unwrap());
        skipped(app, &backup, taken).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wave_that_was_sent_after_the_backup_waits_until_somebody_says_send_or_skip() {
    Box::pin(both_ways(Taken::Before)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_one_whose_mails_stood_in_the_backup() {
    Box::pin(both_ways(Taken::Queued)).await;
}
