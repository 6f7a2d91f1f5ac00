//! `hearback export`: what is stored, row by row on standard output, as CSV for spreadsheets or as one JSON object a line.

mod csv;
mod jsonl;

use std::{
    io::{self, BufWriter, ErrorKind, IsTerminal as _, Write},
    process::ExitCode,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args as Arguments, Subcommand, ValueEnum};
use hearback_core::id::WorkspaceId;
use hearback_engine::Engine;
use hearback_store::{
    export::{self, Export, Filter, Row},
    time::millis,
};

use super::{progress, times::moment};
use crate::{config::Config, open, output::usage, telemetry};

/// Rows of one page.
const PAGE: u64 = 1_000;

/// What to export.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Answers with their customer, case and properties. `hearback import responses` reads the file back.
    Responses(Args),
    /// Customers with their properties. `hearback import people` reads the file back.
    People(Args),
    /// Cases with their answer, clocks, contacts, root cause and resolution. `hearback import cases` reads the file back.
    Cases(Args),
    /// Every mail: to whom, what became of it, which rule sent it.
    Deliveries(Args),
    /// Who was asked, when and in which wave, whether they answered, and why they were not asked.
    Invitations(Args),
}

/// Arguments of every export.
#[derive(Debug, Clone, Arguments)]
pub struct Args {
    /// CSV for spreadsheets: a cell that a spreadsheet would run as a formula starts with '. JSON lines keep every value as it is.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Answered (people, deliveries and invitations: made) from then on: 2026-03-01 or 2026-03-01T10:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Before then.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// Only this survey: nps, csat, ces.
    #[arg(long, value_name = "KEY")]
    survey: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// Writes all rows; a reader that went away (`| head`) ends it quietly.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (export, args) = match command {
        Command::Responses(args) => (Export::Responses, args),
        Command::People(args) => (Export::People, args),
        Command::Cases(args) => (Export::Cases, args),
        Command::Deliveries(args) => (Export::Deliveries, args),
        Command::Invitations(args) => (Export::Invitations, args),
    };
    if args.survey.is_some() && !export.knows_surveys() {
        return Err(usage("--survey: only responses, cases and invitations belong to a survey; leave it out"));
    }
    let filter = Filter { since: args.since.map(millis), until: args.until.map(millis), survey: args.survey.clone() };
    let (cx, ws) = open::context(&config).await?;
    let out = BufWriter::with_capacity(256 * 1024, io::stdout());
    let mut file = match args.format {
        Format::Csv => {
            let properties =
                if export.has_properties() { export::property_names(cx.db.read(), ws, export, &filter).await? } else { Vec::new() };
            File::Csv(Box::new(csv::Sheet::new(out, export, properties)))
        }
        Format::Jsonl => File::Jsonl(jsonl::Lines::new(out, export)),
    };
    match copy(&cx, ws, export, &filter, &mut file).await {
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Where rows go.
enum File<W: Write> {
    Csv(Box<csv::Sheet<W>>),
    Jsonl(jsonl::Lines<W>),
}

impl<W: Write> File<W> {
    fn header(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(sheet) => sheet.header(),
            Self::Jsonl(_) => Ok(()),
        }
    }

    fn row(&mut self, row: &Row) -> io::Result<()> {
        match self {
            Self::Csv(sheet) => sheet.row(row),
            Self::Jsonl(lines) => lines.row(row),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(sheet) => sheet.end(),
            Self::Jsonl(lines) => lines.end(),
        }
    }
}

async fn copy<W: Write>(cx: &Engine, ws: WorkspaceId, export: Export, filter: &Filter, file: &mut File<W>) -> anyhow::Result<()> {
    file.header()?;
    let bar = progress::count("rows", !io::stdout().is_terminal());
    let mut after = None;
    loop {
        let rows = export::page(cx.db.read(), ws, export, filter, after, PAGE).await.context("the export stopped; run it again")?;
        let Some(last) = rows.last().map(|row| row.id) else { break };
        after = Some(last);
        for row in &rows {
            file.row(row)?;
        }
        bar.inc(rows.len() as u64);
    }
    bar.finish_and_clear();
    Ok(file.end()?)
}
