//! Counts that are kept by day say the same as counts that are made anew, whatever happens to the cases meanwhile.

use chrono::Duration;
use hearback_core::LoopStatus;
use hearback_engine::{
    Actor,
    customers::people::erase_person,
    metrics::{self, MetricsQuery},
};
use hearback_store::{case_list::is_overdue, cases, integrity, time::millis};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::all;

const PLANS: [&str; 3] = ["gold", "silver", "basic"];

/// What people ask, with bounds that cut days.
fn questions(app: &TestApp) -> Vec<MetricsQuery> {
    let now = app.now();
    let all = MetricsQuery::default();
    vec![
        all.clone(),
        MetricsQuery { since: Some(now - Duration::hours(50)), ..all.clone() },
        MetricsQuery { since: Some(now - Duration::hours(100)), until: Some(now - Duration::hours(30)), ..all.clone() },
        MetricsQuery { since: Some(now - Duration::hours(3)), until: Some(now - Duration::hours(1)), ..all.clone() },
        MetricsQuery { by: Some("plan".to_owned()), ..all.clone() },
        MetricsQuery { by: Some("plan".to_owned()), until: Some(now - Duration::hours(40)), ..all },
    ]
}

async fn said(app: &TestApp, query: MetricsQuery) -> Value {
    serde_json::to_value(metrics::metrics(&app.cx, app.ws, query).await.unwrap()).unwrap()
}

/// The loops that these cases give, counted one by one.
fn counted(cases: &[cases::Model], query: &MetricsQuery, now: i64) -> Value {
    let is_within = |case: &&cases::Model| {
        query.since.is_none_or(|since| case.answered_at >= millis(since))
            && query.until.is_none_or(|until| case.answered_at < millis(until))
    };
    let within: Vec<_> = cases.iter().filter(is_within).collect();
    let count = |fits: &dyn Fn(&cases::Model) -> bool| within.iter().filter(|case| fits(case)).count();
    let is = |status: LoopStatus| count(&|case| *case.loop_status == status);
    json!({
        "total": within.len(),
        "not_needed": is(LoopStatus::NotNeeded),
        "open": is(LoopStatus::Open),
        "contacted": is(LoopStatus::Contacted),
        "resolved": is(LoopStatus::Resolved),
        "closed": is(LoopStatus::Closed),
        "lapsed": is(LoopStatus::Lapsed),
        "overdue": count(&|case| is_overdue(case, now)),
        "with_due": count(&|case| case.first_contact_due_at.is_some()),
        "contacted_in_time": count(&|case| {
            matches!((case.first_contact_at, case.first_contact_due_at), (Some(at), Some(due)) if at <= due)
        }),
    })
}

/// What is kept of the loops, what a count of the cases gives, and a node that has kept nothing.
async fn agree(app: &TestApp, what: &str) {
    let fresh = app.second_node().await;
    let cases = all::<cases::Entity>(app).await;
    assert_eq!(integrity::loop_counts(app.cx.db.read()).await.unwrap(), [""; 0], "after {what}");
    for query in questions(app) {
        let loops = said(app, query.clone()).await["loops"].take();
        for (name, count) in counted(&cases, &query, millis(app.now())).as_object().unwrap() {
            assert_eq!(&loops[name], count, "{name} after {what}: {query:?}");
        }
    }
    for query in questions(app) {
        assert_eq!(said(app, query.clone()).await, said(&fresh, query.clone()).await, "after {what}: {query:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_days_follow_everything_that_happens_to_their_cases() {
    on_every_database(async |app| {
        let mut receipts = Vec::new();
        for number in 0..60_i64 {
            let body = json!({
                "survey": "nps", "score": number % 11, "comment": if number % 2 == 0 { Some("words") } else { None },
                "responded_at": app.now() - Duration::hours(number * 2),
                "person": { "email": format!("c{number}@example.com"), "properties": { "plan": PLANS[usize::try_from(number % 3).unwrap()] } }
            });
            receipts.push(app.post("/responses", body).await.expect(201));
        }
        app.run_until_idle().await;
        for query in questions(app) {
            metrics::keep(&app.cx, app.ws, &query).await.unwrap();
        }
        agree(app, "keeping").await;
        app.answer("new@example.com", 2).await;
        agree(app, "a new answer").await;
        app.correct(&receipts[7], 10).await;
        agree(app, "a correction").await;
        app.advance(Duration::hours(30)).await;
        agree(app, "a day and its mails").await;
        let case = receipts[4].pointer("/case/id").unwrap().as_str().unwrap();
        let contact = json!({ "channel": "phone", "outcome": "reached" });
        app.post(&format!("/cases/{case}/contacts"), contact).await;
        let change = json!({ "root_cause": "late", "resolution": "refund" });
        app.post(&format!("/cases/{case}/resolve"), change).await;
        agree(app, "work on a case").await;
        let person = app.case_of(&receipts[0]).await["person"]["id"].as_str().unwrap().parse().unwrap();
        erase_person(&app.cx, app.ws, &Actor::Operator, person).await.unwrap();
        agree(app, "an erasure").await;
        app.advance(Duration::days(9)).await;
        agree(app, "everything became overdue").await;
    })
    .await;
}
