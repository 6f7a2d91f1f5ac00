//! Replies of customers, and answers of ours: one thread in the case, whoever a mail says it is from.

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_engine::role::Role;
use hearback_store::{alerts, contact_attempts, deliveries, messages};
use hearback_tests::{
    app::{TestApp, on_every_database},
    asked::Asked,
    letters::{bring, mark, reply, shaped, taken, with_files},
};
use serde_json::{Value, json};

use super::{AGENT, agent, all, count, timeline};
use crate::invariants::looking::dump;

/// A detractor, and the mark of the address that a reply goes to.
async fn unhappy(app: &TestApp) -> (Value, String) {
    agent(app).await;
    let receipt = app.answer("anna@example.com", 2).await;
    app.run_until_idle().await;
    let mail = all::<deliveries::Entity>(app).await.into_iter().find(|mail| mail.to_address == "anna@example.com").unwrap();
    assert_eq!(mail.status.as_str(), "sent");
    (receipt, mark(app, Purpose::Reply, mail.id))
}

async fn case_call(app: &TestApp, receipt: &Value, step: &str, body: Value) -> Value {
    app.post(&format!("/cases/{}/{step}", receipt["case"]["id"].as_str().unwrap()), body).await.expect(200)
}

#[tokio::test]
async fn a_reply_joins_the_case_of_its_mark_and_counts_as_contact() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        let told = app.mails_to(AGENT).len();
        // Who it says it is from is shown and not believed.
        let raw = String::from_utf8(shaped("reply-gmail", &mark)).unwrap().replace("anna@example.com", "ceo@elsewhere.example");
        let taken = taken(app, raw).await;
        assert_eq!((taken["kind"].as_str(), &taken["case"]), (Some("reply"), &receipt["case"]["id"]));
        let case = app.case_of(&receipt).await;
        assert_eq!(case["loop_status"], "contacted");
        assert!(case["first_contact_at"].is_string());
        assert_eq!(case["messages"][0]["text"], "The brakes squeal. Could you call me tomorrow?");
        assert_eq!(case["messages"][0]["from"], "ceo@elsewhere.example");
        assert_eq!(count(&timeline(&case), "wrote"), 1);
        let attempts = all::<contact_attempts::Entity>(app).await;
        assert_eq!((attempts[0].channel.as_str(), attempts[0].outcome.as_str()), ("email", "replied"));
        app.run_until_idle().await;
        let mails = app.mails_to(AGENT);
        assert_eq!(mails.len(), told + 1);
        assert!(mails.last().unwrap().text.contains("/cases/"));
        assert!(!mails.last().unwrap().text.contains("brakes"), "the words stay in the case");
    })
    .await;
}

#[tokio::test]
async fn what_is_folded_away_can_be_opened_and_what_was_sent_along_is_named_until_its_writer_is_erased() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        let taken = taken(app, with_files(&mark)).await;
        let message = app.get(&format!("/messages/{}", taken["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(message["text"], "The lamp is broken, see the picture.");
        let whole = message["whole_text"].as_str().unwrap();
        assert!(whole.starts_with("The lamp is broken") && whole.contains("> What could we do <better>?"), "{whole}");
        let sent = message["attachments"].as_array().unwrap();
        assert_eq!((&sent[0]["name"], &sent[0]["type"], &sent[0]["size"]), (&json!("lamp.jpg"), &json!("image/jpeg"), &json!(6)));
        assert_eq!((sent.len(), &sent[1]["name"]), (2, &json!("<b>bill</b>.pdf")));
        let case = app.case_of(&receipt).await;
        assert_eq!(case["messages"][0], message);

        let ours = app.log_in("boss@shop.example", Role::Manager).await;
        for page in [format!("/cases/{}", case["id"].as_str().unwrap()), format!("/messages/{}", message["id"].as_str().unwrap())] {
            let page = ours.get(&page).await.text();
            let folded = page.split_once("<summary>Show the whole mail</summary>").unwrap().1.split_once("</details>").unwrap().0;
            assert!(folded.contains("&gt; What could we do &lt;better&gt;?"), "{folded}");
            assert!(page.contains("lamp.jpg") && page.contains("image/jpeg, 6 bytes"));
            assert!(page.contains("&lt;b&gt;bill") && !page.contains("<b>bill"), "a name is no HTML");
        }

        // A mail that is all new words has nothing to open.
        let plain = bring(app, reply(&mark, "anna@example.com", "And the bell.")).await.expect(201);
        let plain = app.get(&format!("/messages/{}", plain["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&plain["whole_text"], &plain["attachments"]), (&json!("And the bell."), &json!([])));
        let page = ours.get(&format!("/messages/{}", plain["id"].as_str().unwrap())).await.text();
        assert!(!page.contains("<details>") && !page.contains("Sent along"));

        let person = case["person"]["id"].as_str().unwrap();
        let gone = app.api.delete(&format!("/api/v1/people/{person}")).await;
        assert!((200..300).contains(&gone.status), "{}", gone.text());
        let left = format!("{:?}", dump(app).await);
        assert!(!left.contains("lamp") && !left.contains("bill") && !left.contains("better>"), "{left}");
    })
    .await;
}

#[tokio::test]
async fn a_reply_ends_a_wait_and_opens_a_closed_case_again() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        case_call(app, &receipt, "wait", json!({})).await;
        app.clock.advance(Duration::hours(1));
        taken(app, reply(&mark, "anna@example.com", "First answer.")).await;
        let case = app.case_of(&receipt).await;
        assert!(case["waiting_since"].is_null());
        assert_eq!(count(&timeline(&case), "resumed"), 1);
        for task in case["tasks"].as_array().unwrap() {
            let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
            app.api.patch(&path, &json!({ "status": "done" })).await.expect(200);
        }
        case_call(app, &receipt, "close", json!({ "root_cause": "delivery", "resolution": "sent again" })).await;
        app.clock.advance(Duration::days(2));
        taken(app, reply(&mark, "anna@example.com", "It is still broken.")).await;
        let case = app.case_of(&receipt).await;
        assert_eq!(case["loop_status"], "open");
        assert_eq!(count(&timeline(&case), "reopened"), 1);
        app.run_until_idle().await;
    })
    .await;
}

