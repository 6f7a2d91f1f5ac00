//! `hearback suppressions import`, `hearback suppressions export`

use std::{path::PathBuf, process::ExitCode};

use clap::{Args as Arguments, Subcommand};
use hearback_engine::{Actor, customers::suppressions};
use indicatif::ProgressBar;
use serde_json::json;

use super::import::{
    explain,
    rejects::{Reject, Rejects},
    tell_guessed,
};
use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// What to do with addresses that must not be mailed.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add every address of a list: one a line, CSV with or without names of columns, JSON lines, of any delimiter and encoding,
    /// also as `Name <address>`.
    Import(Args),
    /// The whole list as CSV, to standard output. `hearback suppressions import` reads it back as it was.
    Export,
}

/// Arguments of `suppressions import`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The list. A column for the reason may use our words (manual, unsubscribed, hard_bounce, complaint) or those of other programs
    /// (cleaned, bounced, spam report, opted out); other words become the note. What is there already keeps a reason that weighs more.
    /// The exit code is 1 when a row, or an address in it, was left out.
    file: PathBuf,
    /// Encoding of the file when it is not found out rightly: utf-8, windows-1252, windows-1257, utf-16le.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Write each row that was left out with its reason into this CSV file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// The result as JSON: `{"stored", "unchanged", "rejected", "rejects": [first 20]}`.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    match command {
        Command::Import(args) => import(args, &config).await,
        Command::Export => {
            let (cx, ws) = open::context(&config).await?;
            say(suppressions::export(&cx, ws).await?.trim_end());
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn import(args: Args, config: &Config) -> anyhow::Result<ExitCode> {
    let source = suppressions::Source::File(args.file);
    let table = suppressions::open_list(&source, args.encoding.as_deref()).map_err(explain)?;
    tell_guessed(&table);
    let mut rejects = Rejects::new(args.rejects.as_deref(), ProgressBar::hidden())?;
    let (cx, ws) = open::context(config).await?;
    let done = suppressions::import(&cx, ws, &Actor::Operator, table).await?;
    for row in done.rejected {
        rejects.add(Reject::new(row.line, String::new(), &row.value, row.why))?;
    }
    rejects.finish()?;
    let (stored, unchanged, rejected) = (done.stored, done.unchanged, rejects.count);
    if args.json {
        say_json(&json!({ "stored": stored, "unchanged": unchanged, "rejected": rejected, "rejects": rejects.first }))?;
    } else {
        say(format!("stored {stored}, unchanged {unchanged}, rejected {rejected}"));
    }
    Ok(if rejected > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
