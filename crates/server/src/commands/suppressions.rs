//! `hearback suppressions import`, `hearback suppressions export`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use hearback_engine::{Actor, suppressions};

use crate::{
    config::Config,
    open,
    output::{complain, say, usage},
    telemetry,
};

/// What to do with addresses that must not be mailed.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add the addresses of a CSV with the column `address` and, if wanted, `reason` (manual, unsubscribed, hard_bounce,
    /// complaint) and `note`. Those that are there already stay.
    Import {
        /// The CSV, in UTF-8.
        file: PathBuf,
    },
    /// The whole list as CSV, to standard output.
    Export,
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    match command {
        Command::Import { file } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("can't read `{}`; give a CSV in UTF-8 with the column `address`", file.display()))?;
            let (cx, ws) = open::context(&config).await?;
            let done = suppressions::import(&cx, ws, &Actor::Operator, &text).await.map_err(|error| usage(error.to_string()))?;
            for (line, why) in &done.rejected {
                complain(&format!("line {line}: {why}"));
            }
            say(format!("stored {}, unchanged {}, rejected {}", done.stored, done.unchanged, done.rejected.len()));
            let none = done.stored + done.unchanged == 0 && !done.rejected.is_empty();
            Ok(if none { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Command::Export => {
            let (cx, ws) = open::context(&config).await?;
            say(suppressions::export(&cx, ws).await?.trim_end());
            Ok(ExitCode::SUCCESS)
        }
    }
}
