//! `hearback migrate`

use std::process::ExitCode;

use clap::Args as Arguments;
use serde_json::json;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// Arguments of `migrate`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// As JSON: `{"schema": [names of the changes]}`.
    #[arg(long)]
    json: bool,
}

/// Brings the schema up to date and makes the workspace `default` if it is missing.
pub async fn run(args: &Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    open::context(&config).await?;
    if args.json {
        say_json(&json!({ "schema": hearback_store::Db::schema() }))?;
    } else {
        say("the schema is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
