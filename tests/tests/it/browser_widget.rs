//! The widget on somebody else's page, in a real browser: under a strict policy, with the mouse and with the keyboard.

use hearback_core::token::signature_of;
use hearback_tests::{
    app::{Options, TestApp},
    browser::{Browser, Window},
    database::Kind,
    site::{Plot, Site},
};
use serde_json::json;

use crate::browser_axe::wrong_with;

const HOST: &str = "hearback-widget";
/// How a WebDriver types keys.
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// A shop whose page embeds the widget for Anna, and allows nothing but that.
async fn shop(app: &TestApp) -> Site {
    let plot = Plot::reserve().await;
    let new = json!({ "name": "Shop", "survey": "nps", "origins": [plot.origin()] });
    let widget = app.post("/widgets", new).await.expect(201);
    let script = widget["script"].as_str().unwrap();
    let signature = signature_of(widget["secret"].as_str().unwrap(), "email:anna@example.com");
    let script =
        script.replace(" async", &format!(" data-email=\"anna@example.com\" data-signature=\"{signature}\" data-delay=\"0\" async"));
    let ours = format!("http://{}", app.address());
    let policy = format!(
        "default-src 'none'; script-src {ours}; connect-src {ours}; img-src data:; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let icon = "<link rel=\"icon\" href=\"data:,\">";
    plot.show(
        &policy,
        &format!(
            "<!doctype html><html lang=\"en\"><title>Shop</title>{icon}<main><h1>Shop</h1><a href=\"#x\">A link</a></main>{script}</html>"
        ),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_of_another_site_clicks_a_score_and_writes_a_comment() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let site = shop(&app).await;
    let browser = Browser::open(Window::PHONE).await;
    browser.go(site.origin()).await;
    browser.shows_within(HOST, "h2", "recommend").await;
    assert_eq!(browser.run("return document.activeElement.tagName").await, "BODY", "it comes by itself and takes no focus");
    let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(wide.as_i64().unwrap() <= 0, "it fits a phone");
    browser.click_within(HOST, ".scores button:nth-child(3)").await;
    browser.shows_within(HOST, "h2", "What went wrong?").await;
    browser.write_within(HOST, "textarea", "Nobody called back.").await;
    browser.click_within(HOST, ".send").await;
    browser.shows_within(HOST, "h2", "Thank you").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    let answers = app.get("/responses").await.expect(200);
    let answer = &answers["items"][0];
    assert_eq!((&answer["channel"], &answer["score"]), (&json!("widget"), &json!(2)));
    assert_eq!(answer["comment"], "Nobody called back.");
    assert_eq!(app.get("/people").await.expect(200)["items"][0]["email"], "anna@example.com");

    // Not again: neither from what the browser remembers, nor, once it has forgotten, from what the server knows.
    browser.go(&format!("{}/again", site.origin())).await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(browser.count(HOST).await, 0);
    browser.run("localStorage.clear()").await;
    browser.go(&format!("{}/once-more", site.origin())).await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(browser.count(HOST).await, 0);
    browser.close().await;
    app.assert_sound().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_it_in_the_light_and_in_the_dark() {
    for dark in [false, true] {
        let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
        let site = shop(&app).await;
        let browser = Browser::open(Window { dark, ..Window::PHONE }).await;
        browser.go(site.origin()).await;
        browser.shows_within(HOST, "h2", "recommend").await;
        assert_eq!(wrong_with(&browser).await, Vec::<String>::new(), "the scores, dark: {dark}");
        browser.click_within(HOST, ".scores button:nth-child(3)").await;
        browser.shows_within(HOST, "h2", "What went wrong?").await;
        assert_eq!(wrong_with(&browser).await, Vec::<String>::new(), "the comment, dark: {dark}");
        browser.click_within(HOST, ".send").await;
        browser.shows_within(HOST, "h2", "Thank you").await;
        assert_eq!(wrong_with(&browser).await, Vec::<String>::new(), "the thanks, dark: {dark}");
        browser.close().await;
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_is_enough_and_no_means_no() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let site = shop(&app).await;
    let browser = Browser::open(Window { dark: true, ..Window::DESK }).await;
    browser.go(site.origin()).await;
    browser.shows_within(HOST, "h2", "recommend").await;
    browser.run("document.querySelector('a').focus()").await;
    browser.press(TAB).await;
    assert_eq!(
        browser.run("return document.activeElement.shadowRoot.activeElement.textContent").await,
        "0",
        "the next stop is its first number"
    );
    browser.press(ESCAPE).await;
    assert_eq!(browser.count(HOST).await, 0, "Escape closes it");
    assert_eq!(browser.run("return document.activeElement.tagName").await, "A", "and leads back to where one was");
    browser.run("localStorage.clear()").await;
    browser.go(&format!("{}/later", site.origin())).await;
    browser.shows_within(HOST, "h2", "recommend").await;
    browser.run("document.querySelector('hearback-widget').shadowRoot.querySelector('.never').focus()").await;
    browser.press(ENTER).await;
    assert_eq!(browser.count(HOST).await, 0);
    let years = browser.run("return (Number(Object.values(localStorage)[0]) - Date.now()) / 31557600000").await;
    assert!(years.as_f64().unwrap() > 90.0, "{years}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    assert_eq!(app.get("/responses").await.expect(200)["items"], json!([]));
    browser.close().await;
    app.end().await;
}
