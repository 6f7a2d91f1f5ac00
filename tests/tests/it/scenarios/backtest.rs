//! Rules tried out on a year of answers: what the backtest says is what happens once the rules are enabled.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use hearback_engine::{
    customers::people::NewPerson,
    responses::submit::{FollowUp, NewResponse, submit_responses},
    role::Role,
};
use hearback_rules::Property;
use hearback_store::{deliveries, responses, tasks};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{
    all,
    rules::{publish, without_shipped},
};
use crate::invariants::looking::dump;

const LIVE: &str = "
- key: outreach
  on: response_settled
  when: { score: { lte: 4 } }
  then:
    - assign: round_robin:support
    - open_task: Call the customer
      owner: case
      due: 2d
    - send_mail: detractor_outreach
      to: customer
- key: thanks
  on: response_settled
  when: { segment: promoter }
  then:
    - send_mail: promoter_thanks
      to: customer
    - tag: [open-an-hour-later]
      after: 1h
      if: { loop_status: open }
    - create_referral: true
      after: 1h
    - send_mail: referral_invitation
      to: customer
      after: 1h
      if: { loop_status: closed, person: { plan: gold } }
";

/// Also those who gave a 5 or 6, but of customers who pay; the task goes to the next of the team.
const TRIED: &str = "
- key: outreach
  on: [response_settled, no_first_contact]
  when: { score: { lte: 6 }, person: { plan: { in: [gold, silver] } } }
  then:
    - assign: round_robin:support
    - open_task: Call the customer
      owner: case
      due: 1d
    - send_mail: detractor_outreach
      to: customer
    - send_mail: task_assigned
      to: owner
";

struct Past {
    at: DateTime<Utc>,
    email: String,
    score: i64,
    plan: &'static str,
}

/// A year, an answer about every third day, at odd hours; nobody twice within a day.
fn year(until: DateTime<Utc>) -> Vec<Past> {
    let past = |n: i64| Past {
        at: until - Duration::days(360) + Duration::hours(n * 71) + Duration::minutes(n * 7 % 60),
        email: format!("customer-{}@example.com", n % 50),
        score: (n * 7 + n / 11) % 11,
        plan: ["gold", "silver", "free"][usize::try_from(n % 3).unwrap()],
    };
    (0..120).map(past).collect()
}

fn answer(past: &Past) -> NewResponse {
    let properties = BTreeMap::from([("plan".to_owned(), Property::Text(past.plan.to_owned()))]);
    let person = NewPerson { email: Some(past.email.clone()), properties, ..NewPerson::default() };
    NewResponse { survey: "nps".to_owned(), score: past.score, person, ..NewResponse::default() }
}

async fn backtest(app: &TestApp, query: &str, rules: &str) -> Value {
    let path = format!("/api/v1/rules/backtest{query}");
    app.api.send("POST", &path, &[("content-type", "application/yaml")], rules.to_owned()).await.expect(200)
}

type ByDay = BTreeMap<String, i64>;

/// Counts by day of one side of the report: `new` or `live`.
fn said(line: &Value, side: &str) -> ByDay {
    let days = line["days"].as_array().unwrap().iter();
    days.map(|day| (day["day"].as_str().unwrap().to_owned(), day[side].as_i64().unwrap())).filter(|(_, count)| *count > 0).collect()
}

fn day(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap().format("%Y-%m-%d").to_string()
}

/// What was really done since `start`: mails by template and recipient, tasks by owner, both by day.
async fn done(app: &TestApp) -> (BTreeMap<(String, String), ByDay>, BTreeMap<String, ByDay>) {
    let (mut mails, mut by_owner): (BTreeMap<_, ByDay>, BTreeMap<_, ByDay>) = (BTreeMap::new(), BTreeMap::new());
    for mail in all::<deliveries::Entity>(app).await {
        assert_eq!(mail.status.as_str(), "sent");
        let to = if mail.acknowledges { "customer" } else { "owner" };
        *mails.entry((mail.kind, to.to_owned())).or_default().entry(day(mail.created_at)).or_default() += 1;
    }
    for task in all::<tasks::Entity>(app).await {
        *by_owner.entry(task.owner).or_default().entry(day(task.created_at)).or_default() += 1;
    }
    (mails, by_owner)
}

