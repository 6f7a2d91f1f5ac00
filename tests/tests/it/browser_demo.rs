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
    _folder: tempfile::TempDir,
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
        Self { told, _folder: folder, _program: program }
    }

    /// What stands behind a word in the guide.
    fn said(&self, word: &str) -> &str {
        let line = self.told.iter().find_map(|line| line.trim().strip_prefix(word)).unwrap_or_else(|| panic!("no {word}: {:?}", self.told));
        line.trim()
    }

    /// Where the guide sends those who want to answer as a customer: a list of the mails to one who has not answered.
    fn mails_to_answer(&self) -> &str {
        let line = self.told.iter().find_map(|line| line.split_once("has not answered yet: open "));
        line.unwrap_or_else(|| panic!("nobody to be: {:?}", self.told)).1.trim_end_matches(',')
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

    let mails = demo.mails_to_answer();
    let (_, email) = mails.split_once("/mail?q=").unwrap();
    let person = get(&format!("/people?email={email}")).await["items"][0]["id"].as_str().unwrap().to_owned();
    let answered = get(&format!("/invitations?status=answered&person={person}&limit=1")).await;
    assert_eq!(answered["items"], json!([]));
    let link = demo.said("The mail leads to");

    let browser = Browser::open(Window::DESK).await;
    browser.go(&format!("{base}/login")).await;
    browser.write("#email", demo.said("Log in")).await;
    browser.write("#password", demo.said("Password")).await;
    browser.click("main form button[type=submit]").await;
    browser.shows("nav", "Campaigns").await;
    browser.go(mails).await;
    let invitation = "return [...document.querySelectorAll('.mails a')].find(a => a.innerText === 'One short question').href";
    browser.go(browser.run(invitation).await.as_str().unwrap()).await;
    browser.click(&format!(".mail-text a[href='{link}?score=3']")).await;
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
