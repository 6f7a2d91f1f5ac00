//! Who gets a case: by a property, by the account, in turn, by load; and who does not, because they are away or have enough.

use std::collections::BTreeMap;

use futures::future::join_all;
use hearback_core::id::RecordId;
use hearback_engine::role::Role;
use hearback_store::{accounts, bulk, cases};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{AGENT, all, rules, timeline};

const TEAM: [&str; 3] = ["ada@shop.example", "ben@shop.example", "cleo@shop.example"];

/// Three colleagues in the team `desk`; their ids by address.
async fn team(app: &TestApp) -> BTreeMap<String, String> {
    for address in TEAM {
        app.add_user(address, address, Role::Agent, None).await;
    }
    let team = app.put("/teams/desk", json!({ "name": "Desk", "members": TEAM })).await.expect(200);
    let member = |member: &Value| (member["email"].as_str().unwrap().to_owned(), member["id"].as_str().unwrap().to_owned());
    team["members"].as_array().unwrap().iter().map(member).collect()
}

/// The one rule, of one step, gives each unhappy customer's case to an owner.
async fn owner_rule(app: &TestApp, owner: &str) {
    rules::without_shipped(app).await;
    change_owner_rule(app, owner).await;
}

async fn change_owner_rule(app: &TestApp, owner: &str) {
    let head = "rules:\n  - key: owner\n    on: [response_settled, response_corrected]\n    when: { segment: detractor }\n";
    rules::publish(app, &format!("{head}    then:\n      - assign: {owner}\n")).await;
}

async fn away(app: &TestApp, id: &str, body: Value) {
    app.put(&format!("/users/{id}/absence"), body).await.expect(200);
}

/// Unfinished cases by owner.
async fn owned(app: &TestApp) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for case in all::<cases::Entity>(app).await {
        *counts.entry(case.owner.unwrap_or_default()).or_default() += 1;
    }
    counts
}

