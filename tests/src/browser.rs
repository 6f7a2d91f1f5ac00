//! A real browser, driven as a visitor would use it: Chromium through its driver's HTTP interface (W3C WebDriver).
//!
//! Owns: starting and ending it, and the few gestures of a visitor. Refuses to know what is on the pages.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a browser that does not do as it is told must fail its test"
)]

use std::{
    net::{SocketAddr, TcpListener},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{client::Client, connection::Connection, process::until};

/// How long the driver may take to start, and a page to show what is looked for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How the protocol names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How the protocol names the shadow of an element.
const SHADOW: &str = "shadow-6066-11e4-a52e-4f735466cecf";

/// One visitor with a window. Ends with the value.
#[derive(Debug)]
pub struct Browser {
    driver: Client,
    session: String,
    _child: Child,
    _profile: TempDir,
}

/// A visitor's window.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// Whether scripts run.
    pub scripts: bool,
    /// Whether the visitor prefers dark pages.
    pub dark: bool,
}

impl Window {
    /// A desk.
    pub const DESK: Self = Self { width: 1280, height: 900, scripts: true, dark: false };
    /// A phone.
    pub const PHONE: Self = Self { width: 390, height: 844, scripts: true, dark: false };
}

impl Browser {
    /// Opens a window.
    pub async fn open(window: Window) -> Self {
        let address = free_address();
        let child = Command::new("chromedriver")
            .arg(format!("--port={}", address.port()))
            // The product can be shown another day; the browser, which checks far more than that, lives on this one.
            .env_remove("LD_PRELOAD")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts; it is in Debian's package chromium-driver");
        let answers = async || matches!(Connection::to(address).get("/status", "").await, Ok(answer) if answer.status == 200);
        until(PATIENCE, "the driver answers", answers).await;
        let profile = tempfile::tempdir().expect("a writable folder");
        let driver = Client::stranger(address);
        let made = driver.post("/session", &capabilities(window, &profile)).await.expect(200);
        let session = made.pointer("/value/sessionId").and_then(Value::as_str).unwrap_or_else(|| panic!("no session: {made}")).to_owned();
        let browser = Self { driver, session, _child: child, _profile: profile };
        browser.call("/window/rect", &json!({ "width": window.width, "height": window.height })).await;
        browser
    }

    /// Goes to an address and waits until the page is there.
    pub async fn go(&self, address: &str) {
        self.call("/url", &json!({ "url": address })).await;
    }

    /// Where the window is.
    pub async fn address(&self) -> String {
        text(&self.ask("/url").await)
    }

    /// Waits until an element that a CSS selector finds shows these words. A click may return while the old page is still there.
    pub async fn shows(&self, selector: &str, words: &str) {
        let found = format!("/session/{}/element", self.session);
        until(PATIENCE, &format!("`{selector}` shows `{words}`"), async || {
            let element = self.driver.post(&found, &json!({ "using": "css selector", "value": selector })).await;
            let Some(id) = Some(&element).filter(|answer| answer.status == 200).and_then(|answer| id(&answer.json())) else { return false };
            let shown = self.driver.get(&format!("{found}/{id}/text")).await;
            shown.status == 200 && text(&value(&shown.json())).contains(words)
        })
        .await;
    }

    /// How many elements a selector finds.
    pub async fn count(&self, selector: &str) -> usize {
        let found = self.call("/elements", &json!({ "using": "css selector", "value": selector })).await;
        found.as_array().map_or(0, Vec::len)
    }

    /// Clicks; what a click on a link or button leads to is there when this returns.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.call(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Clicks on a link by its words.
    pub async fn follow(&self, words: &str) {
        let element = self.element("link text", words).await;
        self.call(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into a field, after what is there.
    pub async fn write(&self, selector: &str, words: &str) {
        let element = self.find(selector).await;
        self.call(&format!("/element/{element}/value"), &json!({ "text": words })).await;
    }

    /// Clicks on what a selector finds in the shadow of a host element.
    pub async fn click_within(&self, host: &str, selector: &str) {
        let element = self.within(host, selector).await;
        self.call(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into what a selector finds in the shadow of a host element.
    pub async fn write_within(&self, host: &str, selector: &str, words: &str) {
        let element = self.within(host, selector).await;
        self.call(&format!("/element/{element}/value"), &json!({ "text": words })).await;
    }

    /// Waits until what a selector finds in the shadow of a host element shows these words.
    pub async fn shows_within(&self, host: &str, selector: &str, words: &str) {
        let script = format!("return document.querySelector('{host}')?.shadowRoot.querySelector('{selector}')?.textContent");
        until(PATIENCE, &format!("`{selector}` in `{host}` shows `{words}`"), async || text(&self.run(&script).await).contains(words))
            .await;
    }

    /// What the browser complained of since it was asked last: errors of scripts, and what a content security policy refused.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.call("/se/log", &json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| text(entry.get("message").unwrap_or(&Value::Null))).collect()
    }

    async fn within(&self, host: &str, selector: &str) -> String {
        let host = self.find(host).await;
        let shadow = self.ask(&format!("/element/{host}/shadow")).await;
        let shadow = text(shadow.get(SHADOW).unwrap_or(&Value::Null));
        let found = self.call(&format!("/shadow/{shadow}/element"), &json!({ "using": "css selector", "value": selector })).await;
        text(found.get(ELEMENT).unwrap_or(&Value::Null))
    }

    /// Presses a key where the focus is.
    pub async fn press(&self, key: &str) {
        let strokes = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.call("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] })).await;
    }

    /// Runs a script in the page and gives what it returns; only in windows where scripts run.
    pub async fn run(&self, script: &str) -> Value {
        self.call("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The window as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text(&self.ask("/screenshot").await)).expect("a picture")
    }

    /// Closes it.
    pub async fn close(self) {
        self.driver.delete(&format!("/session/{}", self.session)).await;
    }

    async fn find(&self, selector: &str) -> String {
        self.element("css selector", selector).await
    }

    async fn element(&self, using: &str, value: &str) -> String {
        let path = format!("/session/{}/element", self.session);
        let answer = self.driver.post(&path, &json!({ "using": using, "value": value })).await;
        if answer.status != 200 {
            let page = text(&self.ask("/source").await);
            panic!("there is no `{value}` at {}:\n{page}", self.address().await);
        }
        id(&answer.json()).expect("an element")
    }

    async fn ask(&self, path: &str) -> Value {
        value(&self.driver.get(&format!("/session/{}{path}", self.session)).await.expect(200))
    }

    async fn call(&self, path: &str, body: &Value) -> Value {
        value(&self.driver.post(&format!("/session/{}{path}", self.session), body).await.expect(200))
    }
}

fn capabilities(window: Window, profile: &TempDir) -> Value {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // The tests run as root, where its own sandbox refuses to work; it only ever sees pages of the server under test.
        "--no-sandbox".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        "--hide-scrollbars".to_owned(),
        format!("--user-data-dir={}", profile.path().display()),
    ];
    if window.dark {
        arguments.push("--force-dark-mode".to_owned());
    }
    let javascript = if window.scripts { 1 } else { 2 };
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "implicit": 5_000, "pageLoad": 60_000 },
        "goog:chromeOptions": {
            "args": arguments,
            "prefs": { "profile.managed_default_content_settings.javascript": javascript },
        },
    } } })
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound port has an address")
}

/// The element that the driver has found.
fn id(answer: &Value) -> Option<String> {
    answer.pointer(&format!("/value/{ELEMENT}")).map(text)
}

/// What the driver answers, out of its wrapping.
fn value(answer: &Value) -> Value {
    answer.get("value").cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
