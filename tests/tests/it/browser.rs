//! The pages in a real browser: the way of a newcomer, without scripts; and on a phone.

use hearback_engine::role::Role;
use hearback_tests::{
    app::{Options, TestApp},
    browser::{Browser, Window},
    database::Kind,
    pages,
};
use serde_json::json;

const PASSWORD: &str = "correct-horse-battery-staple";

async fn with_cases() -> TestApp {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    app.add_user("agent@shop.example", "Alva Agent", Role::Manager, Some(PASSWORD)).await;
    for (email, score, comment) in [
        ("happy@example.com", 10, "Quick and kind."),
        ("cold@example.com", 2, "The parcel stood in the rain for two days and nobody called back."),
        ("later@example.com", 3, "Too expensive for what it is."),
        ("fine@example.com", 8, "All fine, the shop could open earlier."),
    ] {
        let person = json!({ "email": email, "name": email.split('@').next() });
        app.post("/responses", json!({ "survey": "nps", "score": score, "comment": comment, "person": person })).await.expect(201);
        app.advance(chrono::Duration::hours(1)).await;
    }
    app.advance(chrono::Duration::days(4)).await;
    app
}

async fn log_in(app: &TestApp, window: Window) -> Browser {
    let browser = Browser::open(window).await;
    browser.go(&format!("http://{}/", app.address())).await;
    browser.write("#email", "agent@shop.example").await;
    browser.write("#password", PASSWORD).await;
    browser.click("main form button[type=submit]").await;
    browser.shows("nav", "Cases").await;
    browser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_closes_the_most_overdue_loop_without_scripts() {
    let app = with_cases().await;
    let before = app.get("/metrics?survey=nps").await.expect(200);
    let browser = log_in(&app, Window { scripts: false, ..Window::DESK }).await;
    browser.follow("Cases").await;
    browser.click("a.case-who").await;
    // The most overdue one comes first.
    browser.shows("blockquote", "stood in the rain").await;
    browser.shows(".lacks", "contact").await;

    browser.click("#outcome option[value=reached]").await;
    browser.write("#contact-note", "She wants her money back.").await;
    browser.click("form[action$='/contact'] button").await;
    browser.shows(".case-status .status", "Contacted").await;
    browser.shows(".timeline", "She wants her money back.").await;

    // The call that the rule asked for was made.
    browser.click("form[action^='/tasks/'] button").await;
    browser.shows(".tasks .finished", "Call the customer").await;
    browser.write("#root-cause", "delivery").await;
    browser.write("#resolution", "Refunded, and told the carrier.").await;
    browser.click("form[action$='/close'] button[type=submit]:not(.second)").await;
    browser.shows(".case-status .status", "Closed").await;

    let after = app.get("/metrics?survey=nps").await.expect(200);
    let closed = |metrics: &serde_json::Value| metrics["loops"]["closed"].as_i64().unwrap();
    assert_eq!(closed(&after), closed(&before) + 1);
    browser.close().await;
    app.assert_sound().await;
    app.end().await;
}

/// Nothing sticks out sideways, everything that can be filled in has a name, and the language is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_a_phone_and_names_its_fields() {
    const NAMELESS: &str = "return [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
        .filter(field => !(field.labels && field.labels.length) && !field.getAttribute('aria-label')).map(field => field.name)";
    let app = with_cases().await;
    let browser = log_in(&app, Window::PHONE).await;
    let mut paths = pages::of_our_people(&app).await;
    paths.push("/cases?status=any".to_owned());
    for path in paths {
        browser.go(&format!("http://{}{path}", app.address())).await;
        let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(wide.as_i64().unwrap() <= 0, "{path} is {wide} px wider than a phone");
        assert_eq!(browser.run("return document.documentElement.lang").await, "en", "{path}");
        assert_eq!(browser.run("return document.querySelectorAll('h1').length").await, 1, "{path} has one heading");
        assert_eq!(browser.run(NAMELESS).await, json!([]), "{path}");
        assert!(browser.picture().await.len() > 5_000, "{path} shows something");
    }
    browser.close().await;
    app.end().await;
}
