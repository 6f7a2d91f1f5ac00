//! Every mail in every language, as its reader's program gets it: sent by the product over SMTP and parsed again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration};
use hearback_core::{Locale, token::Purpose};
use hearback_engine::role::Role;
use hearback_mailer::{Audience, Languages, Mail, Templates};
use hearback_store::{EntityTrait, bulk, deliveries, persons, workspaces};
use hearback_tests::{
    app::{SENDER, TestApp, on_every_database},
    received::Received,
};
use serde_json::json;

const LANGUAGES: [&str; 4] = ["en", "fi", "lt", "lv"];
const AGENT: &str = "ieva@shop.example";

/// Headers of every mail, sorted.
const ALWAYS: [&str; 9] =
    ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To", "X-Auto-Response-Suppress"];
/// Besides, of a mail to a customer.
const TO_CUSTOMERS: [&str; 3] = ["List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"];

/// Sets the language of the workspace, which is that of our own people's mails.
async fn speak(app: &TestApp, language: &str) {
    const OVER: &str = " ON CONFLICT (id) DO UPDATE SET locale = excluded.locale, config_revision = excluded.config_revision";
    let row = workspaces::by_id(app.cx.db.read(), app.ws).await.unwrap().unwrap();
    let row = workspaces::Model { locale: language.to_owned(), config_revision: row.config_revision + 1, ..row };
    let tx = app.cx.db.write().await.unwrap();
    bulk::insert_with::<workspaces::Entity>(&tx, &[row], OVER).await.unwrap();
    tx.commit().await.unwrap();
}

/// One unhappy, one content and one happy customer of a language, long enough for every mail to be sent.
async fn customers(app: &TestApp, language: &str) {
    speak(app, language).await;
    app.stock("thank-you", &[&format!("CODE-{language}")]).await;
    for score in [2, 7, 10] {
        let person = json!({ "email": format!("{score}-{language}@example.com"), "name": "Žygis \"Ž\" \u{1F600}", "locale": language });
        let body = json!({ "survey": "nps", "score": score, "comment": format!("comment-{language}-{score}"), "person": person });
        app.post("/responses", body).await.expect(201);
    }
    app.run_until_idle().await;
    // Four days: two of them are working days whenever it starts, and no warning is slept through.
    for hours in [1, 2].into_iter().chain([3; 32]) {
        app.advance(Duration::hours(hours)).await;
    }
}

/// The mails of the ledger with what arrived, by Message-ID.
async fn sent(app: &TestApp) -> Vec<(deliveries::Model, Received)> {
    let rows = deliveries::Entity::find().all(app.cx.db.read()).await.unwrap();
    let mut rows: BTreeMap<String, deliveries::Model> = rows.into_iter().map(|row| (format!("<{}>", row.message_id), row)).collect();
    let sent = app
        .mails()
        .into_iter()
        .map(|mail| (rows.remove(mail.header("Message-ID")).expect("each mail is in the ledger once"), mail))
        .collect();
    assert!(rows.is_empty(), "all were sent: {rows:?}");
    sent
}

#[tokio::test]
async fn every_mail_in_every_language_arrives_with_exactly_its_headers() {
    on_every_database(async |app| {
        app.add_user(AGENT, "Ieva Petraitė", Role::Agent, None).await;
        for language in LANGUAGES {
            customers(app, language).await;
        }
        let people = persons::Entity::find().all(app.cx.db.read()).await.unwrap();
        let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
        for (row, mail) in sent(app).await {
            let kind = Mail::of_template(&row.kind).unwrap();
            let language = language_of(&mail);
            assert_eq!((row.status.as_str(), row.to_address.as_str()), ("sent", mail.to.as_str()));
            assert_eq!(row.subject.as_deref(), Some(mail.subject.as_str()), "the ledger says what was sent");
            assert_eq!(mail.from, SENDER);
            assert!(mail.header("From").ends_with(&format!("<{SENDER}>")));
            assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
            assert_eq!(mail.header("X-Auto-Response-Suppress"), "All");
            let date = DateTime::parse_from_rfc2822(mail.header("Date")).unwrap();
            assert_eq!(date.timestamp(), row.created_at / 1_000);
            words(&mail);
            match kind.audience() {
                Audience::Customer => {
                    let person = people.iter().find(|person| person.email.as_deref() == Some(&mail.to)).unwrap();
                    to_customer(app, &mail, person);
                    assert_eq!(person.locale.as_deref(), Some(language.as_str()));
                }
                Audience::Owner => panic!("no rule asks for it"),
                Audience::Staff => {
                    assert_eq!(mail.header_names(), ALWAYS, "{}", row.kind);
                    assert_eq!(mail.to, AGENT);
                    assert!(mail.text.contains("/cases/") && mail.html.contains("/cases/"));
                }
            }
            // An owner is reminded before a due time and after it.
            assert!(seen.insert((row.kind, language)) || kind == Mail::DueSoon, "twice");
        }
        // No shipped rule asks for a public review, or for a testimonial.
        let shipped =
            Mail::ALL.into_iter().filter(|mail| mail.is_for_rules() && !matches!(mail, Mail::ReviewInvitation | Mail::TestimonialRequest));
        let wanted: BTreeSet<(String, String)> =
            shipped.flat_map(|mail| LANGUAGES.map(|language| (mail.template().to_owned(), language.to_owned()))).collect();
        assert_eq!(seen, wanted);
    })
    .await;
}

