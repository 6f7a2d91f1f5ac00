//! The demo as a newcomer meets it: the campaign has asked, and an answer from a captured mail opens a case.

use std::{process::Stdio, time::Duration};

use hearback_tests::{
    browser::{Browser, Window},
    client::Client,
    process::{program, until},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// How long the demo may take to be there.
const PATIENCE: Duration = Duration::from_mins(5);

/// A running demo, and what it told.
struct Demo {
    told: Vec<String>,
    folder: tempfile::TempDir,
    _program: Child,
}

impl Demo {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new(program())
            .args(["demo", "--port", "0", "--dir"])
            .arg(folder.path().join("demo"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let mut told = Vec::new();
        let read = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let is_last = line.starts_with("Stop with");
                told.push(line);
                if is_last {
                    return;
                }
            }
            panic!("the demo ended: {told:?}");
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the demo is there in time");
        Self { told, folder, _program: program }
    }

    /// What stands behind a word in the guide.
    fn said(&self, word: &str) -> &str {
        let line = self.told.iter().find_map(|line| line.trim().strip_prefix(word)).unwrap_or_else(|| panic!("no {word}: {:?}", self.told));
        line.trim()
    }

    /// The name of the captured invitation of this address.
    fn mail_to(&self, email: &str) -> String {
        let files = std::fs::read_dir(self.folder.path().join("demo/mail")).unwrap().map(|entry| entry.unwrap().path());
        let invites = |text: &str| text.contains(&format!("<{email}>")) && text.contains("/s/v1.");
        let file = files.into_iter().find(|path| std::fs::read_to_string(path).is_ok_and(|text| invites(&text)));
        file.expect("a captured invitation").file_stem().unwrap().to_string_lossy().into_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_asks_and_an_answer_from_its_mail_opens_a_case() {
    let demo = Demo::start().await;
    let base = demo.said("Open").trim_end_matches('/').to_owned();
    let api = Client::with_key(base.trim_start_matches("http://").parse().unwrap(), demo.said("API key"));
    let get = async |path: &str| -> Value { api.get(&format!("/api/v1{path}")).await.expect(200) };

    let surveys = get("/surveys").await;
    assert!(surveys["items"].as_array().unwrap().iter().any(|survey| survey["key"] == "nps" && survey["status"] == "published"));
    let campaign = get("/campaigns/quarterly").await;
    assert!(campaign.to_string().contains("Europe/Vilnius"), "{campaign}");
    let waves = get("/waves?campaign=quarterly").await;
    assert_eq!(waves["items"].as_array().unwrap().len(), 1, "{waves}");

    let waiting = get("/invitations?status=sent&limit=1").await;
    let person = waiting["items"][0]["person"].as_str().unwrap_or_else(|| panic!("{waiting}")).to_owned();
    let email = get(&format!("/people/{person}")).await["email"].as_str().unwrap().to_owned();

    let browser = Browser::open(Window::DESK).await;
    browser.go(&format!("{base}/login")).await;
    browser.write("#email", demo.said("Log in")).await;
    browser.write("#password", demo.said("Password")).await;
    browser.click("main form button[type=submit]").await;
    browser.shows("nav", "Campaigns").await;
    browser.go(&format!("{base}/mail/{}", demo.mail_to(&email))).await;
    browser.click(".mail-text a[href$='?score=3']").await;
    assert_eq!(browser.run("return document.querySelector('[name=score]:checked').value").await, "3");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    browser.write("#comment", "The chain fell off.").await;
    browser.click("button[type=submit]").await;

    let answered = async || {
        let answers = get(&format!("/responses?person={person}")).await;
        let items = answers["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|row| row["comment"] == "The chain fell off.")
    };
    until(Duration::from_secs(20), "the answer is there", async || answered().await.is_some()).await;
    let answer = answered().await.unwrap();
    assert_eq!((&answer["score"], &answer["channel"]), (&json!(3), &json!("email")));
    let has_task = async || {
        let cases = get("/cases?segment=detractor&loop_status=open&limit=100").await;
        let case = cases["items"].as_array().unwrap().iter().find(|case| case["person"]["id"] == person.as_str()).cloned();
        let Some(case) = case else { return false };
        let case = get(&format!("/cases/{}", case["id"].as_str().unwrap())).await;
        case["tasks"].as_array().is_some_and(|tasks| !tasks.is_empty())
    };
    until(Duration::from_secs(20), "the case has a task", has_task).await;
    browser.close().await;
}
