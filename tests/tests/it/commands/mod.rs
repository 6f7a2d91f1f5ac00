//! What an operator does on the command line, on both databases.

mod backup;
mod bad_rows;
mod campaigns;
mod erase;
mod export;
mod jobs;
mod json;
mod private;
mod restore;
mod restored_wave;
mod round_trip;

use std::{path::PathBuf, process::ExitStatus};

use hearback_tests::{app::TestApp, process::Setup};

/// The program on the database of `app`, with mail captured in a folder of its own.
fn operator(app: &TestApp) -> Setup {
    let folder = app.database.folder.path();
    Setup::new(&app.database.url, folder, &format!("file://{}", folder.join("mail").display()))
}

/// Runs a command that must succeed; its standard output.
async fn done(setup: &Setup, arguments: &[&str]) -> String {
    let (status, text) = setup.run(arguments).await;
    assert!(status.success(), "hearback {}: {text}", arguments.join(" "));
    text
}

/// Runs a command that must fail; why, in one line.
async fn refused(setup: &Setup, arguments: &[&str]) -> (ExitStatus, String) {
    let (status, text) = setup.run(arguments).await;
    assert!(!status.success() && text.trim_end().lines().count() == 1, "hearback {}: {text}", arguments.join(" "));
    (status, text)
}

/// A file of this test.
fn file(app: &TestApp, name: &str) -> PathBuf {
    app.database.folder.path().join(name)
}
