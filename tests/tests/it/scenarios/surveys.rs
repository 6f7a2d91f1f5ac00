//! Surveys as things: drafts, versions that never change, closing; and a preview that keeps nothing.

use chrono::Duration;
use hearback_engine::role::Role;
use hearback_store::{audit, responses, unconfirmed};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    survey::{Screen, invite_address},
};
use serde_json::{Value, json};

use super::{all, texts};

fn path_of(url: &Value) -> String {
    let url = url.as_str().unwrap();
    url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap()
}

#[tokio::test]
async fn a_published_version_never_changes_and_its_links_go_on_until_the_survey_closes() {
    on_every_database(async |app| {
        let new = json!({ "key": "delivery", "name": "Delivery", "metric": "csat", "scale_max": 10, "body": { "question": { "en": "How was the parcel?" } } });
        let draft = app.post("/surveys", new.clone()).await.expect(201);
        assert_eq!((&draft["status"], &draft["version"], &draft["public_url"]), (&json!("draft"), &json!(1), &Value::Null));
        app.post("/surveys", new).await.expect(409);
        let answer = json!({ "survey": "delivery", "score": 10 });
        assert_eq!(app.post("/responses", answer.clone()).await.refused(), ["survey"], "nobody is asked by a draft");
        let published = app.post("/surveys/delivery/publish", json!({})).await.expect(200);
        app.post("/surveys/delivery/publish", json!({})).await.expect(409);
        let stranger = Client::stranger(app.address());
        let open = path_of(&published["public_url"]);
        assert_eq!(Screen::get(&stranger, &open).await.heading(), "How was the parcel?");

        let change = json!({ "body": { "question": { "en": "How was it?" }, "public": false, "answer_days": 5 } });
        let next = app.put("/surveys/delivery/draft", change).await.expect(200);
        assert_eq!((&next["version"], &next["metric"], &next["scale_max"]), (&json!(2), &json!("csat"), &json!(10)));
        assert_eq!(Screen::get(&stranger, &open).await.heading(), "How was the parcel?", "a draft changes nothing");
        assert_eq!(app.put("/surveys/delivery/draft", json!({ "metric": "nps" })).await.refused(), ["metric"]);
        let bad = json!({ "body": { "question": { "English": "x" }, "answer_days": 0, "questions": [{ "key": "A", "kind": "text", "text": {} }] } });
        let refused = app.put("/surveys/delivery/draft", bad).await.refused();
        assert_eq!(refused, ["body.question", "body.questions[0].key", "body.questions[0].text", "body.answer_days"]);
        app.post("/surveys/delivery/publish", json!({})).await.expect(200);
        let versions = app.get("/surveys/delivery").await.expect(200);
        assert_eq!(texts(&versions["items"], "/status"), ["published", "replaced"]);
        assert_eq!(versions["items"][1]["body"]["question"]["en"], "How was the parcel?");
        assert_eq!(stranger.get(&open).await.status, 404, "not for everybody any more");
        app.post("/surveys/delivery/close", json!({})).await.expect(200);
        app.post("/surveys/delivery/close", json!({})).await.expect(409);
        assert_eq!(texts(&app.get("/surveys/delivery").await.expect(200)["items"], "/status"), ["closed", "closed"]);

        let (_, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        app.put("/surveys/nps/draft", json!({ "body": { "question": { "en": "New words?" } } })).await.expect(200);
        app.post("/surveys/nps/publish", json!({})).await.expect(200);
        assert!(Screen::get(&stranger, &link).await.heading().starts_with("How likely"), "asked as it was");
        app.post("/surveys/nps/close", json!({})).await.expect(200);
        assert_eq!(stranger.get(&link).await.status, 410);
        assert_eq!(stranger.get("/p/nps").await.status, 410);
        let actions: Vec<String> = all::<audit::Entity>(app).await.into_iter().map(|row| row.action).collect();
        for action in ["survey.created", "survey.changed", "survey.published", "survey.closed"] {
            assert!(actions.iter().any(|known| known == action), "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_preview_shows_every_screen_and_keeps_nothing() {
    on_every_database(async |app| {
        super::further_answers::ask_more(app).await;
        app.put("/surveys/nps/draft", json!({ "name": "Next" })).await.expect(200);
        let preview = path_of(&app.get("/surveys/nps").await.expect(200)["items"][0]["preview_url"]);
        let staff = Client::stranger(app.address());
        let before = crate::invariants::looking::dump(app).await;
        let screen = Screen::get(&staff, &format!("{preview}?lang=fi")).await;
        assert!(screen.html.contains("Esikatselu") && screen.heading().starts_with("Kuinka"), "{}", screen.html);
        let why = screen.send(&staff, "score=2").await;
        let which = why.send(&staff, "score=2&comment=x").await;
        assert_eq!(which.heading(), "Which part?");
        let words = which.send(&staff, "score=2&given=price").await;
        let thanks = words.send(&staff, "score=2&given=x").await;
        assert!(thanks.heading().starts_with("Kiitos"), "{}", thanks.html);
        app.advance(Duration::hours(1)).await;
        assert!(all::<responses::Entity>(app).await.is_empty() && all::<unconfirmed::Entity>(app).await.is_empty());
        assert_eq!(crate::invariants::looking::dump(app).await, before);
        let policy = staff.get(&preview).await;
        assert!(policy.header("content-security-policy").contains("frame-ancestors 'self'"));
    })
    .await;
}

async fn page(app: &TestApp, client: &Client, path: &str) -> String {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path} of {}: {}", app.address(), answer.text());
    answer.text()
}

#[tokio::test]
async fn managers_write_publish_and_close_on_pages() {
    on_every_database(async |app| {
        let boss = app.log_in("boss@shop.example", Role::Manager).await;
        let list = page(app, &boss, "/surveys").await;
        assert!(list.contains("href=\"/surveys/nps\"") && list.contains("A new survey"));
        let csrf = list.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let made = boss.form("/surveys", &format!("csrf={csrf}&key=visit&name=Visit&metric=ces")).await;
        assert_eq!((made.status, made.header("location")), (303, "/surveys/visit"));
        let question = "q.2.kind=single_choice&q.2.text.en=More%3F&q.2.choices.en=A+lot%0D%0Alittle%3A+A+little&q.2.choices.lt=Daug&q.2.for.promoter=1";
        let form = format!("csrf={csrf}&name=Visit+us&question.en=Was+it+easy%3F&why.detractor.lt=Kod%C4%97l%3F&{question}&public=1&answer_days=30");
        assert_eq!(boss.form("/surveys/visit/draft", &form).await.status, 303);
        assert_eq!(boss.form("/surveys/visit/publish", &format!("csrf={csrf}")).await.status, 303);
        let shown = page(app, &boss, "/surveys/visit").await;
        for words in ["Visit us", "Was it easy?", "Kodėl?", "/p/visit", "CES up to 7", "<iframe"] {
            assert!(shown.contains(words), "{words}");
        }
        let stored = &app.get("/surveys/visit").await.expect(200)["items"][0];
        assert_eq!((&stored["body"]["ask_contact"], &stored["body"]["questions"][0]["key"]), (&json!(false), &json!("more")));
        let choices = json!([
            { "key": "a-lot", "text": { "en": "A lot", "lt": "Daug" } }, { "key": "little", "text": { "en": "A little" } }
        ]);
        let asked = &stored["body"]["questions"][0];
        assert_eq!((&asked["choices"], &asked["segments"]), (&choices, &json!(["promoter"])));
        let picture = boss.get("/surveys/visit/qr.svg").await;
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
        assert!(picture.text().contains("<svg") && shown.contains("alt=\"QR code of http"), "{}", picture.text());
        assert_ne!(picture.text(), boss.get("/surveys/nps/qr.svg").await.text(), "each leads to its own survey");
        assert_eq!(boss.form("/surveys/visit/close", &format!("csrf={csrf}")).await.status, 303);
        assert_eq!(boss.get("/surveys/visit/qr.svg").await.status, 404, "nobody shall be led to a closed survey");
        let viewer = app.log_in("viewer@shop.example", Role::Viewer).await;
        let seen = page(app, &viewer, "/surveys/visit").await;
        assert!(seen.contains("Was it easy?") && !seen.contains("Save as draft"));
    })
    .await;
}

fn csrf(page: &str) -> String {
    page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

#[tokio::test]
async fn what_is_refused_stands_beside_its_field_with_what_was_entered() {
    on_every_database(async |app| {
        let boss = app.log_in("boss@shop.example", Role::Manager).await;
        let csrf = csrf(&page(app, &boss, "/surveys/nps").await);
        let stored = async || app.get("/surveys/nps").await.expect(200)["items"].clone();
        let before = stored().await;
        let long = "x".repeat(501);
        let sent = async |fields: &str| {
            let answer = boss.form("/surveys/nps/draft", &format!("csrf={csrf}&name=Shop&answer_days=30&{fields}")).await;
            (answer.status, answer.text())
        };
        for (fields, beside) in [
            (format!("question.en={long}"), ["id=\"e-question.en\"", &long]),
            ("q.1.text.en=How+many&q.1.kind=scale&q.1.min=7&q.1.max=3".to_owned(), ["id=\"e-q.1.max\"", ">How many</textarea>"]),
            ("q.1.text.en=How+many&q.1.kind=scale&q.1.max=many".to_owned(), ["id=\"e-q.1.max\"", "value=\"many\""]),
            ("q.4.text.lt=Kas&q.4.kind=single_choice&q.4.choices.lt=Viena".to_owned(), ["id=\"e-q.1.choices\"", ">Viena</textarea>"]),
            ("q.1.text.en=Why&q.1.kind=text&q.1.key=No+Key".to_owned(), ["id=\"e-q.1.key\"", "value=\"No Key\""]),
            ("q.1.key=alone&q.1.kind=text".to_owned(), ["The question must be given in at least one language", "value=\"alone\""]),
            ("q.1.text.en=Why&q.1.kind=dance".to_owned(), ["id=\"e-q.1.kind\"", ">Why</textarea>"]),
            ("q.1.text.en=A&q.1.kind=text&q.2.text.en=A&q.2.kind=text".to_owned(), [" stands twice", ">A</textarea>"]),
        ] {
            let (status, html) = sent(&fields).await;
            assert_eq!(status, 422, "{fields}");
            assert!(html.contains("Nothing was saved") && beside.iter().all(|words| html.contains(words)), "{fields}: {html}");
        }
        let (status, html) = sent("answer_days=x").await;
        assert_eq!(status, 303, "the first of two fields counts: {html}");
        assert_eq!(stored().await.as_array().unwrap().len(), before.as_array().unwrap().len() + 1, "one draft, of the last form");

        let ten: Vec<String> = (1..=10).map(|number| format!("q.{number}.text.en=Question+{number}&q.{number}.kind=text")).collect();
        assert_eq!(sent(&ten.join("&")).await.0, 303);
        let html = page(app, &boss, "/surveys/nps").await;
        assert!(html.contains("Question 10: Question 10") && !html.contains("Another question"), "there is no room for another");
        assert_eq!(sent(&format!("{}&q.3.out=1", ten.join("&"))).await.0, 303);
        let questions = stored().await[0]["body"]["questions"].clone();
        assert_eq!((questions.as_array().unwrap().len(), &questions[2]["key"]), (9, &json!("question-4")));
        assert!(page(app, &boss, "/surveys/nps").await.contains("Another question"));
    })
    .await;
}
