//! `hearback import`: reading data from files, row by row, with a reason for each row that is not taken.

mod columns;
mod encoding;
mod mapping;
mod people;
mod records;
mod rejects;
mod responses;
mod row;
mod table;
mod values;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::Config;

/// What to import.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers from a CSV file. Running it again doubles nothing.
    Responses(responses::Args),
    /// Customers from a CSV file. Running it again doubles nothing.
    People(people::Args),
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Responses(args) => responses::run(args, config).await,
        Command::People(args) => people::run(args, config).await,
    }
}

#[cfg(test)]
mod tests;
