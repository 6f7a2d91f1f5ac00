//! Bounces, complaints, automatic answers and opt-outs by mail: what follows from a genuine one, and that nothing follows
//! from any other.

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_store::{alerts, deliveries, messages, suppressions};
use hearback_tests::{
    app::{TestApp, on_every_database},
    asked::Asked,
    letters::{bring, corpus, mark, shaped, taken},
};
use serde_json::Value;

use super::{all, count, timeline};
use crate::invariants::looking::dump;

/// The mails to this customer, the oldest first.
async fn mails(app: &TestApp, address: &str) -> Vec<deliveries::Model> {
    let mut mails = all::<deliveries::Entity>(app).await;
    mails.retain(|mail| mail.to_address == address);
    mails.sort_by_key(|mail| (mail.created_at, mail.id));
    mails
}

/// A customer who was thanked: the receipt, and the mail.
async fn thanked(app: &TestApp, address: &str) -> (Value, deliveries::Model) {
    let receipt = app.answer(address, 10).await;
    app.run_until_idle().await;
    let mail = mails(app, address).await.remove(0);
    assert_eq!(mail.status.as_str(), "sent");
    (receipt, mail)
}

async fn stopped(app: &TestApp) -> Vec<(String, String)> {
    let mut rows: Vec<_> = all::<suppressions::Entity>(app).await.into_iter().map(|row| (row.address, row.reason)).collect();
    rows.sort();
    rows
}

async fn alert_kinds(app: &TestApp) -> Vec<String> {
    all::<alerts::Entity>(app).await.into_iter().map(|alert| alert.kind).collect()
}

#[tokio::test]
async fn a_bounce_is_believed_once_and_stops_mail_to_a_mailbox_that_is_not_there() {
    on_every_database(async |app| {
        let (receipt, mail) = thanked(app, "anna@example.com").await;
        let bounce = shaped("bounce-postfix-5.1.1", &mark(app, Purpose::Bounce, mail.id));
        let told = taken(app, bounce.clone()).await;
        assert_eq!((told["kind"].as_str(), told["state"].as_str()), (Some("bounce"), Some("done")));
        assert_eq!(told["reason"], "address 5.1.1");
        assert_eq!(told["case"], receipt["case"]["id"]);
        let again = bring(app, bounce.clone()).await;
        assert_eq!((again.status, again.json()["id"].clone()), (200, told["id"].clone()));
        // The same over another way, with more written upon it.
        let forwarded = [b"Received: by gateway.example.net; today\n".as_slice(), &bounce].concat();
        assert_eq!(bring(app, forwarded).await.status, 200);
        let row = mails(app, "anna@example.com").await.remove(0);
        assert_eq!(row.status.as_str(), "bounced");
        assert!(row.reply.unwrap().contains("5.1.1"));
        assert_eq!(stopped(app).await, [("anna@example.com".to_owned(), "hard_bounce".to_owned())]);
        let case = app.case_of(&receipt).await;
        assert_eq!(count(&timeline(&case), "mail_returned"), 1);
        assert_eq!(all::<messages::Entity>(app).await.len(), 1);
        app.advance(Duration::hours(2)).await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1, "the invitation of the next hour is not sent");
    })
    .await;
}

#[tokio::test]
async fn a_full_mailbox_is_given_up_after_three_mails_and_a_policy_never_blames_the_customer() {
    on_every_database(async |app| {
        for (shape, gives_up) in [("bounce-postfix-5.2.2-full", true), ("bounce-postfix-5.7.1-policy", false)] {
            let address = format!("{gives_up}@example.com");
            for number in 0..3 {
                assert!(!stopped(app).await.iter().any(|(row, _)| *row == address), "{shape}: after {number}");
                app.answer(&address, 10).await;
                app.run_until_idle().await;
                let sent = mails(app, &address).await.into_iter().find(|mail| mail.status.as_str() == "sent").unwrap();
                taken(app, shaped(shape, &mark(app, Purpose::Bounce, sent.id))).await;
                app.advance(Duration::days(1)).await;
            }
            assert_eq!(stopped(app).await.iter().any(|(row, _)| *row == address), gives_up, "{shape}");
        }
    })
    .await;
}

/// Writes to the customer, and brings a report of this shape about the mail.
async fn returned(app: &TestApp, address: &str, shape: &str) {
    app.answer(address, 2).await;
    app.run_until_idle().await;
    let sent = mails(app, address).await.into_iter().rfind(|mail| mail.status.as_str() == "sent").unwrap();
    taken(app, shaped(shape, &mark(app, Purpose::Bounce, sent.id))).await;
}

