//! stub
use std::process::ExitCode;
/// stub
#[derive(Debug, clap::Args)]
pub struct Args {}
/// stub
pub async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