#[tokio::test]
async fn a_machine_that_writes_on_and_on_is_muted() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        let (told, sent) = (app.mails_to(AGENT).len(), app.mails_to("anna@example.com").len());
        let mut states = Vec::new();
        for number in 0..8 {
            // No header gives it away, and each has another Message-ID.
            let told = taken(app, reply(&mark, "anna@example.com", &format!("Your request {number} was received."))).await;
            states.push(told["state"].as_str().unwrap().to_owned());
            app.clock.advance(Duration::minutes(5));
        }
        assert_eq!((count(&states, "done"), count(&states, "muted")), (5, 3));
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        assert_eq!(count(&timeline(&case), "wrote"), 5);
        assert_eq!(app.mails_to(AGENT).len(), told + 5);
        assert_eq!(app.mails_to("anna@example.com").len(), sent, "nothing is answered by itself");
        let alerts = all::<alerts::Entity>(app).await;
        assert_eq!((alerts.len(), alerts[0].kind.as_str(), alerts[0].count), (1, "mail_loop", 3));
        app.clock.advance(Duration::hours(2));
        assert_eq!(taken(app, reply(&mark, "anna@example.com", "A person again.")).await["state"], "done");
    })
    .await;
}

#[tokio::test]
async fn the_same_reply_over_eight_ways_at_once_is_one() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        let other = app.second_node().await;
        let raw = reply(&mark, "anna@example.com", "Please call me.");
        let ways = (0..8).map(|n| bring(if n % 2 == 0 { app } else { &other }, raw.clone()));
        let statuses: Vec<u16> = futures::future::join_all(ways).await.into_iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 7, "{statuses:?}");
        assert_eq!(all::<messages::Entity>(app).await.len(), 1);
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "wrote"), 1);
    })
    .await;
}

#[tokio::test]
async fn one_of_us_answers_and_the_thread_stays_one() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        taken(app, reply(&mark, "anna@example.com", "Please call me.")).await;
        let before = app.case_of(&receipt).await["attempts"].as_i64().unwrap();
        let case = case_call(app, &receipt, "replies", json!({ "text": "Dear Anna,\nwe are on it." })).await;
        assert_eq!(count(&timeline(&case), "replied"), 1);
        assert_eq!(case["attempts"].as_i64(), Some(before + 1));
        app.run_until_idle().await;
        let mail = app.mails_to("anna@example.com").pop().unwrap();
        assert_eq!(mail.subject, "Re: your question");
        assert_eq!(mail.header("In-Reply-To"), "<Pleasecallme@example.com>");
        assert!(mail.text.contains("we are on it."), "{}", mail.text);
        assert!(!mail.header_names().contains(&"Auto-Submitted"), "a person wrote it");
        // The answer to the answer comes back here.
        let ours = all::<deliveries::Entity>(app).await.into_iter().find(|mail| mail.kind == "agent_reply").unwrap();
        let next = hearback_tests::letters::mark(app, Purpose::Reply, ours.id);
        assert_eq!(taken(app, reply(&next, "anna@example.com", "Thank you!")).await["case"], receipt["case"]["id"]);
        for (body, status) in [(json!({ "text": " " }), 422), (json!({ "text": "x", "subject": "x".repeat(256) }), 422), (json!({}), 422)] {
            let path = format!("/cases/{}/replies", receipt["case"]["id"].as_str().unwrap());
            assert_eq!(app.post(&path, body).await.status, status);
        }
        super::suppress(app, "anna@example.com", "complaint").await;
        let path = format!("/cases/{}/replies", receipt["case"]["id"].as_str().unwrap());
        assert_eq!(app.post(&path, json!({ "text": "once more" })).await.status, 409);
    })
    .await;
}