#[tokio::test]
async fn an_address_that_never_takes_our_mail_is_given_up_whatever_the_codes_and_however_far_apart() {
    on_every_database(async |app| {
        let (late, fine) = ("late@example.com", "fine@example.com");
        for shape in ["bounce-postfix-4.4.1-gave-up", "bounce-report-of-nonsense", "bounce-postfix-5.7.1-policy"] {
            assert!(stopped(app).await.is_empty(), "{shape}");
            app.answer(fine, 2).await;
            returned(app, late, shape).await;
            app.advance(Duration::days(91)).await;
        }
        assert_eq!(stopped(app).await, [(late.to_owned(), "hard_bounce".to_owned())]);
        let [row] = all::<suppressions::Entity>(app).await.try_into().unwrap();
        assert!(row.note.as_ref().is_some_and(|note| note.contains("none of 3 mails in a row") && note.contains("5.7.1")), "{row:?}");
        assert!(alert_kinds(app).await.contains(&"address_given_up".to_owned()));
        app.answer(late, 2).await;
        app.run_until_idle().await;
        let mut statuses: Vec<_> = mails(app, late).await.into_iter().map(|mail| mail.status.as_str()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, ["bounced", "bounced", "bounced", "suppressed"]);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_arrives_begins_the_count_anew() {
    on_every_database(async |app| {
        let address = "anna@example.com";
        for arrives in [false, false, true, false, false] {
            if arrives {
                app.answer(address, 2).await;
                app.run_until_idle().await;
            } else {
                returned(app, address, "bounce-postfix-5.2.2-full").await;
            }
            app.advance(Duration::days(31)).await;
        }
        assert!(stopped(app).await.is_empty());
        returned(app, address, "bounce-postfix-5.2.2-full").await;
        assert_eq!(stopped(app).await.len(), 1, "the third in a row");
    })
    .await;
}

#[tokio::test]
async fn nothing_follows_from_a_mail_without_a_genuine_mark() {
    on_every_database(async |app| {
        let (_, mail) = thanked(app, "anna@example.com").await;
        let second = app.second_workspace().await;
        let foreign = app.cx.settings.secret_key.mark(Purpose::Bounce, second.uuid(), mail.id);
        let unknown = mark(app, Purpose::Bounce, hearback_core::id::DeliveryId::new(app.now()).uuid());
        let other_purpose = mark(app, Purpose::Reply, mail.id);
        let mut broken = mark(app, Purpose::Bounce, mail.id);
        let last = broken.pop().unwrap();
        broken.insert(0, last);
        let before = dump(app).await;
        for (name, raw) in corpus() {
            let name = name.trim_end_matches(".eml");
            let told = taken(app, raw).await;
            assert_eq!(told["state"], "quarantined", "{name}");
            for mark in [&foreign, &unknown, &broken] {
                // A report that is no complaint has no mark at all: it is the same each time.
                let answer = bring(app, shaped(name, mark)).await;
                assert_eq!(answer.json()["state"], "quarantined", "{name}");
            }
            // One that came to no address with a mark is believed by the mail that it brings back.
            let is_report = ["bounce", "delayed", "delivered"].iter().any(|kind| name.starts_with(kind));
            if is_report && name != "bounce-mark-only-in-original" {
                assert_eq!(taken(app, shaped(name, &other_purpose)).await["state"], "quarantined", "{name} to the address for replies");
            }
        }
        app.clock.advance(Duration::days(15));
        let late = taken(app, shaped("bounce-postfix-5.1.1", &mark(app, Purpose::Bounce, mail.id))).await;
        assert_eq!((late["state"].as_str(), late["reason"].as_str()), (Some("quarantined"), Some("the mark in its address has expired")));
        let after = dump(app).await;
        for (table, rows) in before {
            if table != "messages" {
                assert_eq!(after[table], rows, "{table} changed");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_report_whose_address_was_lost_is_believed_by_the_mail_that_it_brings_back() {
    on_every_database(async |app| {
        let (receipt, mail) = thanked(app, "anna@example.com").await;
        let told = taken(app, shaped("bounce-mark-only-in-original", &mark(app, Purpose::Reply, mail.id))).await;
        assert_eq!((told["kind"].as_str(), told["state"].as_str()), (Some("bounce"), Some("done")));
        assert_eq!(stopped(app).await, [("anna@example.com".to_owned(), "hard_bounce".to_owned())]);
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "mail_returned"), 1);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_lies_in_quarantine() {
    on_every_database(async |app| {
        let mut parts = String::from("From: a@b.lt\nContent-Type: multipart/mixed; boundary=p\n\n");
        for _ in 0..600 {
            parts.push_str("--p\n\nx\n");
        }
        let told = taken(app, parts).await;
        assert_eq!((told["kind"].as_str(), told["reason"].as_str()), (Some("unknown"), Some("it has more than 500 parts")));
        assert_eq!(bring(app, vec![b'x'; 10 * 1024 * 1024 + 1]).await.status, 413);
        assert_eq!(bring(app, "").await.status, 422);
        let json = app.api.send("POST", "/api/v1/inbound", &[("content-type", "application/json")], "{}").await;
        assert_eq!(json.status, 415);
        let listed = app.get("/messages?state=quarantined").await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(app.get("/messages?kind=letter").await.status, 422);
    })
    .await;
}

#[tokio::test]
async fn quarantine_is_emptied_in_time_and_nothing_else_goes() {
    on_every_database(async |app| {
        let (_, mail) = thanked(app, "anna@example.com").await;
        assert_eq!(taken(app, shaped("complaint-yahoo", &mark(app, Purpose::Bounce, mail.id))).await["state"], "done");
        let letter = |n: u32| format!("From: a@b.lt\nSubject: {n}\n\nhello {n}\n");
        assert_eq!(taken(app, letter(1)).await["state"], "quarantined");
        let states = async || {
            let listed = app.get("/messages").await.expect(200);
            let state = |row: &Value| row["state"].as_str().unwrap().to_owned();
            let mut states: Vec<String> = listed["items"].as_array().unwrap().iter().map(state).collect();
            states.sort();
            states
        };
        app.advance(Duration::days(29)).await;
        assert_eq!(taken(app, letter(2)).await["state"], "quarantined");
        assert_eq!(states().await, ["done", "quarantined", "quarantined"]);
        app.advance(Duration::days(2)).await;
        assert_eq!(states().await, ["done", "quarantined"], "the older one is gone, what belongs to a customer stays");
        app.advance(Duration::days(30)).await;
        assert_eq!(states().await, ["done"]);
        assert_eq!(taken(app, letter(1)).await["state"], "quarantined", "what comes once more is kept once more");
    })
    .await;
}

#[tokio::test]
async fn a_complaint_stops_mail_and_is_told() {
    on_every_database(async |app| {
        for (n, (shape, purpose)) in [
            ("complaint-yahoo", Purpose::Bounce),
            ("complaint-aol-headers-only", Purpose::Reply),
            ("complaint-outlook-jmrp", Purpose::Reply),
        ]
        .into_iter()
        .enumerate()
        {
            let address = format!("{n}@example.com");
            let (receipt, mail) = thanked(app, &address).await;
            assert_eq!(taken(app, shaped(shape, &mark(app, purpose, mail.id))).await["state"], "done", "{shape}");
            assert!(stopped(app).await.contains(&(address, "complaint".to_owned())), "{shape}");
            assert_eq!(count(&timeline(&app.case_of(&receipt).await), "complained"), 1);
        }
        assert_eq!(alert_kinds(app).await, ["complaint"]);
    })
    .await;
}

#[tokio::test]
async fn an_automatic_answer_is_shown_and_changes_nothing() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 2).await;
        app.run_until_idle().await;
        let sent = app.mails().len();
        let mail = mails(app, "anna@example.com").await.remove(0);
        let before = app.case_of(&receipt).await;
        let (bounces, replies) = (mark(app, Purpose::Bounce, mail.id), mark(app, Purpose::Reply, mail.id));
        taken(app, shaped("auto_reply-m365-oof", &replies)).await;
        taken(app, shaped("auto_reply-null-return-path", &bounces)).await;
        // Nobody sees the address for bounces: what comes there was written by a machine, even without a sign of it.
        assert_eq!(taken(app, shaped("reply-outlook", &bounces)).await["kind"], "auto_reply");
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        assert_eq!(count(&timeline(&case), "auto_reply"), 3);
        for field in ["loop_status", "attempts", "first_contact_at", "tasks"] {
            assert_eq!(case[field], before[field], "{field}");
        }
        assert_eq!(app.mails().len(), sent, "nothing is ever answered by itself");
        assert_eq!(case["messages"].as_array().unwrap().len(), 3);
        assert!(alert_kinds(app).await.is_empty() && stopped(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_mail_of_the_subject_unsubscribe_is_believed() {
    on_every_database(async |app| {
        for (n, shape) in ["opt_out-by-mail", "opt_out-gmail"].into_iter().enumerate() {
            let address = format!("{n}@example.com");
            let (receipt, mail) = thanked(app, &address).await;
            taken(app, shaped(shape, &mark(app, Purpose::Reply, mail.id))).await;
            assert!(stopped(app).await.contains(&(address.clone(), "unsubscribed".to_owned())));
            assert_eq!(count(&timeline(&app.case_of(&receipt).await), "opted_out"), 1);
            app.advance(Duration::hours(2)).await;
            assert_eq!(app.mails_to(&address).len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn an_invitation_that_comes_back_is_bounced() {
    on_every_database(async |app| {
        let asked = Asked::new(app, "anna@example.com", "en").await;
        app.run_until_idle().await;
        let mail = asked.mails(app).await.remove(0);
        taken(app, shaped("bounce-gmail-5.1.1", &mark(app, Purpose::Bounce, mail.id))).await;
        assert_eq!(asked.now(app).await.state.as_str(), "bounced");
        assert_eq!(stopped(app).await, [("anna@example.com".to_owned(), "hard_bounce".to_owned())]);
    })
    .await;
}
