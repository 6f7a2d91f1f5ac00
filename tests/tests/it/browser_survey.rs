//! The survey page in a real browser: a customer with scripts, one without, and a program that only looks like one.

use chrono::Duration;
use hearback_engine::customers::people::NewPerson;
use hearback_store::{EntityTrait, responses, unconfirmed};
use hearback_tests::{
    app::{Options, TestApp},
    browser::{Browser, Window},
    client::Client,
    database::Kind,
    survey::{Screen, invite, invite_address},
};
use serde_json::json;

async fn answers(app: &TestApp) -> Vec<responses::Model> {
    responses::Entity::find().all(app.cx.db.read()).await.unwrap()
}

async fn invited(app: &TestApp) -> String {
    let (_, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
    format!("http://{}{link}?score=3", app.address())
}

/// The response, its case and its task are there.
async fn is_heard(app: &TestApp) {
    app.run_until_idle().await;
    let [row] = answers(app).await.try_into().unwrap();
    assert_eq!((row.score, row.comment.as_deref(), row.channel.as_str()), (3, Some("Nobody called back."), "email"));
    let cases = app.get("/cases?segment=detractor").await.expect(200);
    let case = app.get(&format!("/cases/{}", cases["items"][0]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&case["loop_status"], &case["tasks"][0]["status"]), (&json!("open"), &json!("open")));
    app.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_3_a_comment_and_send() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let link = invited(&app).await;
    let browser = Browser::open(Window::PHONE).await;
    browser.go(&link).await;
    assert_eq!(browser.run("return document.querySelector('[name=score]:checked').value").await, "3");
    browser.shows(".for.detractor", "What went wrong?").await;
    app.advance(Duration::seconds(2)).await;
    browser.write("#comment", "Nobody called back.").await;
    browser.click("[name=contact]").await;
    browser.click("button[type=submit]").await;
    browser.shows("h1", "Thank you for being honest.").await;
    is_heard(&app).await;
    browser.follow("Change my answer").await;
    browser.shows(".note", "You have already answered.").await;
    browser.close().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_a_second_step() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let link = invited(&app).await;
    let browser = Browser::open(Window { scripts: false, ..Window::PHONE }).await;
    browser.go(&link).await;
    app.advance(Duration::seconds(2)).await;
    browser.write("#comment", "Nobody called back.").await;
    browser.click("button[type=submit]").await;
    browser.shows("h1", "You chose 3. Is that right?").await;
    browser.shows("blockquote", "Nobody called back.").await;
    assert!(answers(&app).await.is_empty());
    app.advance(Duration::seconds(2)).await;
    browser.click("button[type=submit]:not(.second)").await;
    browser.shows("h1", "Thank you for being honest.").await;
    is_heard(&app).await;
    browser.close().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_leaves_no_answer() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let link = invited(&app).await;
    let scanner = Client::stranger(app.address());
    let path = link.splitn(4, '/').nth(3).and_then(|path| path.split('?').next()).map(|path| format!("/{path}")).unwrap();
    for score in 0..=10 {
        assert_eq!(scanner.get(&format!("{path}?score={score}")).await.status, 200);
    }
    let browser = Browser::open(Window::DESK).await;
    browser.go(&link).await;
    app.advance(Duration::seconds(5)).await;
    // Everything a script can do by itself, sent as its form would be.
    let send = "const form = document.querySelector('form'); form.elements.score.value = 3;
        for (const kind of ['pointerdown', 'keydown', 'click']) document.body.dispatchEvent(new Event(kind, { bubbles: true }));
        form.querySelector('button').click(); return form.elements.proof.value";
    assert_eq!(browser.run(send).await, "", "events that a script makes up are no touch");
    browser.shows("h1", "You chose 3. Is that right?").await;
    let screen = Screen::get(&scanner, &format!("{path}?score=3")).await;
    app.advance(Duration::seconds(5)).await;
    for _ in 0..3 {
        screen.send(&scanner, "score=3&comment=").await;
    }
    app.run_until_idle().await;
    assert!(answers(&app).await.is_empty());
    assert_eq!(unconfirmed::Entity::find().all(app.cx.db.read()).await.unwrap().len(), 1);
    browser.close().await;
    app.end().await;
}

/// Each screen fits a narrow phone, says its language, has large targets, and can be walked with the keyboard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_fits_a_narrow_phone() {
    const SMALL: &str = "return [...document.querySelectorAll('.pick, button, .button, .tick')]
        .map(at => at.getBoundingClientRect()).filter(at => at.width < 43.5 || at.height < 43.5).map(at => [at.width, at.height])";
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let browser = Browser::open(Window { width: 360, height: 720, ..Window::PHONE }).await;
    for (lang, dark) in [("en", false), ("lt", true), ("lv", false), ("fi", true)] {
        let email = Some(format!("{lang}@example.com"));
        let person = NewPerson { email, locale: Some(lang.to_owned()), ..NewPerson::default() };
        let (_, link) = invite(&app.cx, app.ws, "nps", person).await;
        browser.go(&format!("http://{}{link}{}", app.address(), if dark { "?score=9" } else { "" })).await;
        app.advance(Duration::seconds(2)).await;
        for step in 0..3 {
            let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(wide.as_i64().unwrap() <= 0, "{lang}: {wide} px too wide");
            assert_eq!(browser.run("return document.documentElement.lang").await, lang);
            assert_eq!(browser.run("return document.querySelectorAll('h1').length").await, 1);
            assert_eq!(browser.run(SMALL).await, json!([]), "{lang}, step {step}");
            assert!(browser.picture().await.len() > 5_000, "{lang}, step {step} shows something");
            if browser.count("form[method=post]").await == 0 {
                break;
            }
            if browser.count("[name=score]:not([type=hidden])").await > 0 {
                browser.run("document.querySelector('[name=score][value=\"9\"]').focus()").await;
                browser.write("[name=score][value='9']", " ").await;
            }
            browser.click("button[type=submit]").await;
            let walked = "return document.querySelectorAll('[name=part][value=score]').length";
            hearback_tests::process::until(std::time::Duration::from_secs(10), "the next screen", async || browser.run(walked).await == 0)
                .await;
        }
    }
    browser.close().await;
    app.end().await;
}
