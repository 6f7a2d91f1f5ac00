//! Every page, checked for accessibility by axe-core: those for customers in each language, on a phone, light and dark, and at a desk;
//! those for our people at a desk, light and dark.
//!
//! The checker is no part of this repository. `test.sh` fetches it and names its file by `HEARBACK_TEST_AXE`. When
//! `HEARBACK_TEST_PICTURES` names a folder, a picture of each page is left there to be looked at.

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_engine::{customers::people::NewPerson, role::Role};
use hearback_tests::{
    app::{Options, TestApp},
    browser::{Browser, Window},
    database::Kind,
    pages,
    survey::invite,
};
use serde_json::{Value, json};
use uuid::Uuid;

const LANGUAGES: [&str; 4] = ["en", "lt", "lv", "fi"];
const PASSWORD: &str = "correct-horse-battery-staple";
/// What still fades in has less contrast than it will have: its end is waited for.
const RUN: &str = "const roots = [document, ...[...document.querySelectorAll('*')].map(one => one.shadowRoot).filter(Boolean)];
    return Promise.all(roots.flatMap(root => root.getAnimations()).map(one => one.finished))
    .then(() => axe.run(document, { resultTypes: ['violations'] })).then(found => found.violations.flatMap(rule =>
    rule.nodes.map(node => rule.id + ' ' + node.target.join(' ') + ': ' + node.failureSummary)))";

#[expect(clippy::disallowed_methods, reason = "the product never reads the environment outside its configuration; the tests have none")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The checker itself.
fn checker() -> String {
    let path = setting("HEARBACK_TEST_AXE").expect(
        "HEARBACK_TEST_AXE is not set: it names axe.min.js of the npm package axe-core. Run ./test.sh, which fetches it, \
         or unpack that version yourself",
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path} can't be read: {error}"))
}

/// What is wrong with the page that a browser shows now.
pub(crate) async fn wrong_with(browser: &Browser) -> Vec<String> {
    told(&browser.run(&format!("{};{RUN}", checker())).await)
}

fn told(found: &Value) -> Vec<String> {
    found.as_array().unwrap().iter().map(|wrong| wrong.as_str().unwrap_or_default().to_owned()).collect()
}

/// Looks at pages and keeps what was wrong with them.
struct Check<'a> {
    app: &'a TestApp,
    browser: Browser,
    axe: String,
    look: &'static str,
    wrong: Vec<String>,
    checked: usize,
}

impl<'a> Check<'a> {
    async fn open(app: &'a TestApp, window: Window) -> Self {
        let axe = checker();
        let look = match (window.dark, window.width > 600) {
            (true, _) => "dark",
            (false, true) => "desk",
            (false, false) => "light",
        };
        let check = Self { app, browser: Browser::open(window).await, axe, look, wrong: Vec::new(), checked: 0 };
        check.browser.go(&check.url("/login")).await;
        assert_eq!(
            check.browser.run("return matchMedia('(prefers-color-scheme: dark)').matches").await,
            window.dark,
            "the window is as asked for"
        );
        check
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app.address())
    }

    async fn page(&mut self, name: &str, path: &str) {
        self.browser.go(&self.url(path)).await;
        self.here(name).await;
    }

    /// The page that is shown now.
    async fn here(&mut self, name: &str) {
        let found = self.browser.run(&format!("{};{RUN}", self.axe)).await;
        let place = format!("{name}, {}", self.look);
        self.wrong.extend(told(&found).into_iter().map(|wrong| format!("{place}: {wrong}")));
        let wide = self.browser.run("return document.documentElement.scrollWidth - window.innerWidth").await;
        if wide.as_i64().unwrap() > 0 {
            self.wrong.push(format!("{place}: {wide} px wider than the window"));
        }
        if let Some(folder) = setting("HEARBACK_TEST_PICTURES") {
            std::fs::write(format!("{folder}/{}.png", place.replace([' ', ',', '/'], "-")), self.browser.picture().await).unwrap();
        }
        self.checked += 1;
    }

    async fn end(self, least: usize) {
        assert!(self.wrong.is_empty(), "{} findings:\n{}", self.wrong.len(), self.wrong.join("\n"));
        assert!(self.checked >= least, "only {} pages were looked at", self.checked);
        self.browser.close().await;
    }
}

/// A customer who has answered in this language; the person and the case.
async fn customer(app: &TestApp, lang: &str, name: &str) -> (Uuid, Uuid) {
    let person =
        json!({ "email": format!("{name}-{lang}@example.com"), "name": "Anna Example", "locale": lang, "properties": { "plan": "gold" } });
    let answer = json!({ "survey": "nps", "score": 9, "comment": "Quick and kind.", "person": person });
    let receipt = app.post("/responses", answer).await.expect(201);
    let case = app.case_of(&receipt).await;
    let id = |value: &Value| value.as_str().unwrap().parse().unwrap();
    (id(&case["person"]["id"]), id(&case["id"]))
}

/// The page on which a customer answers, screen by screen: by a public link, and by the link of a mail without a touch.
async fn survey_pages(check: &mut Check<'_>, lang: &str) {
    check.page(&format!("survey {lang}"), &format!("/p/nps?lang={lang}")).await;
    check.browser.click(".pick:nth-child(3)").await;
    check.here(&format!("survey chosen {lang}")).await;
    // Who answers faster than anybody reads is asked once more.
    check.app.clock.advance(Duration::seconds(2));
    check.browser.click("main form [type=submit]").await;
    check.here(&format!("survey why {lang}")).await;
    check.browser.write("#comment", "Quick and kind.").await;
    check.app.clock.advance(Duration::seconds(2));
    check.browser.click("main form [type=submit]").await;
    check.here(&format!("survey thanks {lang}")).await;
    let person = NewPerson { external_id: Some(format!("{lang}-{}", check.look)), locale: Some(lang.to_owned()), ..NewPerson::default() };
    let (_, link) = invite(&check.app.cx, check.app.ws, "nps", person).await;
    check.page(&format!("survey by mail {lang}"), &format!("{link}?score=9")).await;
    check.browser.run("document.querySelector('main form').submit()").await;
    check.browser.shows("main h1", "9").await;
    check.here(&format!("survey confirm {lang}")).await;
}