/// 300 cases from two nodes at once, one of three colleagues away: the other two get 150 each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_are_fair_under_parallel_load_and_pass_over_who_is_away() {
    on_every_database(async |app| {
        let ids = team(app).await;
        owner_rule(app, "round_robin:desk").await;
        away(app, &ids[TEAM[1]], json!({ "from": "2026-01-01T00:00:00Z" })).await;
        let node = app.second_node().await;
        for round in 0..10 {
            let sent = (0..30).map(|n| {
                let node = if n % 2 == 0 { app } else { &node };
                async move { node.answer(&format!("{round}-{n}@example.com"), 2).await }
            });
            join_all(sent).await;
        }
        let fair = BTreeMap::from([(TEAM[0].to_owned(), 150), (TEAM[2].to_owned(), 150)]);
        assert_eq!(owned(app).await, fair);
        // Back again: one turn at once, then like everybody else. Nobody is flooded.
        away(app, &ids[TEAM[1]], json!({})).await;
        for n in 0..30 {
            app.answer(&format!("later-{n}@example.com"), 2).await;
        }
        assert_eq!(owned(app).await, BTreeMap::from([(TEAM[0].to_owned(), 160), (TEAM[1].to_owned(), 10), (TEAM[2].to_owned(), 160)]));
        node.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_property_and_the_account_win_as_the_rule_says() {
    on_every_database(async |app| {
        team(app).await;
        app.add_user(AGENT, "Ieva", Role::Agent, None).await;
        let account = accounts::Model {
            workspace_id: app.ws.uuid(),
            id: RecordId::derived("acme").uuid(),
            key: "acme".to_owned(),
            name: "Acme".to_owned(),
            owner: Some("team:support".to_owned()),
            properties: "{}".to_owned(),
            value: None,
            created_at: 0,
        };
        let tx = app.cx.db.write().await.unwrap();
        bulk::insert::<accounts::Entity>(&tx, &[account]).await.unwrap();
        tx.commit().await.unwrap();
        owner_rule(app, "[property:account_manager, account, round_robin:desk]").await;
        let answer = async |person: Value| {
            let receipt = app.post("/responses", json!({ "survey": "nps", "score": 1, "person": person })).await.expect(201);
            app.case_of(&receipt).await["owner"].clone()
        };
        let both = json!({ "email": "a@example.com", "account": "acme", "properties": { "account_manager": AGENT } });
        assert_eq!(answer(both).await, AGENT);
        assert_eq!(answer(json!({ "email": "b@example.com", "account": "acme" })).await, "team:support");
        assert_eq!(answer(json!({ "email": "c@example.com", "properties": { "account_manager": "nobody we know" } })).await, TEAM[0]);
        // The rule that names only the team gives to the team, whoever looks after the customer.
        change_owner_rule(app, "round_robin:desk").await;
        assert_eq!(answer(json!({ "email": "d@example.com", "owner": AGENT })).await, TEAM[1]);
    })
    .await;
}

#[tokio::test]
async fn a_corrected_answer_stays_with_whoever_has_it() {
    on_every_database(async |app| {
        team(app).await;
        owner_rule(app, "round_robin:desk").await;
        let receipt = app.answer("anna@example.com", 2).await;
        let owner = app.case_of(&receipt).await["owner"].clone();
        app.correct(&receipt, 4).await;
        assert_eq!(app.case_of(&receipt).await["owner"], owner);
    })
    .await;
}

#[tokio::test]
async fn who_has_enough_is_passed_over_and_then_the_team_owns_it() {
    on_every_database(async |app| {
        let ids = team(app).await;
        owner_rule(app, "least_loaded:desk").await;
        for (address, cap) in TEAM.iter().zip([1, 2, 3]) {
            app.put(&format!("/users/{}/cap", ids[*address]), json!({ "cap": cap })).await.expect(200);
        }
        let mut last = json!(null);
        for n in 0..7 {
            let receipt = app.answer(&format!("{n}@example.com"), 1).await;
            last = app.case_of(&receipt).await;
        }
        let expected = [("team:desk", 1), (TEAM[0], 1), (TEAM[1], 2), (TEAM[2], 3)].map(|(owner, n)| (owner.to_owned(), n));
        assert_eq!(owned(app).await, expected.into());
        let why = last["timeline"].as_array().unwrap().iter().find_map(|entry| entry.pointer("/data/steps/0/why")).unwrap();
        assert!(why.as_str().unwrap().contains("absent or has as many open cases"), "{why}");
        let teams = app.get("/teams").await.expect(200);
        let desk = teams["items"].as_array().unwrap().iter().find(|team| team["key"] == "desk").unwrap();
        assert_eq!((&desk["open_cases"], &desk["members"][2]["open_cases"], &desk["members"][2]["cap"]), (&json!(1), &json!(3), &json!(3)));
    })
    .await;
}

#[tokio::test]
async fn who_is_away_is_stood_in_for_and_can_hand_over() {
    on_every_database(async |app| {
        let ids = team(app).await;
        owner_rule(app, TEAM[0]).await;
        let before = app.answer("before@example.com", 1).await;
        away(app, &ids[TEAM[0]], json!({ "until": "2026-04-01T00:00:00Z", "deputy": TEAM[1] })).await;
        let during = app.answer("during@example.com", 1).await;
        assert_eq!(app.case_of(&during).await["owner"], TEAM[1]);
        assert_eq!(app.case_of(&before).await["owner"], TEAM[0], "what is open stays until somebody hands it over");
        let done = app.post(&format!("/users/{}/hand_over", ids[TEAM[0]]), json!({})).await.expect(200);
        assert_eq!(done["cases"], 1);
        let case = app.case_of(&before).await;
        assert_eq!((&case["owner"], timeline(&case).last().map(String::as_str)), (&json!(TEAM[1]), Some("assigned")));
        let wrong = json!({ "from": "2026-04-01T00:00:00Z", "until": "2026-03-01T00:00:00Z", "deputy": TEAM[0] });
        assert_eq!(app.put(&format!("/users/{}/absence", ids[TEAM[0]]), wrong).await.refused(), ["until", "deputy"]);
        app.clock.set("2026-04-01T00:00:00Z".parse().unwrap());
        let after = app.answer("after@example.com", 1).await;
        assert_eq!(app.case_of(&after).await["owner"], TEAM[0], "back by itself");
    })
    .await;
}

#[tokio::test]
async fn the_manager_is_raised_to_and_a_stuck_case_goes_to_the_next() {
    on_every_database(async |app| {
        team(app).await;
        app.add_user(AGENT, "Ieva", Role::Manager, None).await;
        app.put("/teams/desk", json!({ "name": "Desk", "manager": AGENT })).await.expect(200);
        app.put("/policies", json!({ "segment": "detractor", "reassign_after": "1bd" })).await.expect(200);
        owner_rule(app, "round_robin:desk").await;
        let raise =
            "rules:\n  - key: raise\n    on: no_first_contact\n    then:\n      - escalate: Nobody was in touch\n        to: manager\n";
        rules::publish(app, raise).await;
        let receipt = app.answer("anna@example.com", 1).await;
        assert_eq!(app.case_of(&receipt).await["owner"], TEAM[0]);
        app.advance(chrono::Duration::days(1)).await;
        assert_eq!(app.case_of(&receipt).await["owner"], TEAM[1], "one business day without a contact");
        app.advance(chrono::Duration::days(1)).await;
        let case = app.case_of(&receipt).await;
        assert_eq!((&case["owner"], &case["escalated_at"]), (&json!(AGENT), &json!("2026-03-18T09:00:00Z")));
    })
    .await;
}
