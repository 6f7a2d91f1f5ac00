//! Each benchmark that needs no other program runs, and says in JSON what it found.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::process::Command;

/// Little of everything: a program built for tests never gets as quick as a benchmark of much waits for.
const LITTLE: [&str; 11] = ["--json", "--seconds", "1", "--clients", "2", "--pairs", "1", "--amount", "1000", "--rows", "100"];

#[test]
fn each_path_is_measured() {
    for path in
        ["ingest", "import", "batch", "outbox", "awake", "metrics", "cases", "backtest", "survey", "inbound", "waves", "wake", "alert"]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_hearback-bench")).arg(path).args(LITTLE).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        let found: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        let numbers = ["pairs", "timings"].iter().find_map(|key| found[*key].as_array());
        assert!(numbers.is_some_and(|numbers| !numbers.is_empty()), "{path}: {found}");
    }
}
