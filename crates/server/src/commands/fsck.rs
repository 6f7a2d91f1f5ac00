//! `hearback fsck`

use std::process::ExitCode;

use clap::Args as Arguments;
use hearback_core::{Clock as _, SystemClock};
use serde_json::json;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// Arguments of `fsck`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// As JSON: `{"violations": [{"check", "what"}]}`.
    #[arg(long)]
    json: bool,
}

/// Prints each violation; exit code 1 when there is any.
pub async fn run(args: &Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let db = open::existing_database(&config).await?;
    let violations = hearback_engine::fsck::check(&db, SystemClock.now()).await?;
    if args.json {
        say_json(&json!({ "violations": violations }))?;
    } else {
        for violation in &violations {
            say(format!("{}: {}", violation.check, violation.what));
        }
        match violations.len() {
            0 => say("no violations"),
            1 => say("1 violation"),
            n => say(format!("{n} violations")),
        }
    }
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
