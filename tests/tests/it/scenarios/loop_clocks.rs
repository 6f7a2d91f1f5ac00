//! The two clocks of a case in business time: when things are due, what happens then, and what stops them.

use chrono::{DateTime, Duration, Utc};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{AGENT, agent, count, rules, texts, timeline};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn calendar(app: &TestApp, key: &str, zone: &str, holiday: &str) {
    let body = json!({ "zone": zone, "days": ["MON", "TUE", "WED", "THU", "FRI"], "from": "09:00", "to": "17:00", "holidays": [holiday] });
    app.put(&format!("/calendars/{key}"), body).await.expect(200);
}

async fn policy(app: &TestApp, body: Value) {
    app.put("/policies", body).await.expect(200);
}

async fn act(app: &TestApp, receipt: &Value, step: &str, body: Value) -> hearback_tests::client::Answer {
    app.post(&format!("/cases/{}/{step}", receipt["case"]["id"].as_str().unwrap()), body).await
}

/// Counted by hand. Friday 16:30; Monday is a holiday; the clocks change on the Sunday in between. The first contact is due
/// on the second working day, Wednesday 16:30, the close on the fifth, the Monday after at 16:30.
#[tokio::test]
async fn friday_afternoon_before_a_holiday_over_a_clock_change_in_three_zones() {
    on_every_database(async |app| {
        agent(app).await;
        for (zone, holiday, friday, contact, close) in [
            ("Europe/Vilnius", "2026-03-30", "2026-03-27T14:30:00Z", "2026-04-01T13:30:00Z", "2026-04-06T13:30:00Z"),
            ("Australia/Sydney", "2027-04-05", "2027-04-02T05:30:00Z", "2027-04-07T06:30:00Z", "2027-04-12T06:30:00Z"),
            ("America/New_York", "2027-11-08", "2027-11-05T20:30:00Z", "2027-11-10T21:30:00Z", "2027-11-15T21:30:00Z"),
        ] {
            calendar(app, "default", zone, holiday).await;
            app.clock.set(at(friday));
            let receipt = app.answer(&format!("{}@example.com", zone.len()), 3).await;
            app.run_until_idle().await;
            let case = app.case_of(&receipt).await;
            assert_eq!((&case["first_contact_due_at"], &case["close_due_at"]), (&json!(contact), &json!(close)), "{zone}");
            assert_eq!(case["tasks"][0]["due_at"], json!(contact), "the task is due in business time as well");

            let warned = at(contact) - Duration::hours(4);
            app.clock.set(warned - Duration::milliseconds(1));
            app.run_until_idle().await;
            assert_eq!(count(&timeline(&app.case_of(&receipt).await), "contact_due_soon"), 0);
            app.clock.set(warned);
            app.run_until_idle().await;
            assert_eq!(count(&timeline(&app.case_of(&receipt).await), "contact_due_soon"), 1, "four hours of work before");

            app.clock.set(at(contact) - Duration::milliseconds(1));
            app.run_until_idle().await;
            assert_eq!(app.case_of(&receipt).await["escalated_at"], json!(null));
            app.clock.set(at(contact));
            app.run_until_idle().await;
            assert_eq!(app.case_of(&receipt).await["escalated_at"], json!(contact), "at the minute");
            app.clock.set(at(close) - Duration::minutes(1));
            app.run_until_idle().await;
            app.clock.set(at(close));
            app.run_until_idle().await;
            app.advance(Duration::days(3)).await;
            let happened = timeline(&app.case_of(&receipt).await);
            let once = ["contact_due_soon", "contact_overdue", "close_due_soon", "close_overdue"].map(|kind| count(&happened, kind));
            assert_eq!(once, [1, 1, 1, 1], "{happened:?}");
        }
        let escalations = texts(&app.get("/deliveries?kind=escalation").await.expect(200)["items"], "/status");
        assert_eq!(escalations, ["sent"; 3], "each once");
    })
    .await;
}

