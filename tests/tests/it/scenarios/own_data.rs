//! What somebody sees, takes away and has deleted of themselves, behind a link that proves their address.

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_store::{deliveries, persons, suppressions};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::{Answer, Client},
    letters::{mark, taken, with_files},
};
use serde_json::{Value, json};

use super::all;
use crate::invariants::looking::dump;

const ANNA: &str = "anna@example.com";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Anna has answered, and one of us has spoken with her and noted what for.
async fn anna(app: &TestApp) -> Value {
    let person = json!({ "email": ANNA, "name": "Anna Example", "locale": "lt", "properties": { "plan": "gold" } });
    let answer = json!({ "survey": "nps", "score": 2, "comment": "Nobody called back.", "person": person });
    let receipt = app.post("/responses", answer).await.expect(201);
    let contact = json!({ "channel": "phone", "outcome": "reached", "note": "grumbles about everything" });
    app.post(&format!("/cases/{}/contacts", receipt["case"]["id"].as_str().unwrap()), contact).await.expect(200);
    app.run_until_idle().await;
    receipt
}

async fn person(app: &TestApp, receipt: &Value) -> uuid::Uuid {
    app.case_of(receipt).await["person"]["id"].as_str().unwrap().parse().unwrap()
}

/// The link in every mail.
async fn preferences(app: &TestApp, receipt: &Value) -> String {
    format!("/u/{}", app.cx.settings.secret_key.sign(Purpose::Unsubscribe, app.ws.uuid(), person(app, receipt).await))
}

async fn send(app: &TestApp, path: &str, form: &str) -> Answer {
    Client::stranger(app.address()).send("POST", path, &[FORM], form.to_owned()).await
}

/// Asks by the link of every mail, and opens the mail that came.
async fn asked(app: &TestApp, receipt: &Value, action: &str) -> String {
    let page = send(app, &preferences(app, receipt).await, &format!("action={action}")).await;
    assert_eq!(page.status, 200);
    app.run_until_idle().await;
    let mails = app.mails_to(ANNA);
    let mail = mails.iter().rfind(|mail| mail.text.contains("/me/")).unwrap();
    assert!(!mail.header_names().contains(&"List-Unsubscribe"), "whoever asks gets it once; there is nothing to stop");
    assert!(mail.html.contains("<html lang=\"lt\">"), "in her language");
    let link = mail.text.split_whitespace().find(|word| word.contains("/me/")).unwrap();
    assert!(mail.html.contains(link) && !link.contains("example.com"));
    link.strip_prefix(&app.cx.settings.public_url).unwrap().to_owned()
}

fn wishes(app: &TestApp) -> usize {
    app.mails_to(ANNA).iter().filter(|mail| mail.text.contains("/me/")).count()
}

#[tokio::test]
async fn everything_is_told_to_whoever_opens_the_mail_and_a_look_tells_and_changes_nothing() {
    on_every_database(async |app| {
        let receipt = anna(app).await;
        let ours = all::<deliveries::Entity>(app).await.into_iter().find(|mail| mail.to_address == ANNA).unwrap();
        taken(app, with_files(&mark(app, Purpose::Reply, ours.id))).await;
        let link = asked(app, &receipt, "own_export").await;
        let before = dump(app).await;
        let browser = Client::stranger(app.address());
        let page = browser.get(&link).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<html lang=\"lt\">") && !page.text().contains("Nobody called back."));
        for method in ["HEAD", "OPTIONS"] {
            browser.send(method, &link, &[], "").await;
        }
        assert_eq!(dump(app).await, before, "looking is not asking");

        let file = send(app, &link, "action=export").await;
        assert!(file.header("content-disposition").starts_with("attachment"));
        assert_eq!(file.header("cache-control"), "no-store");
        let told = file.expect(200);
        let answer = &told["answers"][0];
        assert_eq!((&answer["survey"], &answer["score"], &answer["comment"]), (&json!("nps"), &json!(2), &json!("Nobody called back.")));
        assert_eq!((&answer["contacts"][0]["channel"], &answer["follow_up"]["status"]), (&json!("phone"), &json!("contacted")));
        assert_eq!((&told["persons"][0]["email"], &told["persons"][0]["properties"]["plan"]), (&json!(ANNA), &json!("gold")));
        assert!(told["mails_to_you"].as_array().unwrap().iter().any(|mail| mail["kind"] == "detractor_outreach"));
        let from_her = &told["mails_from_you"][0];
        assert!(from_her["whole_text"].as_str().unwrap().contains("What could we do <better>?"), "{from_her}");
        assert_eq!(from_her["attachments"][0], json!({ "name": "lamp.jpg", "type": "image/jpeg", "size": 6 }));
        assert!(!told.to_string().contains("grumbles"), "what we note for ourselves is not hers to take away by a link");
        let shown = send(app, &link, "action=show").await.text();
        assert!(shown.contains("What could we do &lt;better&gt;?") && shown.contains("lamp.jpg"));
        assert!(shown.contains("Nobody called back.") && shown.contains("gold") && !shown.contains("grumbles"));
    })
    .await;
}

