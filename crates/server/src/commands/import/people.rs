//! `hearback import people`: customers before they have answered anything.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args as Arguments;
use hearback_core::id::WorkspaceId;
use hearback_engine::{Ctx, EngineError, people, submit::NewPerson};
use serde_json::json;

use super::{
    columns::Columns,
    mapping::{Mapping, PERSON_FIELDS},
    records::{Next, Record},
    rejects::{Reject, Rejects},
    table::Table,
};
use crate::{
    commands::progress,
    config::Config,
    open,
    output::{complain, say, say_json, usage},
    telemetry,
};

/// Rows that are stored together.
const BATCH: usize = 500;

/// Arguments of `import people`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The CSV file. Delimiter (comma, semicolon, tab, bar) and encoding are found out.
    file: PathBuf,
    /// Which column fills which field: `external_id`, `email`, `name`, `locale`, `timezone`, `account`, `owner`, `property.NAME`. Columns by
    /// their name, or by their number from 1. Needs `email` or `external_id`: that is what makes a person unique. Left out: columns
    /// that are called like a field, as in a file from `hearback export`.
    #[arg(long, value_name = "FIELD=COLUMN,...")]
    map: Vec<String>,
    /// Encoding of the file when it is not found out rightly: utf-8, windows-1252, windows-1257, utf-16le.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Check every row and store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write each rejected row with its reason into this CSV file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// The result as JSON: `{"imported", "unchanged", "rejected", "rejects": [first 20]}`.
    #[arg(long)]
    json: bool,
}

/// Imports a file. What a column does not say of a person stays as it is stored.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let Table { mut records, header, size } = Table::open(&args.file, args.encoding.as_deref())?;
    let mapping = Mapping::parse(&args.map, &[&["external_id"], PERSON_FIELDS].concat(), &header)?;
    if mapping.column("email").is_none() && mapping.column("external_id").is_none() {
        return Err(usage("--map: say which column makes a person unique: email=COLUMN or external_id=COLUMN"));
    }
    let bar = progress::bar(size);
    let mut import = Import { columns: Columns { header, mapping }, dry_run: args.dry_run, imported: 0, unchanged: 0 };
    let mut rejects = Rejects::new(args.rejects.as_deref(), bar.clone())?;
    let (cx, ws) = open::context(&config).await?;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let next = records.advance().context("the file can't be read to its end")?;
        match next {
            Next::Row => match import.read(records.record()) {
                Ok(person) => batch.push((records.record().line, person)),
                Err(reject) => rejects.add(reject)?,
            },
            Next::OpenQuote { line } => rejects.add(Reject::open_quote(line))?,
            Next::End => {}
        }
        if batch.len() >= BATCH || next == Next::End {
            import.store(&cx, ws, std::mem::take(&mut batch), &mut rejects).await?;
            bar.set_position(records.consumed);
        }
        if next == Next::End {
            break;
        }
    }
    bar.finish_and_clear();
    rejects.finish()?;
    if args.dry_run {
        complain("dry run: nothing was stored; the counts say what would have been imported");
    }
    let (imported, unchanged, rejected) = (import.imported, import.unchanged, rejects.count);
    if args.json {
        say_json(&json!({ "imported": imported, "unchanged": unchanged, "rejected": rejected, "rejects": rejects.first }))?;
    } else {
        say(format!("imported {imported}, unchanged {unchanged}, rejected {rejected}"));
    }
    Ok(if rejected > 0 && imported + unchanged == 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// An import under way.
struct Import {
    columns: Columns,
    dry_run: bool,
    imported: u64,
    unchanged: u64,
}

impl Import {
    /// The person that a row tells of, or why it can't be taken.
    fn read(&self, record: &Record) -> Result<NewPerson, Reject> {
        self.columns.check_width(record)?;
        let mut person = self.columns.person(record, None)?;
        person.external_id = self.columns.line(record, "external_id")?;
        Ok(person)
    }

    async fn store(&mut self, cx: &Ctx, ws: WorkspaceId, batch: Vec<(u64, NewPerson)>, rejects: &mut Rejects) -> anyhow::Result<()> {
        let (rows, persons): (Vec<u64>, Vec<NewPerson>) = batch.into_iter().unzip();
        let results = if self.dry_run { people::check_people(persons) } else { people::upsert_people(cx, ws, persons).await };
        for (row, result) in rows.into_iter().zip(results) {
            match result {
                Ok(true) => self.imported += 1,
                Ok(false) => self.unchanged += 1,
                Err(error @ (EngineError::Invalid(_) | EngineError::Conflict { .. })) => {
                    rejects.add(Reject::new(row, String::new(), "", error.to_string()))?;
                }
                Err(error) => {
                    let stopped = format!("stopped near row {row}; what was stored stays, run the import again to go on");
                    return Err(anyhow::Error::new(error).context(stopped));
                }
            }
        }
        Ok(())
    }
}
