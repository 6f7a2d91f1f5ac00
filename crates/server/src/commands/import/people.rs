//! `hearback import people`: customers before they have answered anything.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args as Arguments;
use hearback_core::id::WorkspaceId;
use hearback_engine::{Ctx, EngineError, people};
use hearback_store::time::from_millis;
use serde_json::json;

use super::{
    columns::Columns,
    mapping::{Mapping, PERSON_FIELDS},
    progress,
    records::{Next, Record},
    rejects::{Reject, Rejects},
    table::Table,
};
use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// Arguments of `import people`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The CSV file. Delimiter (comma, semicolon, tab, bar) and encoding are found out.
    file: PathBuf,
    /// Which column fills which field: `external_id`, `email`, `name`, `locale`, `timezone`, `account`, `owner`, `property.NAME`. Columns by
    /// their name, or by their number from 1. Needs `email` or `external_id`: that is what makes a person unique.
    #[arg(long, value_name = "FIELD=COLUMN,...", required = true)]
    map: Vec<String>,
    /// Encoding of the file when it is not found out rightly: utf-8, windows-1252, windows-1257, utf-16le.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
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
    let mut rejects = Rejects::new(args.rejects.as_deref(), bar.clone())?;
    let (cx, ws) = open::context(&config).await?;
    let columns = Columns { header, mapping };
    let (mut imported, mut unchanged) = (0_u64, 0_u64);
    loop {
        let taken = match records.advance().context("the file can't be read to its end")? {
            Next::Row => take(&cx, ws, &columns, records.record()).await?,
            Next::OpenQuote { line } => Err(Reject::open_quote(line)),
            Next::End => break,
        };
        match taken {
            Ok(true) => imported += 1,
            Ok(false) => unchanged += 1,
            Err(reject) => rejects.add(reject)?,
        }
        bar.set_position(records.consumed);
    }
    bar.finish_and_clear();
    rejects.finish()?;
    let rejected = rejects.count;
    if args.json {
        say_json(&json!({ "imported": imported, "unchanged": unchanged, "rejected": rejected, "rejects": rejects.first }))?;
    } else {
        say(format!("imported {imported}, unchanged {unchanged}, rejected {rejected}"));
    }
    Ok(if rejected > 0 && imported + unchanged == 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Stores one person; whether that changed anything, or why the row can't be taken.
async fn take(cx: &Ctx, ws: WorkspaceId, columns: &Columns, record: &Record) -> anyhow::Result<Result<bool, Reject>> {
    let read = columns.check_width(record).and_then(|()| {
        let mut person = columns.person(record, None)?;
        person.external_id = columns.line(record, "external_id")?;
        Ok(person)
    });
    let person = match read {
        Ok(person) => person,
        Err(reject) => return Ok(Err(reject)),
    };
    let before = cx.now();
    match people::upsert_person(cx, ws, person).await {
        Ok(stored) => Ok(Ok(from_millis(stored.updated_at) >= before)),
        Err(error @ (EngineError::Invalid(_) | EngineError::Conflict { .. })) => {
            Ok(Err(Reject::new(record.line, String::new(), "", error.to_string())))
        }
        Err(error) => Err(anyhow::Error::new(error).context("stopped; what was stored stays, run the import again to go on")),
    }
}