/// What a customer is led to by our mails, in their language.
async fn customer_pages(check: &mut Check<'_>, lang: &str) {
    let app = check.app;
    let (person, case) = customer(app, lang, check.look).await;
    app.run_until_idle().await;
    let (key, ws) = (&app.cx.settings.secret_key, app.ws.uuid());
    let stop = format!("/u/{}", key.sign(Purpose::Unsubscribe, ws, person));
    check.page(&format!("preferences {lang}"), &stop).await;
    check.browser.click("button[type=submit]").await;
    check.here(&format!("stopped {lang}")).await;
    check.page(&format!("testimonial {lang}"), &format!("/t/{}", key.sign(Purpose::Testimonial, ws, case))).await;
    let own = format!("/me/{}", key.sign_at(Purpose::OwnData, ws, person, app.now() + Duration::minutes(30)));
    check.page(&format!("own data {lang}"), &own).await;
    check.browser.click("form:has([value=show]) button").await;
    check.here(&format!("own data shown {lang}")).await;
    check.browser.run("document.querySelector('[name=sure]').required = false").await;
    check.browser.click("form:has([value=erase]) button").await;
    check.here(&format!("own data unsure {lang}")).await;
    check.browser.click("[name=sure]").await;
    check.browser.click("form:has([value=erase]) button").await;
    check.here(&format!("erased {lang}")).await;
    let late = format!("/me/{}", key.sign_at(Purpose::OwnData, ws, customer(app, lang, "late").await.0, app.now() - Duration::minutes(1)));
    check.page(&format!("own data late {lang}"), &late).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_for_customers_are_accessible_in_each_language_on_a_phone_and_at_a_desk() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    for window in [Window::PHONE, Window { dark: true, ..Window::PHONE }, Window::DESK] {
        let mut check = Check::open(&app, window).await;
        for lang in LANGUAGES {
            survey_pages(&mut check, lang).await;
            customer_pages(&mut check, lang).await;
        }
        check.page("no such link", "/u/v1.nonsense").await;
        check.end(14 * LANGUAGES.len()).await;
    }
    app.assert_sound().await;
    app.end().await;
}

/// Further questions, one of each kind that looks its own way.
fn questions() -> Value {
    let choice = |key: &str, words: &str| json!({ "key": key, "text": { "en": words, "lt": words } });
    json!([
        { "key": "which", "kind": "single_choice", "text": { "en": "Which part was it about?", "lt": "Kuri dalis?" }, "segments": ["detractor"],
          "choices": [choice("price", "The price"), choice("service", "The service")] },
        { "key": "again", "kind": "scale", "min": 0, "max": 5, "text": { "en": "How sure are you to come back?" } },
    ])
}

async fn log_in(check: &mut Check<'_>) {
    check.page("log in", "/login").await;
    check.browser.write("#email", "boss@shop.example").await;
    check.browser.write("#password", PASSWORD).await;
    check.browser.click("main form button[type=submit]").await;
    check.browser.shows("nav", "Cases").await;
}

/// A survey whose form was sent with a mistake: the question unfolds, with what is wrong beside the field.
async fn refused_survey(check: &mut Check<'_>, window: &str) {
    check.browser.go(&check.url("/surveys/nps")).await;
    check.browser.run("document.querySelectorAll('details.question').forEach(question => { question.open = true })").await;
    check.here(&format!("survey form {window}")).await;
    let qr = check.browser.run("return document.querySelector('.qr').naturalWidth > 0").await;
    assert_eq!(qr, true, "the picture of the link is shown");
    check.browser.run("document.getElementById('q.2.max').value = '99'").await;
    check.browser.click("form[action$='/draft'] > button[type=submit]").await;
    check.browser.shows("[id='e-q.2.max']", "at most 10").await;
    check.here(&format!("survey refused {window}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_for_our_people_are_accessible_light_and_dark() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    app.add_user("boss@shop.example", "Bea Boss", Role::Admin, Some(PASSWORD)).await;
    for (score, comment) in [(10, "Quick and kind."), (2, "The parcel stood in the rain."), (3, "Too expensive."), (8, "All fine.")] {
        let person = json!({ "email": format!("{score}@example.com"), "name": "Somebody" });
        app.post("/responses", json!({ "survey": "nps", "score": score, "comment": comment, "person": person })).await.expect(201);
        app.advance(Duration::hours(1)).await;
    }
    app.advance(Duration::days(4)).await;
    let mut paths = pages::of_our_people(&app).await;
    paths.extend(["/cases?status=any", "/nothing-here"].map(str::to_owned));
    app.put("/surveys/nps/draft", json!({ "body": { "questions": questions() } })).await.expect(200);
    for dark in [false, true] {
        let mut check = Check::open(&app, Window { dark, ..Window::DESK }).await;
        log_in(&mut check).await;
        for path in &paths {
            check.page(path, path).await;
        }
        refused_survey(&mut check, "desk").await;
        check.end(12).await;
        let mut check = Check::open(&app, Window { dark, ..Window::PHONE }).await;
        log_in(&mut check).await;
        refused_survey(&mut check, "phone").await;
        check.end(2).await;
    }
    app.end().await;
}
