//! What becomes of a mail between its decision and its reader.

use std::fs;

use chrono::Duration;
use hearback_tests::{
    app::{Options, on_every_database, on_every_database_with},
    smtp_server::{At, Fault, Script},
};
use serde_json::json;

use super::{agent, count, suppress, texts, timeline};

#[tokio::test]
async fn who_opted_out_is_not_written_to_however_late_the_opt_out_came() {
    on_every_database(async |app| {
        let receipt = app.answer("stop@example.com", 10).await;
        app.run_until_idle().await;
        suppress(app, "stop@example.com", "unsubscribed").await;
        app.advance(Duration::hours(2)).await;
        assert_eq!(app.mails_to("stop@example.com").len(), 1, "the one before the opt-out");
        let [held] = app.get("/deliveries?status=suppressed").await.expect(200)["items"].as_array().unwrap().clone().try_into().unwrap();
        assert_eq!(held["kind"], "referral_invitation");
        assert!(held["reply"].as_str().unwrap().contains("unsubscribed"), "says why");
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "mail_suppressed"), 1);

        let low = app.answer("stop@example.com", 1).await;
        app.run_until_idle().await;
        assert_eq!(app.mails_to("stop@example.com").len(), 1);
        assert_eq!(app.case_of(&low).await["tasks"].as_array().unwrap().len(), 1, "a person can still call her");
    })
    .await;
}

#[tokio::test]
async fn a_template_that_misses_a_variable_holds_its_mail_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail/detractor_outreach");
    fs::create_dir_all(&mail).unwrap();
    fs::write(mail.join("body.txt.hbs"), "Dear {{person_name}},\nwe are sorry.\n{{company}}\n").unwrap();
    let options = Options { templates: Some(folder.path().to_owned()), ..Options::default() };
    on_every_database_with(&options, async |app| {
        let nameless = app.answer("nameless@example.com", 2).await;
        let body = json!({ "survey": "nps", "score": 2, "person": { "email": "anna@example.com", "name": "Anna" } });
        app.post("/responses", body).await.expect(201);
        app.answer("mia@example.com", 9).await;
        app.run_until_idle().await;
        assert!(app.mails_to("nameless@example.com").is_empty(), "never `Dear ,`");
        assert!(app.mails_to("anna@example.com")[0].text.starts_with("Dear Anna,"), "in the words of the company");
        assert_eq!(app.mails_to("mia@example.com").len(), 1);
        let [held] = app.get("/deliveries?status=dead").await.expect(200)["items"].as_array().unwrap().clone().try_into().unwrap();
        assert_eq!((&held["to"], &held["attempts"]), (&json!("nameless@example.com"), &json!(0)));
        assert!(held["reply"].as_str().unwrap().contains("person_name"), "{held}");
        let case = app.case_of(&nameless).await;
        assert_eq!((count(&timeline(&case), "mail_failed"), &case["loop_status"]), (1, &json!("open")));
    })
    .await;
}

#[tokio::test]
async fn a_temporary_refusal_is_tried_again_and_a_final_one_is_not() {
    let script =
        Script::default().once(At::Rcpt, 1, Fault::reply("450 4.2.0 greylisted")).once(At::Rcpt, 3, Fault::reply("550 5.1.1 unknown"));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        app.answer("grey@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(texts(&app.get("/deliveries").await.expect(200)["items"], "/status"), ["deferred"]);
        app.advance(Duration::minutes(4)).await;
        assert!(app.mails().is_empty());
        app.advance(Duration::minutes(2)).await;
        let [sent] = app.get("/deliveries").await.expect(200)["items"].as_array().unwrap().clone().try_into().unwrap();
        assert_eq!((&sent["status"], &sent["attempts"], &sent["duplicates"]), (&json!("sent"), &json!(2), &json!(0)));

        let gone = app.answer("gone@example.com", 9).await;
        app.run_until_idle().await;
        let [bounced] = app.get("/deliveries?status=bounced").await.expect(200)["items"].as_array().unwrap().clone().try_into().unwrap();
        assert!(bounced["reply"].as_str().unwrap().contains("550"));
        app.advance(Duration::minutes(50)).await;
        assert!(app.mails_to("gone@example.com").is_empty());
        let case = app.case_of(&gone).await;
        assert_eq!((count(&timeline(&case), "mail_failed"), &case["loop_status"]), (1, &json!("open")), "not thanked, so not closed");
    })
    .await;
}

/// The reply to the final dot is lost: the mail is sent again under the same Message-ID, byte for byte, and counted.
#[tokio::test]
async fn a_doubtful_end_is_sent_again_as_the_same_mail() {
    let script = Script::default().once(At::Dot, 1, Fault::Close);
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(texts(&app.get("/deliveries").await.expect(200)["items"], "/status"), ["unknown"]);
        app.advance(Duration::minutes(20)).await;
        let [sent] = app.get("/deliveries").await.expect(200)["items"].as_array().unwrap().clone().try_into().unwrap();
        assert_eq!((&sent["status"], &sent["duplicates"]), (&json!("sent"), &json!(1)));
        let mails = app.smtp.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].data, mails[1].data);
    })
    .await;
}

/// A refused log-in or a dead server is nobody's mail's fault: mail waits, costs no attempt, and goes when it works again.
#[tokio::test]
async fn trouble_with_the_server_costs_no_mail_an_attempt() {
    let script = (1..=3).fold(Script::default(), |script, n| script.once(At::Greeting, n, Fault::reply("554 5.3.2 not now")));
    let script = (4..=6).fold(script, |script, n| script.once(At::Greeting, n, Fault::Close));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        agent(app).await;
        for n in 0..3 {
            app.answer(&format!("{n}@example.com"), 9).await;
        }
        app.run_until_idle().await;
        assert!(app.mails().is_empty());
        for _ in 0..8 {
            app.advance(Duration::minutes(1)).await;
        }
        assert_eq!(app.mails().len(), 3);
        let deliveries = app.get("/deliveries").await.expect(200);
        assert!(deliveries["items"].as_array().unwrap().iter().all(|mail| mail["attempts"] == 1), "{deliveries}");
    })
    .await;
}

#[tokio::test]
async fn an_erased_customer_is_not_written_to_and_leaves_no_words_behind() {
    on_every_database(async |app| {
        let body = json!({ "survey": "nps", "score": 2, "comment": "CANARY-words", "person": { "email": "canary@example.com", "name": "CANARY-name" } });
        let receipt = app.post("/responses", body).await.expect(201);
        let person = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        app.api.delete(&format!("/api/v1/people/{person}")).await.expect(204);
        app.run_until_idle().await;
        assert!(app.mails_to("canary@example.com").is_empty());
        let case = app.case_of(&receipt).await;
        assert!(!case.to_string().contains("CANARY") && !case.to_string().contains("canary@"), "{case}");
        assert_eq!(app.get("/metrics").await.expect(200)["n"], 1, "she is still counted");
        let back = app.answer("canary@example.com", 9).await;
        app.run_until_idle().await;
        assert!(app.mails_to("canary@example.com").is_empty(), "who was erased is not written to when she comes back");
        assert_eq!(app.case_of(&back).await["deliveries"][0]["status"], "suppressed");
    })
    .await;
}
