//! `hearback apikey create`

use std::process::ExitCode;

use clap::{Subcommand, builder::PossibleValuesParser};
use hearback_engine::{
    Actor,
    access::{self, Scope},
};

use crate::{
    config::Config,
    open,
    output::{say, usage},
    telemetry,
};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and print it, alone, on standard output. It is shown only now.
    Create {
        /// What the key is for, as it will stand in the timeline.
        #[arg(long)]
        name: String,
        /// What it may do: read; write answers, people and cases; or everything.
        #[arg(long, default_value = "write", value_parser = PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)))]
        scope: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let Command::Create { name, scope } = command;
    let scope = Scope::parse(&scope).ok_or_else(|| usage("--scope must be read, write or admin"))?;
    let (cx, ws) = open::context(&config).await?;
    say(access::create_api_key(&cx, ws, &Actor::Operator, &name, scope).await?);
    Ok(ExitCode::SUCCESS)
}
