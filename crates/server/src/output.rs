//! What goes to standard output and standard error, and how wrong use is explained.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::error::ErrorKind;
use serde::Serialize;
use thiserror::Error;

/// The command was called wrongly; exits with 2.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// A wrong use, as the error of a command.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// A line on standard output. A reader that went away (`| head`) is no failure.
pub fn say(line: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush());
}

/// One line on standard error, whatever the message contains.
pub fn complain(message: &str) {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A value as indented JSON on standard output.
pub fn say_json(value: &impl Serialize) -> anyhow::Result<()> {
    say(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Help and version as they are; a mistake as one line.
pub fn explain_usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
    }
    let text = error.render().to_string();
    let mistake: Vec<&str> =
        text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim).filter(|line| !line.is_empty()).collect();
    let hint = if text.contains("--help") { "" } else { "; see `hearback --help`" };
    let usage = text.lines().find(|line| line.starts_with("Usage:")).map_or(String::new(), |usage| format!(". {usage}"));
    complain(&format!("{}{hint}{usage}", mistake.join(" ")));
    ExitCode::from(2)
}