fn to_customer(app: &TestApp, mail: &Received, person: &persons::Model) {
    let mut wanted: Vec<&str> = ALWAYS.into_iter().chain(TO_CUSTOMERS).collect();
    wanted.sort_unstable();
    assert_eq!(mail.header_names(), wanted);
    assert_eq!(mail.to_name, person.name.as_deref().unwrap());
    assert!(mail.header("Reply-To").contains(AGENT));
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let link = mail.header("List-Unsubscribe").trim_matches(['<', '>']);
    assert!(mail.text.contains(link) && mail.html.contains(link), "the same link for people and for programs");
    let token = link.strip_prefix(&format!("{}/u/", app.cx.settings.public_url)).unwrap();
    assert_eq!(app.cx.settings.secret_key.verify(Purpose::Unsubscribe, token), Some((app.ws.uuid(), person.id)));
    assert!(!token.contains("example"), "no address in a link");
}

fn language_of(mail: &Received) -> String {
    let (_, rest) = mail.html.split_once("<html lang=\"").unwrap_or_else(|| panic!("{}", mail.html));
    rest.split('"').next().unwrap().to_owned()
}

/// Both parts say something, and nothing of a template is left in them.
fn words(mail: &Received) {
    for (part, least) in [(&mail.subject, 5), (&mail.text, 60), (&mail.html, 200)] {
        assert!(part.chars().count() >= least, "{part:?}");
    }
    for part in [&mail.subject, &mail.text] {
        assert!(!part.contains('{') && !part.contains('}') && !part.contains("@@") && !part.contains("&#"), "{part}");
    }
    assert!(!mail.html.contains("{{") && !mail.html.contains("@@"));
    assert!(mail.html.contains("</html>") && !mail.html.contains("<script"));
}

/// What goes over the wire is 7-bit, in lines of at most 998 bytes, each ended by CRLF.
#[tokio::test]
async fn every_mail_is_plain_on_the_wire() {
    on_every_database(async |app| {
        app.add_user(AGENT, "Ieva Petraitė", Role::Agent, None).await;
        let comment = format!("{}\n.\n..\n.\r\n\r\n.\r\nMAIL FROM:<v@x.lt>\nFrom: x\n{}", "ilgas žodis ".repeat(400), "x".repeat(3_000));
        let body = json!({ "survey": "nps", "score": 1, "comment": comment, "person": { "email": "anna@example.com", "locale": "lt" } });
        app.post("/responses", body).await.expect(201);
        customers(app, "lv").await;
        let mails = app.smtp.mails();
        assert!(mails.len() >= 8);
        for mail in &mails {
            assert!(mail.data.is_ascii());
            let text = String::from_utf8(mail.data.clone()).unwrap();
            assert!(text.ends_with("\r\n"));
            for line in text.split("\r\n") {
                assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']));
            }
        }
        let [outreach] = app.mails_to("anna@example.com").try_into().unwrap();
        for line in comment.replace("\r\n", "\n").trim().lines() {
            assert!(outreach.text.contains(&format!("> {line}").trim_end().to_owned()), "{line:?} is missing");
        }
    })
    .await;
}

/// The samples that previews show render strictly in every language: nobody meets a missing variable first in production.
#[test]
fn every_sample_renders_in_every_language() {
    let templates = Templates::load(None).unwrap();
    let languages = Languages::load(None).unwrap();
    for language in LANGUAGES {
        let locale = Locale::parse(language).unwrap();
        assert_eq!(languages.get(&locale).code(), language);
        for mail in Mail::ALL {
            let rendered = templates.render(mail.template(), &mail.sample(locale.clone())).unwrap();
            assert!(!rendered.subject.is_empty() && rendered.html.contains(&format!("lang=\"{language}\"")), "{mail:?} {language}");
        }
    }
}

/// The button of a mail program: one POST without a cookie, and the next mail stays here.
#[tokio::test]
async fn one_click_stops_the_next_mail() {
    on_every_database(async |app| {
        app.answer("mia@example.com", 10).await;
        app.run_until_idle().await;
        let [thanks] = app.mails_to("mia@example.com").try_into().unwrap();
        let link = thanks.header("List-Unsubscribe").trim_matches(['<', '>']).to_owned();
        let path = link.strip_prefix(&app.cx.settings.public_url).unwrap();
        let program = hearback_tests::client::Client::stranger(app.address());
        for _ in 0..3 {
            assert_eq!(program.get(path).await.status, 200, "looking stops nothing");
        }
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        for _ in 0..2 {
            assert_eq!(program.send("POST", path, &headers, "List-Unsubscribe=One-Click").await.status, 200);
        }
        app.advance(Duration::hours(2)).await;
        app.advance(Duration::minutes(1)).await;
        assert_eq!(app.mails_to("mia@example.com").len(), 1);
        let stopped = app.get("/deliveries?status=suppressed").await.expect(200);
        assert_eq!(stopped["items"][0]["kind"], "referral_invitation");
        let forged = format!("{}x", &path[..path.len() - 1]);
        assert_eq!(program.send("POST", &forged, &headers, "List-Unsubscribe=One-Click").await.status, 404);
    })
    .await;
}
