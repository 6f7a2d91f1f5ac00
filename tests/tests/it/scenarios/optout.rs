//! Who wants no more mail gets none, by whatever way they say so; looking is not saying so.

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_store::{preferences, suppressions};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    client::Client,
    smtp_server::{At, Fault, Script},
};
use serde_json::{Value, json};

use super::{all, count, texts, timeline};

/// The path of the link in the mails of this customer.
async fn link(app: &TestApp, receipt: &Value) -> String {
    let person = app.case_of(receipt).await["person"]["id"].as_str().unwrap().parse().unwrap();
    format!("/u/{}", app.cx.settings.secret_key.sign(Purpose::Unsubscribe, app.ws.uuid(), person))
}

/// Address and reason of each row.
async fn list(app: &TestApp) -> Vec<(String, String)> {
    all::<suppressions::Entity>(app).await.into_iter().map(|row| (row.address, row.reason)).collect()
}

async fn statuses(app: &TestApp, kind: &str) -> Vec<String> {
    texts(&app.get(&format!("/deliveries?kind={kind}")).await.expect(200)["items"], "/status")
}

#[tokio::test]
async fn looking_changes_nothing_and_the_bare_post_of_a_mail_program_stops_all() {
    on_every_database(async |app| {
        let bare: [(&[(&str, &str)], &str); 4] = [
            (&[("content-type", "application/x-www-form-urlencoded")], "List-Unsubscribe=One-Click"),
            (
                &[("content-type", "multipart/form-data; boundary=x")],
                "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n",
            ),
            (&[], ""),
            (&[("content-type", "application/x-www-form-urlencoded")], "action=stop"),
        ];
        for (n, (headers, body)) in bare.into_iter().enumerate() {
            let address = format!("{n}@example.com");
            let receipt = app.answer(&address, 10).await;
            app.run_until_idle().await;
            let path = link(app, &receipt).await;
            let mail = &app.mails_to(&address)[0];
            assert!(mail.header("List-Unsubscribe").contains(&path));
            assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
            let program = Client::stranger(app.address());
            for method in ["GET", "HEAD", "OPTIONS", "GET"] {
                assert!(program.send(method, &path, &[], "").await.status < 500);
            }
            assert!(!list(app).await.iter().any(|(row, _)| *row == address), "looking is not asking");
            let answer = program.send("POST", &path, headers, body).await;
            assert_eq!(answer.status, 200, "no redirect, no cookie, no page before: {}", answer.text());
            program.send("POST", &path, headers, body).await;
            assert!(list(app).await.contains(&(address.clone(), "unsubscribed".to_owned())));
            // The invitation of the next hour was planned before: a queued mail ends as suppressed.
            app.advance(Duration::hours(2)).await;
            assert_eq!(app.mails_to(&address).len(), 1);
            let case = app.case_of(&receipt).await;
            assert_eq!(count(&timeline(&case), "mail_suppressed"), 1);
        }
        assert_eq!(statuses(app, "referral_invitation").await, ["suppressed"; 4]);
        assert_eq!(Client::stranger(app.address()).send("POST", "/u/v1.nonsense", &[], "").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_queued_when_the_customer_stops_is_not_sent() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        let path = link(app, &receipt).await;
        assert_eq!(statuses(app, "promoter_thanks").await, ["queued"]);
        let leases = app.claim().await;
        Client::stranger(app.address()).send("POST", &path, &[], "").await;
        app.work_on(&leases).await;
        app.run_until_idle().await;
        assert_eq!(statuses(app, "promoter_thanks").await, ["suppressed"]);
        assert!(app.mails().is_empty());
    })
    .await;
}

#[tokio::test]
async fn one_survey_can_be_stopped_and_taken_up_again() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        let path = link(app, &receipt).await;
        let browser = Client::stranger(app.address());
        assert!(browser.get(&path).await.text().contains("value=\"stop_survey\""));
        browser.form(&path, "action=stop_survey&survey=nps").await;
        browser.form(&path, "action=stop_survey&survey=nps").await;
        browser.form(&path, "action=stop_survey&survey=nothing-here").await;
        assert_eq!(all::<preferences::Entity>(app).await.len(), 1);
        app.advance(Duration::hours(2)).await;
        assert_eq!(statuses(app, "referral_invitation").await, ["suppressed"]);
        let held = app.get("/deliveries?status=suppressed").await.expect(200);
        assert!(held["items"][0]["reply"].as_str().unwrap().contains("no mail about this survey"));
        let other = json!({ "survey": "csat", "score": 5, "person": { "email": "anna@example.com" } });
        app.post("/responses", other).await.expect(201);
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 2, "another survey's mail goes");
        let page = browser.form(&path, "action=resume_survey&survey=nps").await.text();
        assert!(page.contains("value=\"stop_survey\"") && !page.contains("value=\"resume_survey\""));
        app.answer("anna@example.com", 3).await;
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_customer_takes_back_what_they_said_and_nothing_else() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        let path = link(app, &receipt).await;
        let browser = Client::stranger(app.address());
        assert!(browser.form(&path, "action=stop").await.text().contains("value=\"resume\""));
        assert!(browser.form(&path, "action=resume").await.text().contains("We will write to you again"));
        assert_eq!(list(app).await, []);
        for reason in ["complaint", "hard_bounce", "manual"] {
            app.post("/suppressions", json!({ "address": "anna@example.com", "reason": reason, "note": "ours" })).await.expect(201);
            browser.form(&path, "action=stop").await;
            let page = browser.form(&path, "action=resume").await.text();
            assert!(page.contains("for another reason") && !page.contains("value=\"resume\""), "{reason}");
            assert_eq!(list(app).await, [("anna@example.com".to_owned(), reason.to_owned())], "ours stays");
            assert_eq!(app.api.delete("/api/v1/suppressions/anna@example.com").await.refused(), ["note"]);
            app.api.delete("/api/v1/suppressions/anna@example.com?note=asked%20by%20phone").await.expect(204);
        }
        app.api.delete("/api/v1/suppressions/anna@example.com?note=again").await.expect(404);
        let lifted: Vec<_> =
            all::<hearback_store::audit::Entity>(app).await.into_iter().filter(|entry| entry.action == "suppression.lifted").collect();
        assert_eq!(lifted.len(), 3);
        assert!(lifted.iter().all(|entry| entry.data.contains("asked by phone") && !format!("{entry:?}").contains("anna")));
    })
    .await;
}

