//! The pages of the loop: what closing lacks, the two clocks, waiting, codes for causes, and who is there.

use hearback_engine::role::Role;
use hearback_tests::app::on_every_database;
use serde_json::json;

use super::{AGENT, pages::form_token};

#[tokio::test]
async fn the_case_page_shows_the_clocks_and_lets_a_case_wait_and_be_given_up() {
    on_every_database(async |app| {
        let policy =
            json!({ "segment": "detractor", "root_causes": ["price", "late delivery"], "forced_order": true, "lapse_after": "30d" });
        app.put("/policies", policy).await.expect(200);
        let receipt = app.answer("anna@example.com", 2).await;
        let path = format!("/cases/{}", receipt["case"]["id"].as_str().unwrap());
        let agent = app.log_in(AGENT, Role::Agent).await;
        let page = agent.get(&path).await;
        let text = page.text();
        for shown in [
            "3 tries without an answer over 5 working days",
            "In this order: contact, resolve, close",
            "<option value=\"late delivery\"",
            "Given up by itself",
            "Wait for the customer",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        let csrf = format!("csrf={}", form_token(&page));
        let wrong = agent.form(&format!("{path}/close"), &format!("{csrf}&root_cause=weather")).await;
        assert!(wrong.status == 422 && wrong.text().contains("price, late delivery"), "{}", wrong.text());
        for (step, says) in
            [("wait", "The clock for closing stands still."), ("resume", "The case goes on."), ("lapse", "The case is given up.")]
        {
            let done = agent.form(&format!("{path}/{step}"), &csrf).await;
            assert_eq!(done.status, 303, "{}", done.text());
            let after = agent.get(done.header("location")).await.text();
            assert!(after.contains(says), "{step}: {after}");
            assert_eq!(after.contains("Waits for the customer</span>"), step == "wait");
        }
        assert_eq!(app.case_of(&receipt).await["loop_status"], "lapsed");
    })
    .await;
}

#[tokio::test]
async fn the_teams_page_shows_who_is_there_and_how_much_they_have() {
    on_every_database(async |app| {
        let agent = app.log_in(AGENT, Role::Agent).await;
        let teams = app.get("/teams").await.expect(200);
        let id = teams["items"][0]["members"][0]["id"].as_str().unwrap();
        app.put(&format!("/users/{id}/cap"), json!({ "cap": 1 })).await.expect(200);
        app.put(&format!("/users/{id}/absence"), json!({ "until": "2026-04-01T00:00:00Z" })).await.expect(200);
        let mine = json!({ "survey": "nps", "score": 2, "person": { "email": "anna@example.com" } });
        app.post("/responses", mine).await.expect(201);
        let text = agent.get("/teams").await.text();
        for shown in ["Support", "away", "1 Apr 2026", "0 of at most 1", "1 case that nobody has taken yet", "calendar default"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    })
    .await;
}