#[tokio::test]
async fn a_backtest_says_what_enabling_the_rules_then_does_and_changes_nothing() {
    on_every_database(async |app| {
        for name in ["a", "b", "c"] {
            app.add_user(&format!("{name}@shop.example"), name, Role::Agent, None).await;
        }
        without_shipped(app).await;
        publish(app, LIVE).await;
        let year = year(app.now());
        let imported = year.iter().map(|past| NewResponse { responded_at: Some(past.at), ..answer(past) }).collect();
        for stored in submit_responses(&app.cx, app.ws, imported, FollowUp::Off).await {
            stored.unwrap();
        }
        let before = dump(app).await;
        let report = backtest(app, "?limit=3", TRIED).await;
        assert_eq!(before, dump(app).await, "nothing changed");

        // Who, counted by hand.
        let new = |past: &&Past| past.score <= 6 && past.plan != "free";
        let live = |past: &&Past| past.score <= 4;
        let count = |wanted: &dyn Fn(&&Past) -> bool| i64::try_from(year.iter().filter(wanted).count()).unwrap();
        let [outreach] = report["rules"].as_array().unwrap().as_slice() else { panic!("{report}") };
        assert_eq!(outreach["matched"], json!({ "new": count(&new), "live": count(&live) }));
        assert_eq!(outreach["both"], json!(count(&|past| new(past) && live(past))));
        assert_eq!(outreach["only_new"], json!(count(&|past| new(past) && !live(past))));
        assert_eq!(outreach["only_live"], json!(count(&|past| !new(past) && live(past))));
        assert_eq!((&outreach["live_version"], &outreach["not_simulated"]), (&json!(1), &json!(["no_first_contact"])));
        assert_eq!((&report["answers"], report["cases"].as_array().unwrap().len()), (&json!(120), 3));
        let mail = |kind: &str| report["mails"].as_array().unwrap().iter().find(|line| line["template"] == kind).unwrap().clone();
        assert_eq!(mail("detractor_outreach")["count"], json!({ "new": count(&new), "live": count(&live) }));
        assert_eq!(mail("task_assigned")["count"], json!({ "new": count(&new), "live": 0 }));
        let happy_gold = count(&|past| past.score >= 9 && past.plan == "gold");
        assert_eq!(mail("referral_invitation")["count"], json!({ "new": happy_gold, "live": happy_gold }), "the loop is closed by then");
        let tasks: Vec<i64> = report["owners"].as_array().unwrap().iter().map(|line| line["count"]["new"].as_i64().unwrap()).collect();
        assert_eq!((tasks.len(), tasks.iter().sum::<i64>()), (3, count(&new)));
        assert!(tasks.iter().max().unwrap() - tasks.iter().min().unwrap() <= 1, "fair: {tasks:?}");

        // The same answers once more, with the rules enabled.
        publish(app, &TRIED.replace("[response_settled, no_first_contact]", "response_settled")).await;
        for past in &year {
            app.clock.set(past.at);
            app.post("/responses", serde_json::to_value(answer(past)).unwrap()).await.expect(201);
            app.run_until_idle().await;
            app.advance(Duration::hours(1)).await;
            // The third step of a rule waits for the second, which waits for the first.
            app.advance(Duration::seconds(5)).await;
        }
        assert_eq!(all::<responses::Entity>(app).await.len(), 240);
        let (mails, owners) = done(app).await;
        let of = |line: &Value| (line["template"].as_str().unwrap().to_owned(), line["to"].as_str().unwrap().to_owned());
        let foreseen: BTreeMap<_, ByDay> = report["mails"].as_array().unwrap().iter().map(|line| (of(line), said(line, "new"))).collect();
        assert_eq!(mails, foreseen);
        let of = |line: &Value| line["owner"].as_str().unwrap().to_owned();
        let foreseen: BTreeMap<_, ByDay> = report["owners"].as_array().unwrap().iter().map(|line| (of(line), said(line, "new"))).collect();
        assert_eq!(owners, foreseen);
    })
    .await;
}

#[tokio::test]
async fn a_backtest_keeps_to_its_span_and_refuses_a_wrong_rule() {
    on_every_database(async |app| {
        let year = year(app.now());
        let imported = year.iter().map(|past| NewResponse { responded_at: Some(past.at), ..answer(past) }).collect();
        for stored in submit_responses(&app.cx, app.ws, imported, FollowUp::Off).await {
            stored.unwrap();
        }
        let (since, until) = (year[10].at, year[100].at);
        let text = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let report = backtest(
            app,
            &format!("?since={}&until={}", text(since), text(until)),
            "{ key: all, on: response_settled, then: [{ tag: [x] }] }",
        )
        .await;
        assert_eq!(
            (&report["answers"], &report["rules"][0]["only_new"], &report["rules"][0]["live_version"]),
            (&json!(90), &json!(90), &json!(null))
        );
        let refused = app.api.send("POST", "/api/v1/rules/backtest", &[], "{ key: x, on: never, then: [{ close: true }] }").await;
        assert_eq!(refused.refused(), ["line 1, column 15"]);
    })
    .await;
}