#[tokio::test]
async fn the_mail_comes_once_an_hour_also_to_whoever_wants_no_other_and_never_to_a_dead_mailbox() {
    on_every_database(async |app| {
        let receipt = anna(app).await;
        let link = preferences(app, &receipt).await;
        send(app, &link, "action=stop").await;
        asked(app, &receipt, "own_export").await;
        asked(app, &receipt, "own_export").await;
        assert_eq!(wishes(app), 1);
        asked(app, &receipt, "own_erase").await;
        assert_eq!(wishes(app), 2, "the other wish has a mail of its own");
        app.advance(Duration::minutes(61)).await;
        asked(app, &receipt, "own_export").await;
        assert_eq!(wishes(app), 3);
        for (n, reason) in ["hard_bounce", "complaint"].into_iter().enumerate() {
            app.advance(Duration::hours(2)).await;
            app.post("/suppressions", json!({ "address": ANNA, "reason": reason })).await.expect(201);
            let page = send(app, &link, "action=own_export").await;
            assert_eq!(page.status, 200);
            app.run_until_idle().await;
            assert_eq!(wishes(app), 3, "{n}: {reason}");
        }
        let other = all::<persons::Entity>(app).await.iter().filter(|person| person.email.is_none()).count();
        assert_eq!(other, 0);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_old_forged_or_for_something_else_opens_nothing() {
    on_every_database(async |app| {
        let receipt = anna(app).await;
        let link = asked(app, &receipt, "own_erase").await;
        let key = &app.cx.settings.secret_key;
        let (ws, id, soon) = (app.ws.uuid(), person(app, &receipt).await, app.now() + Duration::minutes(5));
        let mut forged = link.clone().into_bytes();
        let middle = forged.len() / 2;
        forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
        let bad = [
            String::from_utf8(forged).unwrap(),
            format!("/me/{}", key.sign(Purpose::Unsubscribe, ws, id)),
            format!("/me/{}", key.sign(Purpose::OwnData, ws, id)),
            format!("/me/{}", key.sign_at(Purpose::Page, ws, id, soon)),
            "/me/x".to_owned(),
        ];
        for path in &bad {
            for form in ["action=export", "action=show", "action=erase&sure=yes"] {
                assert_eq!(send(app, path, form).await.status, 404, "{path}");
            }
            assert_eq!(Client::stranger(app.address()).get(path).await.status, 404);
        }
        assert_eq!(send(app, &link.replace("/me/", "/u/"), "action=stop").await.status, 404, "nor does it stop mail");
        app.advance(Duration::minutes(61)).await;
        for form in ["action=export", "action=show", "action=erase&sure=yes", ""] {
            let late = send(app, &link, form).await;
            assert_eq!(late.status, 410);
            assert!(!late.text().contains("Nobody called back.") && late.text().contains("/u/v1."), "it says where a new one is asked for");
        }
        assert_eq!(all::<persons::Entity>(app).await[0].email.as_deref(), Some(ANNA), "nothing was deleted");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_sure_is_forgotten_and_the_link_says_so() {
    on_every_database(async |app| {
        let receipt = anna(app).await;
        let link = asked(app, &receipt, "own_erase").await;
        let unsure = send(app, &link, "action=erase").await;
        assert_eq!(unsure.status, 422);
        assert!(unsure.text().contains("role=\"alert\""));
        assert_eq!(all::<persons::Entity>(app).await[0].email.as_deref(), Some(ANNA));
        assert_eq!(send(app, &link, "action=erase&sure=yes").await.status, 200);
        for (table, rows) in dump(app).await {
            let left: Vec<&String> =
                rows.iter().filter(|row| ["anna", "Nobody called", "grumbles", "gold"].iter().any(|word| row.contains(word))).collect();
            assert!(left.is_empty(), "{table}: {left:?}");
        }
        assert!(all::<suppressions::Entity>(app).await[0].address.starts_with("erased:"));
        for form in ["action=erase&sure=yes", "action=export", "action=show"] {
            let again = send(app, &link, form).await;
            assert_eq!((again.status, again.header("content-disposition")), (200, ""));
            assert!(!again.text().contains("<form"), "there is nothing left to do");
        }
        let page = send(app, &preferences(app, &receipt).await, "action=own_export").await;
        assert_eq!(page.status, 200);
        app.run_until_idle().await;
        assert_eq!(wishes(app), 1, "nobody is left to write to");
    })
    .await;
}
