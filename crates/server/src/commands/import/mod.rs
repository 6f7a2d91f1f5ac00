//! `hearback import`: reading data from files, row by row, with a reason for each row that is not taken.

mod cases;
mod columns;
mod mapping;
mod people;
pub(super) mod rejects;
mod responses;
mod row;
mod values;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use hearback_tables::{Header, Source, Table, TableError};

use crate::{
    config::Config,
    output::{complain, usage},
};

/// What to import.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers from a CSV file. Running it again doubles nothing.
    Responses(responses::Args),
    /// Customers from a CSV file. Running it again doubles nothing.
    People(people::Args),
    /// How far the loop with each customer had come: a file from `hearback export cases`, after its answers.
    Cases(cases::Args),
}

/// Options that every import has.
#[derive(Debug, Args)]
struct ImportOptions {
    /// Store nothing, and say what would come of every row.
    #[arg(long)]
    dry_run: bool,
    /// Write each rejected row with its reason into this CSV file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// The result as JSON: `{"imported", "unchanged", "rejected", "rejects": [first 20]}`.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Responses(args) => Box::pin(responses::run(args, config)).await,
        Command::People(args) => Box::pin(people::run(args, config)).await,
        Command::Cases(args) => Box::pin(cases::run(args, config)).await,
    }
}

/// Opens a table, and says which encoding was guessed.
fn open_table(path: &Path, encoding: Option<&str>) -> anyhow::Result<Table> {
    let source = Source::File(path.to_owned());
    let table = Table::open(&source, encoding).and_then(|table| table.not_empty(&source)).map_err(explain)?;
    tell_guessed(&table);
    Ok(table)
}

/// Says which encoding was guessed.
pub(super) fn tell_guessed(table: &Table) {
    if let Some(encoding) = table.guessed {
        complain(&format!("the file is not UTF-8: it is read as {encoding}; --encoding NAME reads it otherwise"));
    }
}

/// A file that can't be read is a failure; one that is no table is a wrong use.
pub(super) fn explain(error: TableError) -> anyhow::Error {
    match error {
        TableError::Read { .. } => anyhow::Error::new(error).context("give the path of a CSV file or of JSON lines"),
        _ => usage(error.to_string()),
    }
}

/// Whether the columns are those of an export of ours.
fn is_export(header: &Header, columns: &[&str]) -> bool {
    columns.iter().all(|column| header.names().any(|(_, name)| name == *column))
}

#[cfg(test)]
mod tests;
