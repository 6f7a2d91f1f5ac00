//! Whatever reports can report as JSON; mistakes are one line with a next step and the right exit code.

use hearback_tests::app::{Options, TestApp};
use hearback_tests::database::Kind;
use serde_json::Value;

use super::{done, file, operator, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reporting_command_speaks_json() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let answers = file(&app, "answers.csv");
    std::fs::write(&answers, "id,score,mail\n1,9,a@example.com\n2,44,b@example.com\n").unwrap();
    let rule = file(&app, "rule.yaml");
    std::fs::write(&rule, include_str!("../../../../config/rules/passive-barrier.yaml")).unwrap();
    let (answers, rule) = (answers.display().to_string(), rule.display().to_string());
    let (backup, other) = (file(&app, "backup").display().to_string(), file(&app, "other.db").display().to_string());
    let program = operator(&app);
    let letter = file(&app, "letter.eml");
    std::fs::write(&letter, "From: a@b.lt\nSubject: hello\n\nCall me.\n").unwrap();
    let letter = letter.display().to_string();
    app.add_user("boss@example.com", "Boss", hearback_engine::role::Role::Admin, None).await;
    let map = ["--map", "external_id=id,score=score,email=mail"];
    let commands: Vec<Vec<&str>> = vec![
        vec!["migrate"],
        vec!["check-config"],
        vec!["doctor"],
        vec!["fsck"],
        [&["import", "responses", &answers, "--survey", "nps"], map.as_slice()].concat(),
        vec!["import", "people", &answers, "--map", "email=mail"],
        vec!["rules", "check", &rule],
        vec!["rules", "apply", &rule],
        vec!["rules", "list"],
        vec!["mail", "explain", &letter],
        vec!["user", "list"],
        vec!["user", "sessions", "boss@example.com"],
        vec!["apikey", "list"],
        vec!["jobs", "list"],
        vec!["jobs", "retry", "--all"],
        vec!["jobs", "discard", "--all"],
        vec!["sending", "status"],
        vec!["sending", "resume"],
        vec!["routes"],
        vec!["score", "15", "15", "70"],
        vec!["schedule", "0 9 1 */3 *", "--timezone", "Europe/Vilnius"],
        vec!["erase", "a@example.com"],
        vec!["backup", &backup],
    ];
    for command in commands {
        let text = done(&program, &[command.as_slice(), &["--json"]].concat()).await;
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command:?}: {error}: {text}"));
        assert!(value.is_object() || value.is_array(), "{command:?}: {value}");
    }
    let there = hearback_tests::process::Setup::new(&format!("sqlite://{other}"), &file(&app, "there"), "file:///nowhere");
    let restored: Value = serde_json::from_str(&done(&there, &["restore", &backup, "--json"]).await).unwrap();
    assert!(restored["rows"].as_u64() > Some(10), "{restored}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_one_line_and_their_exit_code_tells_their_kind() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    let program = operator(&app);
    let too_long = "x".repeat(256);
    for (arguments, code, says) in [
        (vec!["export", "responses", "--since", "yesterday"], 2, "2026-03-01"),
        (vec!["mail", "explain", "/nowhere.eml"], 1, "give a mail as it came"),
        (vec!["export", "nonsense"], 2, "Usage: hearback export"),
        (vec!["restore", "/nowhere/at/all"], 1, "hearback backup"),
        (vec!["backup", "/nowhere/at/all"], 1, "make the folder"),
        (vec!["import", "people", "/nowhere.csv"], 1, "give the path"),
        (vec!["erase", "nobody@example.com"], 1, "nothing to erase"),
        (vec!["erase", "nobody"], 2, "EMAIL"),
        (vec!["sending", "hold", "--why", &too_long], 1, "why"),
        (vec!["user", "disable", "nobody@example.com"], 1, "hearback user list"),
        (vec!["user", "role", "nobody@example.com", "king"], 2, "admin"),
        (vec!["apikey", "revoke", "nothing"], 1, "hearback apikey list"),
        (vec!["apikey", "create", "--name", "x", "--expires", "2020-01-01"], 1, "must be in the future"),
        (vec!["apikey", "create", "--name", "x", "--expires", "soon"], 2, "2026-03-01"),
    ] {
        let (status, text) = refused(&program, &arguments).await;
        assert!(status.code() == Some(code) && text.contains(says), "{arguments:?}: {:?} {text}", status.code());
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completions_know_the_commands() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = done(&operator(&app), &["completions", shell]).await;
        assert!(script.contains("restore") && script.contains("cancel-waiting"), "{shell}");
    }
    app.end().await;
}
