//! Random walks through the product: whatever customers and agents do, in whatever order, what must be true stays true.

use std::collections::BTreeMap;

use chrono::Duration;
use hearback_engine::role::Role;
use hearback_store::{EntityTrait, cases, deliveries, responses, tasks};
use hearback_tests::{
    app::{Options, TestApp},
    client::Answer,
    database::{EVERY, Kind},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

/// Something that somebody does. `which` picks one of the answers so far.
#[derive(Debug, Clone)]
enum Act {
    Answer { score: i64, customer: u8, one_click: bool },
    SendAgain { which: usize },
    Correct { which: usize, score: i64 },
    Contact { which: usize, outcome: &'static str },
    Resolve { which: usize },
    Close { which: usize },
    Reopen { which: usize },
    Hold { which: usize, step: &'static str },
    Task { which: usize, status: &'static str },
    Assign { which: usize, owner: &'static str },
    Erase { customer: u8 },
    Work,
    Wait { minutes: i64 },
}

const AGENT: &str = "ieva@shop.example";

fn act() -> impl Strategy<Value = Act> {
    let which = 0..64_usize;
    let customer = 0..4_u8;
    prop_oneof![
        4 => (0..=10_i64, customer.clone(), any::<bool>()).prop_map(|(score, customer, one_click)| Act::Answer { score, customer, one_click }),
        1 => which.clone().prop_map(|which| Act::SendAgain { which }),
        4 => (which.clone(), 0..=10_i64).prop_map(|(which, score)| Act::Correct { which, score }),
        2 => (which.clone(), prop::sample::select(vec!["reached", "no_answer", "wrong_number", "replied"])).prop_map(|(which, outcome)| Act::Contact { which, outcome }),
        1 => which.clone().prop_map(|which| Act::Resolve { which }),
        2 => which.clone().prop_map(|which| Act::Close { which }),
        1 => which.clone().prop_map(|which| Act::Reopen { which }),
        2 => (which.clone(), prop::sample::select(vec!["wait", "resume", "lapse"])).prop_map(|(which, step)| Act::Hold { which, step }),
        2 => (which.clone(), prop::sample::select(vec!["done", "cancelled", "open"])).prop_map(|(which, status)| Act::Task { which, status }),
        1 => (which, prop::sample::select(vec![AGENT, "team:support"])).prop_map(|(which, owner)| Act::Assign { which, owner }),
        1 => customer.prop_map(|customer| Act::Erase { customer }),
        4 => Just(Act::Work),
        3 => prop::sample::select(vec![1, 20, 60, 60 * 24, 60 * 50]).prop_map(|minutes| Act::Wait { minutes }),
    ]
}

/// The answers so far, as they were sent and as they were confirmed.
#[derive(Default)]
struct Told(Vec<(Value, Value)>);

impl Told {
    /// Where the case of one of them is, if there is any.
    fn case(&self, which: usize) -> Option<String> {
        let (_, receipt) = self.0.get(which % self.0.len().max(1))?;
        Some(format!("/cases/{}", receipt["case"]["id"].as_str()?))
    }
}

async fn step(app: &TestApp, told: &mut Told, act: &Act) {
    let acted = |answer: &Answer| {
        assert!([200, 204, 409].contains(&answer.status), "{act:?}: {} {}", answer.status, answer.text());
    };
    match act {
        Act::Answer { score, customer, one_click } => {
            let channel = if *one_click { "email" } else { "api" };
            let person = json!({ "email": format!("{customer}@example.com"), "name": format!("Customer {customer}") });
            let id = format!("answer-{}", told.0.len());
            let body = json!({ "survey": "nps", "score": score, "channel": channel, "external_id": id, "person": person });
            let receipt = app.post("/responses", body.clone()).await.expect(201);
            told.0.push((body, receipt));
        }
        Act::SendAgain { which } => {
            let Some((body, receipt)) = told.0.get(which % told.0.len().max(1)) else { return };
            assert_eq!(app.post("/responses", body.clone()).await.expect(200)["id"], receipt["id"]);
        }
        Act::Correct { which, score } => {
            let Some((_, receipt)) = told.0.get(which % told.0.len().max(1)) else { return };
            assert_eq!(app.correct(receipt, *score).await["score"], *score);
        }
        Act::Contact { which, outcome } => {
            let Some(case) = told.case(*which) else { return };
            acted(&app.post(&format!("{case}/contacts"), json!({ "channel": "phone", "outcome": outcome })).await);
        }
        Act::Resolve { which } => {
            let Some(case) = told.case(*which) else { return };
            acted(&app.post(&format!("{case}/resolve"), json!({ "root_cause": "delivery", "resolution": "sent again" })).await);
        }
        Act::Close { which } => {
            let Some(case) = told.case(*which) else { return };
            acted(&app.post(&format!("{case}/close"), json!({})).await);
        }
        Act::Reopen { which } => {
            let Some(case) = told.case(*which) else { return };
            acted(&app.post(&format!("{case}/reopen"), json!({})).await);
        }
        Act::Hold { which, step } => {
            let Some(case) = told.case(*which) else { return };
            acted(&app.post(&format!("{case}/{step}"), json!({})).await);
        }
        Act::Task { which, status } => {
            let all = tasks::Entity::find().all(app.cx.db.read()).await.unwrap();
            let Some(task) = all.get(which % all.len().max(1)) else { return };
            acted(&app.api.patch(&format!("/api/v1/tasks/{}", task.id), &json!({ "status": status })).await);
        }
        Act::Assign { which, owner } => {
            let Some(case) = told.case(*which) else { return };
            acted(&app.post(&format!("{case}/assign"), json!({ "owner": owner })).await);
        }
        Act::Erase { customer } => {
            let found = app.get(&format!("/people?email={customer}@example.com")).await.expect(200);
            let Some(id) = found["items"][0]["id"].as_str() else { return };
            app.api.delete(&format!("/api/v1/people/{id}")).await.expect(204);
        }
        Act::Work => app.run_until_idle().await,
        Act::Wait { minutes } => app.advance(Duration::minutes(*minutes)).await,
    }
}

/// What no walk may break, besides what fsck holds.
async fn check(app: &TestApp, told: &Told) {
    app.assert_sound().await;
    let db = app.cx.db.read();
    let stored = responses::Entity::find().all(db).await.unwrap();
    assert_eq!(stored.len(), told.0.len(), "each confirmed answer is there, once");
    let metrics = app.get("/metrics").await.expect(200);
    assert_eq!((&metrics["n"], &metrics["loops"]["total"]), (&json!(told.0.len()), &json!(told.0.len())));
    let ledger = deliveries::Entity::find().all(db).await.unwrap();
    let unclear: Vec<&deliveries::Model> =
        ledger.iter().filter(|row| !["sent", "cancelled", "suppressed"].contains(&row.status.as_str()) || row.duplicates > 0).collect();
    assert!(unclear.is_empty(), "the server took everything at once: {unclear:#?}");
    let sent: Vec<&deliveries::Model> = ledger.iter().filter(|row| row.status.as_str() == "sent").collect();
    let mut wanted: Vec<String> = sent.iter().map(|row| format!("<{}>", row.message_id)).collect();
    let mut arrived: Vec<String> = app.mails().iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
    wanted.sort();
    arrived.sort();
    assert_eq!(arrived, wanted, "what the ledger calls sent is what arrived");
    let mut per_case: BTreeMap<(Option<uuid::Uuid>, &str), usize> = BTreeMap::new();
    for row in sent.iter().filter(|row| row.acknowledges) {
        *per_case.entry((row.case_id, row.kind.as_str())).or_default() += 1;
    }
    assert!(per_case.values().all(|mails| *mails == 1), "the same mail twice for one answer: {per_case:?}");
    let rung: Vec<cases::Model> = cases::Entity::find().all(db).await.unwrap();
    let missed: Vec<&cases::Model> =
        rung.iter().filter(|case| case.next_deadline_at.is_some_and(|at| at <= app.now().timestamp_millis())).collect();
    assert!(missed.is_empty(), "nothing is due that was not looked at: {missed:#?}");
    for case in rung.into_iter().filter(|case| case.loop_status.as_str() == "closed") {
        assert!(case.closed_at.is_some(), "{case:?}");
        let skipped = case.segment == "detractor" && case.revision == 1 && case.first_contact_at.is_none() && case.attempts < 3;
        assert!(!skipped, "nobody was in touch: {case:?}");
    }
}

async fn walk(kind: Kind, acts: &[Act]) {
    let app = TestApp::on(kind, &Options::default()).await;
    app.add_user(AGENT, "Ieva", Role::Agent, None).await;
    let policy = json!({ "segment": "detractor", "over": "0", "lapse_after": "20d", "reassign_after": "1bd" });
    app.put("/policies", policy).await.expect(200);
    let mut told = Told::default();
    for act in acts {
        step(&app, &mut told, act).await;
    }
    app.advance(Duration::days(30)).await;
    app.advance(Duration::minutes(1)).await;
    check(&app, &told).await;
    app.end().await;
}

#[test]
fn no_walk_breaks_what_must_be_true() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (kind, walks) in EVERY.iter().zip([24, 8]) {
        let config = Config { cases: walks, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
        // The same walks each time: a failure is there for everybody.
        let mut runner =
            TestRunner::new_with_rng(config, prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha));
        runner
            .run(&prop::collection::vec(act(), 5..50), |acts| {
                let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(walk(*kind, &acts))));
                walked.map_err(|_| TestCaseError::fail("see above"))
            })
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
}
