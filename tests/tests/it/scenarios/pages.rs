//! The pages as a browser meets them: who gets in, what a role may do, what another site can not do, and what a customer
//! writes stays text.

use hearback_engine::role::Role;
use hearback_store::sessions;
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::{Answer, Client},
};
use serde_json::json;

use super::all;

/// The token that a page's forms carry.
pub(super) fn form_token(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {text}"));
    rest.split('"').next().unwrap().to_owned()
}

async fn case_page(app: &TestApp) -> (serde_json::Value, String) {
    let receipt = app.answer("anna@example.com", 2).await;
    let path = format!("/cases/{}", receipt["case"]["id"].as_str().unwrap());
    (receipt, path)
}

#[tokio::test]
async fn an_agent_works_on_a_case_with_forms() {
    on_every_database(async |app| {
        let (receipt, path) = case_page(app).await;
        let agent = app.log_in("ieva@shop.example", Role::Agent).await;
        let page = agent.get(&path).await;
        assert_eq!(page.status, 200);
        let form = format!("csrf={}&channel=phone&outcome=reached&note=calm", form_token(&page));
        let done = agent.form(&format!("{path}/contact"), &form).await;
        assert_eq!(done.status, 303, "{}", done.text());
        let case = app.case_of(&receipt).await;
        assert_eq!(case["loop_status"], "contacted");
        assert_eq!(super::texts(&case["timeline"], "/actor").last().unwrap(), "user:ieva@shop.example");
    })
    .await;
}

#[tokio::test]
async fn what_another_site_sends_changes_nothing() {
    on_every_database(async |app| {
        let (receipt, path) = case_page(app).await;
        let agent = app.log_in("ieva@shop.example", Role::Agent).await;
        let token = form_token(&agent.get(&path).await);
        let before = app.case_of(&receipt).await;
        let own = format!("http://{}", app.address());
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let body = |token: &str| format!("csrf={token}&channel=phone&outcome=reached");
        let path = format!("{path}/contact");
        for (name, headers, body) in [
            ("another site, as the browser says", vec![kind, ("sec-fetch-site", "cross-site"), ("origin", own.as_str())], body(&token)),
            ("a neighbour site", vec![kind, ("sec-fetch-site", "same-site"), ("origin", "http://evil.example")], body(&token)),
            ("another origin", vec![kind, ("origin", "http://evil.example")], body(&token)),
            ("no origin at all", vec![kind], body(&token)),
            ("no token", vec![kind, ("sec-fetch-site", "same-origin"), ("origin", own.as_str())], body("")),
            ("a made-up token", vec![kind, ("sec-fetch-site", "same-origin"), ("origin", own.as_str())], body(&"0".repeat(64))),
        ] {
            let refused = agent.send("POST", &path, &headers, body).await;
            assert_eq!(refused.status, 403, "{name}: {}", refused.text());
        }
        assert_eq!(app.case_of(&receipt).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    on_every_database(async |app| {
        let (receipt, path) = case_page(app).await;
        let viewer = app.log_in("vera@shop.example", Role::Viewer).await;
        let page = viewer.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("/contact\""), "no form is shown that would be refused");
        // The log-out form carries the same token as every other form.
        let form = format!("csrf={}&channel=phone&outcome=reached", form_token(&page));
        let before = app.case_of(&receipt).await;
        assert_eq!(viewer.form(&format!("{path}/contact"), &form).await.status, 403);
        assert_eq!(app.case_of(&receipt).await, before);
    })
    .await;
}

#[tokio::test]
async fn strangers_are_led_to_the_log_in_and_back() {
    on_every_database(async |app| {
        let (_, path) = case_page(app).await;
        let stranger = Client::stranger(app.address());
        for page in ["/", "/cases", path.as_str()] {
            let led = stranger.get(page).await;
            assert_eq!(led.status, 303, "{page}");
            assert!(led.header("location").starts_with("/login"), "{}", led.header("location"));
        }
        app.add_user("ieva@shop.example", "Ieva", Role::Agent, Some("correct horse battery")).await;
        for (next, target) in [("/cases", "/cases"), ("https://evil.example", "/"), ("//evil.example", "/"), ("/\\evil.example", "/")] {
            let form = format!("email=ieva%40shop.example&password=correct+horse+battery&next={next}");
            let inside = Client::stranger(app.address()).form("/login", &form).await;
            assert_eq!((inside.status, inside.header("location")), (303, target), "{next}");
        }
        let wrong = stranger.form("/login", "email=ieva%40shop.example&password=wrong").await;
        let nobody = stranger.form("/login", "email=nobody%40shop.example&password=wrong").await;
        assert_eq!((wrong.status, nobody.status), (422, 422));
        assert_eq!(wrong.text().replace("ieva", "nobody"), nobody.text(), "who exists is not told");
    })
    .await;
}

#[tokio::test]
async fn a_session_is_new_at_each_log_in_ends_at_log_out_and_is_stored_as_a_hash() {
    on_every_database(async |app| {
        let agent = app.log_in("ieva@shop.example", Role::Agent).await;
        let copy = agent.copy();
        let stored: Vec<String> = all::<sessions::Entity>(app).await.into_iter().map(|row| row.token_hash).collect();
        let cookie = agent.cookies();
        assert_eq!((stored.len(), stored[0].len()), (1, 64));
        assert!(!cookie.contains(&stored[0]), "what is stored opens nothing");
        let page = agent.get("/").await;
        assert_eq!(page.status, 200);
        assert_eq!(agent.form("/logout", &format!("csrf={}", form_token(&page))).await.status, 303);
        assert_eq!(copy.get("/").await.status, 303, "a copy of the cookie is worth nothing after the log-out");
        assert!(all::<sessions::Entity>(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_a_customer_writes_is_shown_as_text() {
    on_every_database(async |app| {
        let script = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}";
        let body = json!({
            "survey": "nps", "score": 1, "comment": script, "external_id": script,
            "person": { "email": "anna@example.com", "name": script, "properties": { "plan": script } },
        });
        let receipt = app.post("/responses", body).await.expect(201);
        let agent = app.log_in("ieva@shop.example", Role::Admin).await;
        for page in ["/".to_owned(), "/cases".to_owned(), format!("/cases/{}", receipt["case"]["id"].as_str().unwrap())] {
            let shown = agent.get(&page).await;
            let text = shown.text();
            assert_eq!(shown.status, 200, "{page}");
            assert!(!text.contains("<script") && !text.contains("<img src=x"), "{page}: {text}");
            if page != "/" {
                assert!(text.contains("&lt;script&gt;alert(1)") && text.contains("{{7*7}}"), "{page} shows it");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_answer_carries_its_headers() {
    on_every_database(async |app| {
        let agent = app.log_in("ieva@shop.example", Role::Admin).await;
        let answers = [
            agent.get("/").await,
            agent.get("/nowhere").await,
            agent.form("/cases/7/close", "").await,
            agent.send("TRACE", "/", &[], "").await,
            app.api.get("/api/v1/cases").await,
            app.api.get("/api/v1/nowhere").await,
            Client::stranger(app.address()).get("/api/v1/cases").await,
            Client::stranger(app.address()).get("/healthz").await,
        ];
        for answer in answers {
            assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{}", answer.status);
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(["no-referrer", "same-origin"].contains(&answer.header("referrer-policy")), "another site never learns of our links");
            assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.status);
        }
    })
    .await;
}