#[tokio::test]
async fn the_pages_show_the_thread_and_take_an_answer() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        taken(app, reply(&mark, "anna@example.com", "<script>alert(1)</script> & so on")).await;
        bring(app, "From: stranger@elsewhere.example\nSubject: hello\n\nwho are you?\n").await;
        let ieva = app.log_in("boss@shop.example", Role::Agent).await;
        let path = format!("/cases/{}", receipt["case"]["id"].as_str().unwrap());
        let page = ieva.get(&path).await.text();
        assert!(
            page.contains("The customer wrote by mail") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on"),
            "{page}"
        );
        assert!(page.contains(&format!("action=\"{path}/reply\"")));
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let done = ieva.form(&format!("{path}/reply"), &format!("csrf={csrf}&subject=&text=We+will+call")).await;
        assert_eq!(done.status, 303, "{}", done.text());
        let page = ieva.get(&format!("{path}?done=reply")).await.text();
        assert!(page.contains("Wrote to the customer by mail") && page.contains("We will call"));
        let refused = ieva.form(&format!("{path}/reply"), &format!("csrf={csrf}&subject=typed&text=")).await;
        assert!(refused.status == 422 && refused.text().contains("value=\"typed\""), "{}", refused.status);
        let list = ieva.get("/messages").await.text();
        assert!(list.contains("stranger@elsewhere.example") && list.contains("it came to no address with a mark of ours"));
        let only = ieva.get("/messages?state=quarantined").await.text();
        assert!(only.contains("stranger@elsewhere.example") && !only.contains("so on"));
        assert_eq!(ieva.get("/messages?state=nonsense").await.status, 422);
    })
    .await;
}

#[tokio::test]
async fn a_reply_to_a_question_that_was_not_answered_is_told() {
    on_every_database(async |app| {
        let asked = Asked::new(app, "anna@example.com", "en").await;
        app.run_until_idle().await;
        let mail = asked.mails(app).await.remove(0);
        let told = taken(app, reply(&mark(app, Purpose::Reply, mail.id), "anna@example.com", "Who are you?")).await;
        assert_eq!((told["state"].as_str(), told["case"].is_null()), (Some("done"), true));
        let alerts = all::<alerts::Entity>(app).await;
        assert_eq!((alerts.len(), alerts[0].kind.as_str()), (1, "customer_wrote"));
        let [message] = all::<messages::Entity>(app).await.try_into().unwrap();
        assert_eq!(message.person_id, mail.person_id);
    })
    .await;
}

#[tokio::test]
async fn an_answer_to_a_mail_to_one_of_us_is_no_customers_reply() {
    on_every_database(async |app| {
        let (receipt, _) = unhappy(app).await;
        let ours = all::<deliveries::Entity>(app).await.into_iter().find(|mail| mail.to_address == AGENT).unwrap();
        let told = taken(app, reply(&mark(app, Purpose::Reply, ours.id), AGENT, "I will do it")).await;
        assert_eq!((told["state"].as_str(), told["reason"].as_str()), (Some("quarantined"), Some("it answers a mail to one of us")));
        assert_eq!(app.case_of(&receipt).await["loop_status"], "open");
    })
    .await;
}

#[tokio::test]
async fn what_an_erased_customer_wrote_is_gone_and_stays_away() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        taken(app, reply(&mark, "anna@example.com", "My telephone is 555-1234.")).await;
        // Without a mark, but it names her.
        bring(app, "From: x@elsewhere.example\nSubject: about anna@example.com\n\nanna@example.com is away\n").await;
        case_call(app, &receipt, "replies", json!({ "text": "Dear Anna Ozola" })).await;
        let person = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        assert_eq!(app.api.delete(&format!("/api/v1/people/{person}")).await.status, 204);
        taken(app, reply(&mark, "anna@example.com", "One more word of 555-1234.")).await;
        for (table, rows) in dump(app).await {
            for row in rows {
                for word in ["anna@example.com", "555-1234", "Ozola"] {
                    assert!(!row.contains(word), "{table}: {row}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_workspace_brings_nothing_in() {
    on_every_database(async |app| {
        let (receipt, mark) = unhappy(app).await;
        let second = app.second_workspace().await;
        let stranger = app.key(second, hearback_engine::role::Scope::Write).await;
        let headers = [("content-type", "message/rfc822")];
        let told = stranger.send("POST", "/api/v1/inbound", &headers, reply(&mark, "anna@example.com", "Hello")).await.expect(201);
        assert_eq!(told["state"], "quarantined");
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "wrote"), 0);
        assert!(app.get("/messages").await.expect(200)["items"].as_array().unwrap().is_empty());
    })
    .await;
}