/// Nobody was there at the minute: the first look afterwards finds it, once, on whichever node.
#[tokio::test]
async fn an_untouched_case_escalates_once_although_the_process_was_down_at_that_minute() {
    on_every_database(async |app| {
        agent(app).await;
        let receipt = app.answer("anna@example.com", 2).await;
        app.run_until_idle().await;
        app.clock.advance(Duration::days(30));
        let node = app.second_node().await;
        tokio::join!(app.run_until_idle(), node.run_until_idle());
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        let happened = timeline(&case);
        let counts = ["contact_due_soon", "contact_overdue", "close_due_soon", "close_overdue"].map(|kind| count(&happened, kind));
        assert_eq!(counts, [0, 1, 0, 1], "a warning after the fact is none: {happened:?}");
        assert_eq!(texts(&app.get("/deliveries?kind=escalation").await.expect(200)["items"], "/status"), ["sent"]);
        node.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_teams_own_hours_count_for_what_it_owns() {
    on_every_database(async |app| {
        calendar(app, "sydney", "Australia/Sydney", "2026-12-25").await;
        app.put("/teams/vip", json!({ "name": "VIP", "calendar": "sydney" })).await.expect(200);
        let rule = "rules:\n  - key: vip\n    on: [response_settled]\n    when: { score: { lte: 1 } }\n    then:\n      - assign: team:vip\n      - tag: [later]\n        after: 1bd\n";
        rules::publish(app, rule).await;
        let usual = app.answer("usual@example.com", 3).await;
        let vip = app.answer("vip@example.com", 1).await;
        // Monday 09:00 UTC is 20:00 in Sydney, after closing: two working days later is Wednesday's closing, 17:00 there.
        assert_eq!(app.case_of(&usual).await["first_contact_due_at"], "2026-03-18T09:00:00Z");
        assert_eq!(app.case_of(&vip).await["first_contact_due_at"], "2026-03-18T06:00:00Z");
        let refused = app.put("/calendars/bad", json!({ "zone": "Mars/Base", "days": [], "from": "9", "to": "17:00", "holidays": ["today"] })).await;
        assert_eq!(refused.refused(), ["zone", "from", "holidays.0"]);
        let refused = app.put("/calendars/bad", json!({ "zone": "UTC", "days": [], "from": "09:00", "to": "17:00" })).await;
        assert_eq!(refused.refused(), ["days"]);
        assert_eq!(app.put("/teams/x", json!({ "name": "X", "calendar": "none", "members": [AGENT] })).await.refused(), ["calendar", "members.0"]);
        assert_eq!(texts(&app.get("/calendars").await.expect(200)["items"], "/key"), ["default", "sydney"]);
    })
    .await;
}

#[tokio::test]
async fn waiting_for_the_customer_stops_the_second_clock_and_not_the_first() {
    on_every_database(async |app| {
        agent(app).await;
        let receipt = app.answer("anna@example.com", 3).await;
        let due = app.case_of(&receipt).await["close_due_at"].clone();
        assert_eq!(due, "2026-03-23T09:00:00Z");
        app.advance(Duration::days(1)).await;
        let waits = act(app, &receipt, "wait", json!({ "note": "asked for the order number" })).await.expect(200);
        assert_eq!((&waits["waiting_since"], &waits["close_due_at"]), (&json!("2026-03-17T09:00:00Z"), &due));
        assert_eq!(act(app, &receipt, "wait", json!({})).await.status, 409);
        app.advance(Duration::days(8)).await;
        let still = app.case_of(&receipt).await;
        assert_eq!(count(&timeline(&still), "contact_overdue"), 1, "the first clock ran on");
        assert_eq!(count(&timeline(&still), "close_overdue"), 0);
        // From Tuesday 09:00 to the Wednesday after: six working days on top of Monday 09:00, where work ends on Monday 17:00.
        let replied = act(app, &receipt, "contacts", json!({ "channel": "email", "outcome": "replied" })).await.expect(200);
        assert_eq!((&replied["waiting_since"], &replied["close_due_at"]), (&json!(null), &json!("2026-03-30T17:00:00Z")));
        assert_eq!(count(&timeline(&replied), "resumed"), 1);
        assert_eq!((&replied["overdue"], act(app, &receipt, "resume", json!({})).await.status), (&json!(false), 409));
        app.clock.set(at("2026-03-30T17:00:00Z"));
        app.run_until_idle().await;
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "close_overdue"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_case_too_old_is_given_up_and_can_be_taken_up_again() {
    on_every_database(async |app| {
        agent(app).await;
        policy(app, json!({ "segment": "detractor", "lapse_after": "10d" })).await;
        let receipt = app.answer("anna@example.com", 3).await;
        app.advance(Duration::days(10) - Duration::milliseconds(1)).await;
        assert_eq!(app.case_of(&receipt).await["loop_status"], "open");
        app.advance(Duration::milliseconds(1)).await;
        let lapsed = app.case_of(&receipt).await;
        assert_eq!((lapsed["loop_status"].as_str(), count(&timeline(&lapsed), "lapsed")), (Some("lapsed"), 1));
        let again = act(app, &receipt, "reopen", json!({})).await.expect(200);
        assert_eq!((&again["loop_status"], &again["lapse_at"]), (&json!("open"), &json!("2026-04-05T09:00:00Z")));
        assert_eq!(act(app, &receipt, "lapse", json!({ "note": "moved away" })).await.expect(200)["loop_status"], "lapsed");
        assert_eq!(act(app, &receipt, "lapse", json!({})).await.status, 409);
    })
    .await;
}
