//! `hearback workspace rename`

use std::process::ExitCode;

use clap::Subcommand;
use hearback_core::text::{MAX_LINE, line};
use hearback_store::workspaces;

use crate::{
    config::Config,
    open,
    output::{say, usage},
    telemetry,
};

/// What to do with the workspace.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give it the name that customers know you by: it stands in every mail.
    Rename {
        /// The new name.
        name: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let Command::Rename { name } = command;
    let name = line(&name, MAX_LINE).map_err(|error| usage(format!("the name {error}")))?;
    let (cx, ws) = open::context(&config).await?;
    let tx = cx.db.write().await?;
    workspaces::rename(&tx, ws, &name).await?;
    tx.commit().await?;
    say(format!("customers know you as {name}"));
    Ok(ExitCode::SUCCESS)
}
