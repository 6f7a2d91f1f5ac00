//! Customers who are content: thanked, given a code, asked to recommend; their loops close by themselves.

use chrono::Duration;
use hearback_engine::incentives::pools;
use hearback_store::{incentive_codes, outbox, referrals};
use hearback_tests::app::on_every_database;
use serde_json::json;

use super::{all, stock, texts, timeline};

#[tokio::test]
async fn a_passive_gets_a_code_and_the_question_and_is_closed_on_acknowledgement() {
    on_every_database(async |app| {
        stock(app, &["GIFT-1", "GIFT-2"]).await;
        let receipt = app.answer("jonas@example.com", 8).await;
        assert_eq!(texts(&receipt["effects"], "/do"), ["give_incentive", "send_mail"]);
        assert_eq!(app.case_of(&receipt).await["loop_status"], "open", "not before he was thanked");
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        assert_eq!((&case["loop_status"], &case["first_contact_at"]), (&json!("closed"), &json!("2026-03-16T09:00:00Z")));
        assert_eq!(timeline(&case), ["answered", "planned", "incentive_given", "mail_sent", "closed"]);
        let given: Vec<_> = all::<incentive_codes::Entity>(app).await.into_iter().filter(|code| code.case_id.is_some()).collect();
        let [code] = given.as_slice() else { panic!("{given:?}") };
        let [mail] = app.mails_to("jonas@example.com").try_into().unwrap();
        let code = pools::code(&app.cx.settings.secret_key, code).unwrap();
        assert!(mail.text.contains(&code) && mail.html.contains(&code), "{}", mail.text);
        let loops = &app.get("/metrics").await.expect(200)["loops"];
        assert_eq!((&loops["closed"], &loops["contacted_in_time"]), (&json!(1), &json!(1)));
    })
    .await;
}

#[tokio::test]
async fn a_promoter_is_thanked_at_once_and_asked_an_hour_later() {
    on_every_database(async |app| {
        let receipt = app.answer("mia@example.com", 10).await;
        assert_eq!(texts(&receipt["effects"], "/do"), ["send_mail", "create_referral", "send_mail"]);
        assert_eq!(texts(&receipt["effects"], "/due"), ["2026-03-16T09:00:00Z", "2026-03-16T09:55:00Z", "2026-03-16T10:00:00Z"]);
        app.run_until_idle().await;
        assert_eq!(app.case_of(&receipt).await["loop_status"], "closed", "the acknowledgement was accepted");
        app.advance(Duration::minutes(59)).await;
        assert_eq!(app.mails_to("mia@example.com").len(), 1, "never early");
        app.advance(Duration::minutes(1)).await;
        let mails = app.mails_to("mia@example.com");
        let [link] = all::<referrals::Entity>(app).await.try_into().unwrap();
        assert_eq!(mails.len(), 2);
        assert!(mails[1].text.contains(&format!("/r/{}", link.code)), "{}", mails[1].text);
        app.advance(Duration::days(400)).await;
        assert_eq!(app.mails().len(), 2, "nothing more, ever");
        let states: Vec<_> = all::<outbox::Entity>(app).await.into_iter().map(|row| row.state.to_string()).collect();
        assert!(states.iter().all(|state| state == "done"), "{states:?}");
    })
    .await;
}

/// The clock jumps over everything at once: the mail still has its link.
#[tokio::test]
async fn a_machine_that_slept_sends_the_invitation_with_its_link() {
    on_every_database(async |app| {
        app.answer("mia@example.com", 9).await;
        app.advance(Duration::days(3)).await;
        app.advance(Duration::minutes(1)).await;
        let mails = app.mails_to("mia@example.com");
        assert_eq!(mails.len(), 2);
        assert!(mails.iter().any(|mail| mail.text.contains("/r/")));
        let dead = app.get("/deliveries?status=dead").await.expect(200);
        assert_eq!(dead["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn who_gave_no_address_is_not_written_to() {
    on_every_database(async |app| {
        let anonymous = app.post("/responses", json!({ "survey": "nps", "score": 10 })).await.expect(201);
        let other = app.post("/responses", json!({ "survey": "nps", "score": 10, "person": { "email": "" } })).await.expect(201);
        let low = app.post("/responses", json!({ "survey": "nps", "score": 1, "person": { "external_id": "crm-7" } })).await.expect(201);
        assert_eq!((&anonymous["effects"], &other["effects"]), (&json!([]), &json!([])));
        let (one, two) = (app.case_of(&anonymous).await, app.case_of(&other).await);
        assert_ne!(one["person"]["id"], two["person"]["id"], "two strangers are two people");
        assert!(!texts(&low["effects"], "/do").is_empty(), "somebody of ours still looks into it");
        app.run_until_idle().await;
        assert!(app.mails().is_empty());
        let case = app.case_of(&low).await;
        assert_eq!(case["tasks"].as_array().unwrap().len(), 1);
        assert_eq!(app.get("/metrics").await.expect(200)["n"], 3);
    })
    .await;
}

#[tokio::test]
async fn satisfaction_and_effort_follow_their_own_scales() {
    on_every_database(async |app| {
        for (survey, score, segment) in [
            ("csat", 1, "detractor"),
            ("csat", 3, "passive"),
            ("csat", 5, "promoter"),
            ("ces", 1, "detractor"),
            ("ces", 4, "passive"),
            ("ces", 7, "promoter"),
        ] {
            let answer = json!({ "survey": survey, "score": score, "person": { "email": format!("{survey}-{score}@example.com") } });
            assert_eq!(app.post("/responses", answer).await.expect(201)["segment"], segment, "{survey} {score}");
        }
        let csat = app.get("/metrics?survey=csat").await.expect(200);
        assert_eq!((&csat["n"], &csat["metric"]), (&json!(3), &json!("csat")));
        assert_eq!(app.get("/metrics").await.expect(200)["n"], 0, "none of them is an NPS answer");
    })
    .await;
}
