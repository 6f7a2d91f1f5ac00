//! Every mail to a customer, signed, as other programs judge it: dkimpy, Python's mail parser, SpamAssassin.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

use chrono::Duration;
use hearback_core::{Email, token::Purpose};
use hearback_engine::{Actor, automation::publish, role::Role, settings::Dispatch};
use hearback_mailer::{Audience, KeyFile, Mail, Signer};
use hearback_rules::parse_yaml;
use hearback_store::{EntityTrait, deliveries};
use hearback_tests::{
    app::{Options, TestApp, on_every_database_with},
    asked::{self, Asked},
    client::Client,
};
use serde_json::{Value, json};
use uuid::Uuid;

const LANGUAGES: [&str; 4] = ["en", "fi", "lt", "lv"];
/// Python of the system: the packages that judge are Debian's.
const PYTHON: &str = "/usr/bin/python3";
const JUDGE: &str = include_str!("signed/judge.py");
/// From RFC 8463, appendix A.
const ED25519: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
/// What SpamAssassin may give a mail at most.
const MOST: f64 = 2.0;

fn signer() -> Signer {
    let rsa = Command::new("openssl").args(["genrsa", "2048"]).stderr(Stdio::null()).output().expect("openssl").stdout;
    let rsa = String::from_utf8(rsa).unwrap();
    let file = |selector, text| Some(KeyFile { selector, text });
    Signer::new("shop.example", file("r2026", &rsa), file("e2026", ED25519)).unwrap()
}

fn options() -> Options {
    let address = |text| Some(Email::parse(text).unwrap());
    let dispatch = Dispatch {
        return_path: address("bounces@shop.example"),
        reply_to: address("reply@shop.example"),
        signer: Some(Arc::new(signer())),
        ..Dispatch::default()
    };
    Options { dispatch, ..Options::default() }
}

/// No shipped rule asks for a public review or for a testimonial: these do.
const RULES: [&str; 2] = [
    "
key: reviews
on: response_settled
when: { email: present }
then:
  - invite_review: https://reviews.example/write
",
    "
key: testimonials
on: response_settled
when: { segment: promoter }
then:
  - ask_testimonial: true
",
];

/// Asks for everything that is kept about somebody, and to have it deleted, by the link in every mail.
async fn own_data(app: &TestApp, receipt: &Value) {
    let person: Uuid = app.case_of(receipt).await["person"]["id"].as_str().unwrap().parse().unwrap();
    let link = format!("/u/{}", app.cx.settings.secret_key.sign(Purpose::Unsubscribe, app.ws.uuid(), person));
    for action in ["own_export", "own_erase"] {
        assert_eq!(Client::stranger(app.address()).form(&link, &format!("action={action}")).await.status, 200);
        app.run_until_idle().await;
    }
}

/// Every mail that a customer can get, in every language.
async fn everything(app: &TestApp) {
    for rule in RULES {
        publish::publish(&app.cx, app.ws, &Actor::Operator, parse_yaml("rule.yaml", rule).unwrap()).await.unwrap();
    }
    app.add_user("ieva@shop.example", "Ieva Petraitė", Role::Agent, None).await;
    for language in LANGUAGES {
        app.stock("thank-you", &[&format!("CODE-{language}")]).await;
        for score in [2, 7, 10] {
            let person = json!({ "email": format!("{score}-{language}@example.com"), "name": "Žygis Ž", "locale": language });
            let comment = "Greitai ir maloniai.\n.\nBet  brangu \t!";
            let answer = json!({ "survey": "nps", "score": score, "comment": comment, "person": person });
            let receipt = app.post("/responses", answer).await.expect(201);
            if score == 7 {
                own_data(app, &receipt).await;
            }
        }
        let asked = Asked::new(app, &format!("asked-{language}@example.com"), language).await;
        app.run_until_idle().await;
        asked.remind(app).await;
        asked::reply(app, &asked, "Labas,\n\njau sutvarkėme.\n\n.\nIeva", "<their-mail@example.com>").await;
        app.run_until_idle().await;
        app.advance(Duration::hours(2)).await;
    }
    app.run_until_idle().await;
}

