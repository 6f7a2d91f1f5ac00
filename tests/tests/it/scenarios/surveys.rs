//! Surveys as things: drafts, versions that never change, closing; and a preview that keeps nothing.

use chrono::Duration;
use hearback_engine::access::Role;
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
        let questions = "%5B%7B%22key%22%3A%22more%22%2C%22kind%22%3A%22text%22%2C%22text%22%3A%7B%22en%22%3A%22More%3F%22%7D%7D%5D";
        let form = format!("csrf={csrf}&name=Visit+us&question.en=Was+it+easy%3F&why.detractor.lt=Kod%C4%97l%3F&questions={questions}&public=1&answer_days=30");
        assert_eq!(boss.form("/surveys/visit/draft", &form).await.status, 303);
        assert_eq!(boss.form("/surveys/visit/draft", &format!("csrf={csrf}&questions=x")).await.status, 422);
        assert_eq!(boss.form("/surveys/visit/publish", &format!("csrf={csrf}")).await.status, 303);
        let shown = page(app, &boss, "/surveys/visit").await;
        for words in ["Visit us", "Was it easy?", "Kodėl?", "/p/visit", "CES up to 7", "<iframe"] {
            assert!(shown.contains(words), "{words}");
        }
        let stored = &app.get("/surveys/visit").await.expect(200)["items"][0];
        assert_eq!((&stored["body"]["ask_contact"], &stored["body"]["questions"][0]["key"]), (&json!(false), &json!("more")));
        assert_eq!(boss.form("/surveys/visit/close", &format!("csrf={csrf}")).await.status, 303);
        let viewer = app.log_in("viewer@shop.example", Role::Viewer).await;
        let seen = page(app, &viewer, "/surveys/visit").await;
        assert!(seen.contains("Was it easy?") && !seen.contains("Save as draft"));
    })
    .await;
}
