//! `hearback migrate`

use std::process::ExitCode;

use crate::{config::Config, open, output::say, telemetry};

/// Brings the schema up to date and makes the workspace `default` if it is missing.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    open::context(&config).await?;
    say("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}