/// What other programs say about these mails.
fn judged(app: &TestApp) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    for (number, mail) in app.smtp.mails().iter().enumerate() {
        fs::write(folder.path().join(format!("{number:04}.eml")), &mail.data).unwrap();
    }
    let signer = app.cx.settings.dispatch.signer.as_ref().unwrap();
    let records: Vec<Value> = signer.records().iter().map(|record| json!([record.name, record.text])).collect();
    fs::write(folder.path().join("records.json"), Value::from(records).to_string()).unwrap();
    let mut judge = Command::new(PYTHON).arg("-").arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect(PYTHON);
    judge.stdin.take().unwrap().write_all(JUDGE.as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "the judge: {}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn other_programs_find_nothing_wrong_with_any_mail_to_a_customer() {
    on_every_database_with(&options(), async |app| {
        everything(app).await;
        let rows = deliveries::Entity::find().all(app.cx.db.read()).await.unwrap();
        let mut seen = BTreeSet::new();
        for (mail, said) in app.mails().iter().zip(judged(app)) {
            let row = rows.iter().find(|row| mail.header("Message-ID") == format!("<{}>", row.message_id)).unwrap();
            let kind = Mail::of_template(&row.kind).unwrap();
            assert_eq!(said["signatures"], json!([true, true]), "{} {said}", row.kind);
            assert_eq!(said["tampered"], json!([false, false, false, false]), "a changed or added header, a changed body: {}", row.kind);
            assert_eq!(said["only_in_text"], json!([]), "{} says more in its text part", row.kind);
            assert_eq!(said["only_in_html"], json!([]), "{} says more in its HTML part", row.kind);
            assert_eq!(said["headers"], json!(wanted(kind)), "{}", row.kind);
            envelope(app, row, mail.from.as_str(), kind, mail.headers.iter().find(|(name, _)| name == "Reply-To").map(|(_, value)| value));
            if kind.audience() != Audience::Staff {
                assert!(said["spam"].as_f64().unwrap() < MOST, "{} is taken for spam: {said}", row.kind);
                let language = LANGUAGES.into_iter().find(|language| mail.html.contains(&format!("<html lang=\"{language}\"")));
                seen.insert((row.kind.clone(), language.unwrap()));
            }
        }
        let customers = Mail::ALL.into_iter().filter(|kind| kind.audience() != Audience::Staff);
        let wanted = customers.flat_map(|kind| LANGUAGES.map(|language| (kind.template().to_owned(), language)));
        assert_eq!(seen, wanted.collect::<BTreeSet<_>>());
    })
    .await;
}

/// The headers of a mail, sorted, without its signatures.
fn wanted(kind: Mail) -> Vec<&'static str> {
    let mut wanted = vec!["Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To", "X-Auto-Response-Suppress"];
    match kind {
        Mail::SurveyInvitation | Mail::SurveyReminder => wanted.extend(["Auto-Submitted", "Precedence"]),
        Mail::AgentReply => wanted.extend(["In-Reply-To", "References"]),
        _ => wanted.push("Auto-Submitted"),
    }
    if kind.audience() == Audience::Customer {
        wanted.extend(["List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"]);
    }
    wanted.sort_unstable();
    wanted
}

/// Bounces and replies find their mail again.
fn envelope(app: &TestApp, row: &deliveries::Model, sender: &str, kind: Mail, reply_to: Option<&String>) {
    use hearback_core::token::Purpose::{Bounce, Reply};
    let read = |purpose, address: &str| {
        let mark = address.split_once('+').and_then(|(_, rest)| rest.split_once('@')).map(|(mark, _)| mark).unwrap();
        app.cx.settings.secret_key.read_mark(purpose, mark, [app.ws.uuid()])
    };
    let this = Some((app.ws.uuid(), row.id));
    assert!(sender.starts_with("bounces+") && read(Bounce, sender) == this && read(Reply, sender).is_none());
    if kind.audience() == Audience::Customer {
        let address = reply_to.unwrap().trim_matches(['<', '>']);
        assert!(address.starts_with("reply+") && read(Reply, address) == this);
    }
}
