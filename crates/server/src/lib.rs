//! The program `hearback`: settings, commands, telemetry, start and stop.
//!
//! Owns the wiring: the only place that knows all crates, reads the environment and listens to signals.
//! Holds no decision of its own about answers, cases or rules. A library, so that the benchmarks can set it up as it sets itself up.

mod cli;
mod commands;
mod config;
mod lifecycle;
mod open;
mod output;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{cli::Cli, config::ConfigError, output::Usage};
pub use crate::{
    config::{Config, Secret},
    open::context,
    output::say,
};

/// The program: does what its command line says.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli.run()),
        Err(error) => output::explain_usage(&error),
    }
}

/// Sets up the process, runs a command in it and says what went wrong.
pub fn run(command: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    // Whatever this process makes, SQLite's files too, holds customers' words or secrets: it is for its owner alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // The tests' build: the environment says what fails where (FAILPOINTS), for as long as this lives.
    #[cfg(feature = "failpoints")]
    let _faults = ::fail::FailScenario::setup();
    // One TLS implementation for the whole process; an error only says that it is installed already.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("can't start threads")),
    };
    let result = runtime.block_on(command);
    // What still runs after the time to drain is cut off here: leases and transactions make that safe.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

/// One line that says what to do next; 2 for wrong use, 1 for everything else.
fn fail(error: &anyhow::Error) -> ExitCode {
    output::complain(&format!("error: {error:#}"));
    let wrong_use = error.downcast_ref::<Usage>().is_some() || error.downcast_ref::<ConfigError>().is_some();
    ExitCode::from(if wrong_use { 2 } else { 1 })
}