#[tokio::test]
async fn the_page_speaks_the_language_that_is_chosen() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        let path = link(app, &receipt).await;
        let browser = Client::stranger(app.address());
        for (code, words) in
            [("lt", "Laiškų atsisakymas"), ("lv", "Atteikšanās"), ("fi", "Viestien peruminen"), ("en", "Stop our messages")]
        {
            let page = browser.form(&path, &format!("action=language&language={code}")).await.text();
            assert!(page.contains(words) && page.contains(&format!("<html lang=\"{code}\"")), "{code}");
            assert!(!page.contains("<script"));
        }
        browser.form(&path, "action=language&language=xx").await;
        let people = app.get("/people?email=anna@example.com").await.expect(200);
        assert_eq!(people["items"][0]["locale"], "en");
    })
    .await;
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_not_tried_again() {
    let script =
        Script::default().once(At::Rcpt, 1, Fault::reply("550 5.1.1 no such user")).once(At::Rcpt, 2, Fault::reply("550 5.7.1 blocked"));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        app.answer("gone@example.com", 9).await;
        app.run_until_idle().await;
        app.answer("blocked@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(list(app).await, [("gone@example.com".to_owned(), "hard_bounce".to_owned())], "a policy is no missing mailbox");
        app.answer("gone@example.com", 2).await;
        app.run_until_idle().await;
        assert_eq!(statuses(app, "detractor_outreach").await, ["suppressed"]);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_refused_three_times_in_a_row_is_not_tried_again() {
    let script = Script::default().always(At::Rcpt, Fault::reply("552 5.2.2 mailbox full"));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        for round in 0..3 {
            assert!(list(app).await.is_empty(), "{round}");
            app.answer("late@example.com", 2).await;
            app.run_until_idle().await;
            app.advance(Duration::days(91)).await;
        }
        assert_eq!(list(app).await, [("late@example.com".to_owned(), "hard_bounce".to_owned())]);
        let alerts = all::<hearback_store::alerts::Entity>(app).await;
        assert!(alerts.iter().any(|alert| alert.kind == "address_given_up"));
        app.answer("late@example.com", 2).await;
        app.run_until_idle().await;
        let mut statuses = statuses(app, "detractor_outreach").await;
        statuses.sort();
        assert_eq!(statuses, ["bounced", "bounced", "bounced", "suppressed"]);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_nobodys_mail_gives_up_nobody() {
    let script = Script::default().always(At::Rcpt, Fault::reply("554 5.7.1 relay access denied"));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        for _ in 0..4 {
            for address in ["a@example.com", "b@example.org"] {
                app.answer(address, 9).await;
            }
            app.run_until_idle().await;
            app.advance(Duration::days(2)).await;
        }
        assert!(list(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_list_goes_out_and_comes_in_as_csv() {
    on_every_database(async |app| {
        let csv = "Email;Reason;Note\nA@Example.com;complaint;=cmd()\nb@example.com;;\nno address;;\nc@example.com;whim;\n";
        let import = async |csv: &'static str| {
            app.api.send("POST", "/api/v1/suppressions/import", &[("content-type", "text/csv")], csv).await.expect(200)
        };
        let done = import(csv).await;
        assert_eq!((&done["stored"], &done["unchanged"]), (&json!(3), &json!(0)));
        let rejected = json!([{ "line": 4, "value": "no address", "message": "has no address" }]);
        assert_eq!(done["rejected"], rejected, "words that are no reason of ours become the note");
        assert_eq!(
            import("address,reason\na@example.com,manual\nb@example.com,unsubscribed\n").await["stored"],
            1,
            "a complaint stays one"
        );
        let exported = app.api.get("/api/v1/suppressions/export").await;
        assert_eq!(exported.header("content-type"), "text/csv; charset=utf-8");
        let text = exported.text();
        assert!(text.starts_with("address,reason,note,created_at\na@example.com,complaint,'=cmd(),2026-03-16"), "{text}");
        assert!(text.contains("\nb@example.com,unsubscribed,,") && text.contains("\nc@example.com,manual,whim,"));
        let again = app.api.send("POST", "/api/v1/suppressions/import", &[("content-type", "text/csv")], text).await.expect(200);
        assert_eq!((&again["stored"], &again["unchanged"]), (&json!(0), &json!(3)));
        let complaints = app.get("/suppressions?reason=complaint").await.expect(200);
        assert_eq!(texts(&complaints["items"], "/address"), ["a@example.com"]);
        assert_eq!(app.get("/suppressions?reason=whim").await.refused(), ["reason"]);
        let lines = "{\"email\":\"D@example.com\",\"status\":\"cleaned\"}\nJonas <e@example.com>\n";
        let kind = [("content-type", "application/x-ndjson")];
        let mixed = app.api.send("POST", "/api/v1/suppressions/import", &kind, lines).await.expect(200);
        assert_eq!((&mixed["stored"], &mixed["rejected"][0]["line"]), (&json!(1), &json!(2)));
        assert_eq!(import("Jonas <e@example.com>\nf@example.com\n").await["stored"], 2, "a list needs no header");
        let bounced = app.get("/suppressions?reason=hard_bounce").await.expect(200);
        assert_eq!(texts(&bounced["items"], "/address"), ["d@example.com"]);
    })
    .await;
}
