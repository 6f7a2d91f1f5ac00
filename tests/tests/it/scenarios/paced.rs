//! How fast mail leaves, and when it stops by itself.

use std::collections::BTreeMap;

use chrono::{Duration, NaiveDate};
use hearback_core::{Pace, pace::WarmUp, state::WaveStatus};
use hearback_engine::{sending_pause, settings::Dispatch};
use hearback_store::{deliveries, waves};
use hearback_tests::{
    app::{Options, TestApp, monday, on_every_database_with},
    asked::Asked,
    smtp_server::{At, Fault, Script},
};

use super::{
    all,
    invited::{set_wave, wave},
};

fn options(pace: Pace) -> Options {
    Options { dispatch: Dispatch { pace, ..Dispatch::default() }, ..Options::default() }
}

fn addresses(people: usize, domain: &str) -> Vec<String> {
    (0..people).map(|n| format!("{n}@{domain}")).collect()
}

/// When the mails to each domain were sent, in order.
async fn sent(app: &TestApp) -> BTreeMap<String, Vec<i64>> {
    let mut sent: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for mail in all::<deliveries::Entity>(app).await {
        if let Some(at) = mail.sent_at {
            sent.entry(mail.to_address.split('@').nth(1).unwrap().to_owned()).or_default().push(at);
        }
    }
    for times in sent.values_mut() {
        times.sort_unstable();
    }
    sent
}

#[tokio::test]
async fn no_domain_gets_more_than_so_many_a_minute_and_none_waits_for_another() {
    let pace = Pace { per_domain_minute: 30, per_second: 5, per_domain_at_once: 2, ..Pace::default() };
    on_every_database_with(&options(pace), async |app| {
        Asked::many(app, &addresses(20, "slow.example"), "en", None).await;
        Asked::many(app, &addresses(1, "other.example"), "en", None).await;
        app.run_until_idle().await;
        app.answer("anna@slow.example", 9).await;
        for _ in 0..50 {
            app.advance(Duration::seconds(1)).await;
        }
        let sent = sent(app).await;
        let (slow, other) = (&sent["slow.example"], &sent["other.example"]);
        assert_eq!((slow.len(), other.len()), (21, 1));
        let start = monday().timestamp_millis();
        assert!(other[0] < start + 3_000, "it has a line of its own");
        let thanks = all::<deliveries::Entity>(app).await.into_iter().find(|mail| mail.to_address.starts_with("anna@")).unwrap();
        assert!(thanks.sent_at.unwrap() <= start + 3_000, "who is answered does not wait behind who is asked");
        let fastest = slow.windows(10).map(|ten| ten[9] - ten[0]).min().unwrap();
        assert!(fastest >= 14_000, "ten within {fastest} ms");
        assert!(all::<deliveries::Entity>(app).await.iter().all(|mail| mail.attempts == 1), "waiting costs no attempt");
    })
    .await;
}

#[tokio::test]
async fn a_new_sender_asks_more_people_each_day_and_answers_everybody() {
    let from: NaiveDate = monday().date_naive();
    let pace = Pace { warm_up: Some(WarmUp { from, start: 3, growth: 100 }), ..Pace::default() };
    on_every_database_with(&options(pace), async |app| {
        Asked::many(app, &addresses(11, "example.com"), "en", None).await;
        app.run_until_idle().await;
        let count = async || sent(app).await["example.com"].len();
        assert_eq!(count().await, 3);
        app.advance(Duration::hours(10)).await;
        assert_eq!(count().await, 3);
        app.answer("anna@other.example", 9).await;
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@other.example").len(), 1, "an answer is answered");
        app.advance(Duration::hours(13) + Duration::minutes(59)).await;
        assert_eq!(count().await, 3, "at the time of day for which it was meant");
        app.advance(Duration::minutes(2)).await;
        assert_eq!(count().await, 9);
        // Another node knows what the first has asked.
        let other = app.second_node().await;
        other.advance(Duration::hours(1)).await;
        assert_eq!(count().await, 9);
        other.advance(Duration::hours(23)).await;
        assert_eq!(count().await, 11);
    })
    .await;
}

#[tokio::test]
async fn too_many_refusals_of_our_mail_pause_the_wave_and_somebody_is_told() {
    let refused = (1..=5).fold(Script::default(), |script, n| script.once(At::Rcpt, n, Fault::reply("550 5.7.1 we know you")));
    on_every_database_with(&Options { smtp: refused, ..Options::default() }, async |app| {
        let wave = wave(app).await;
        Asked::many(app, &addresses(5, "example.com"), "en", Some(wave)).await;
        app.run_until_idle().await;
        let row = all::<waves::Entity>(app).await.remove(0);
        assert_eq!(row.status.as_str(), "paused");
        assert!(row.reason.unwrap().contains("RCPT: 550 5.7.1"));
        let alerts = app.get("/alerts").await.expect(200);
        assert_eq!((&alerts["items"][0]["kind"], &alerts["items"][0]["subject"]), (&"wave_paused".into(), &"quarterly 2026-Q1".into()));
        let late = Asked::in_wave(app, "late@example.com", "en", Some(wave)).await;
        app.advance(Duration::minutes(20)).await;
        assert_eq!(late.mails(app).await[0].status.as_str(), "queued");
        assert!(app.get("/suppressions").await.expect(200)["items"].as_array().unwrap().is_empty(), "nobody is blamed");
        // It has rows but no job of its own: it must not be left open.
        set_wave(app, wave, WaveStatus::Cancelled).await;
        app.advance(Duration::minutes(20)).await;
        assert_eq!(late.mails(app).await[0].status.as_str(), "cancelled");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_wants_a_log_in_is_told_once_and_forgotten_when_it_works() {
    let script = (1..=3).fold(Script::default(), |script, n| script.once(At::Mail, n, Fault::reply("530 5.7.0 log in first")));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        app.advance(Duration::minutes(1)).await;
        let status = sending_pause::status(&app.cx, app.ws).await.unwrap();
        let trouble = status.trouble.unwrap();
        assert!(trouble.why.contains("530") && trouble.why.contains("mail.url"), "{trouble:?}");
        let alerts = app.get("/alerts").await.expect(200);
        assert_eq!((&alerts["items"][0]["kind"], &alerts["items"][0]["count"]), (&"mail_server".into(), &1.into()));
        for _ in 0..5 {
            app.advance(Duration::minutes(5)).await;
        }
        assert_eq!(app.mails().len(), 1);
        assert_eq!(sending_pause::status(&app.cx, app.ws).await.unwrap().trouble, None);
        assert!(app.get("/alerts").await.expect(200)["items"].as_array().unwrap().is_empty());
    })
    .await;
}
