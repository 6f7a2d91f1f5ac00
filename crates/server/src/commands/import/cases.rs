//! `hearback import cases`: how far the loop with each customer had come, from an export of ours.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args as Arguments;
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Engine, EngineError,
    cases::past_cases::{PastCase, PastContact, Rehearsal, Times, take_back},
};
use hearback_tables::{Next, Record};

use super::{
    ImportOptions,
    columns::Columns,
    is_export,
    mapping::Mapping,
    open_table,
    rejects::{Reject, Rejects, Taken},
};
use crate::{commands::progress, config::Config, open, output::usage, telemetry};

/// Rows that are stored together.
const BATCH: usize = 500;

/// The columns that are read.
const FIELDS: &[&str] = &[
    "response_id",
    "loop_status",
    "owner",
    "tags",
    "root_cause",
    "resolution",
    "attempts",
    "contact_log",
    "first_contact_due_at",
    "close_due_at",
    "first_contact_at",
    "contacted_at",
    "acknowledged_at",
    "escalated_at",
    "resolved_at",
    "closed_at",
];

/// Arguments of `import cases`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// A file from `hearback export cases`, CSV or JSON lines. Import its answers first: `hearback import responses`.
    file: PathBuf,
    #[command(flatten)]
    options: ImportOptions,
}

/// Imports a file. A case that somebody or a rule has worked on here stays as it is.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let mut table = open_table(&args.file, None)?;
    if !is_export(&table.header, &["response_id", "loop_status"]) {
        return Err(usage("this is no export of cases: a file from `hearback export cases` has the columns response_id and loop_status"));
    }
    let columns = Columns::of(&table, Mapping::parse(&[], FIELDS, &table.header)?, true);
    let bar = progress::bar(table.size);
    let mut rejects = Rejects::new(args.options.rejects.as_deref(), bar.clone())?;
    let (cx, ws) = open::context(&config).await?;
    let mut rehearsal = args.options.dry_run.then(Rehearsal::default);
    let (mut imported, mut unchanged) = (0, 0);
    let (mut batch, mut unfit): (Vec<(u64, PastCase)>, Vec<Reject>) = (Vec::with_capacity(BATCH), Vec::new());
    loop {
        let next = table.rows.advance().context("the file can't be read to its end")?;
        let is_end = next == Next::End;
        match next {
            Next::Row => match case(&columns, table.rows.record()) {
                Ok(case) => batch.push((table.rows.record().line, case)),
                Err(reject) => unfit.push(reject),
            },
            next => unfit.extend(Reject::unread(next)),
        }
        if batch.len() + unfit.len() >= BATCH || is_end {
            for (row, result) in store(&cx, ws, std::mem::take(&mut batch), rehearsal.as_mut()).await {
                match result {
                    Ok(true) => imported += 1,
                    Ok(false) => unchanged += 1,
                    Err(error @ (EngineError::Invalid(_) | EngineError::Conflict { .. })) => unfit.push(refused(&columns, row, &error)),
                    Err(error) => {
                        let stopped = format!("stopped near row {row}; what was stored stays, run the import again to go on");
                        return Err(anyhow::Error::new(error).context(stopped));
                    }
                }
            }
            rejects.add_all(std::mem::take(&mut unfit))?;
            bar.set_position(table.rows.consumed());
        }
        if is_end {
            break;
        }
    }
    bar.finish_and_clear();
    rejects.finish()?;
    Taken { imported, unchanged, rejected: rejects.count, rejects: rejects.first }.tell(args.options.dry_run, args.options.json)
}

/// What the engine refused, in terms of the file.
fn refused(columns: &Columns, row: u64, error: &EngineError) -> Reject {
    let field = match error {
        EngineError::Invalid(fields) => fields.first().map(|first| first.field.as_str()),
        _ => None,
    };
    let column = field.map(|field| columns.mapping.column_of(field).map_or_else(|| field.to_owned(), |column| columns.header.name(column)));
    Reject::new(row, column.unwrap_or_default(), "", error.to_string())
}

async fn store(
    cx: &Engine,
    ws: WorkspaceId,
    batch: Vec<(u64, PastCase)>,
    rehearsal: Option<&mut Rehearsal>,
) -> Vec<(u64, Result<bool, EngineError>)> {
    let (rows, cases): (Vec<u64>, Vec<PastCase>) = batch.into_iter().unzip();
    rows.into_iter().zip(take_back(cx, ws, cases, rehearsal).await).collect()
}

fn case(columns: &Columns, record: &Record) -> Result<PastCase, Reject> {
    columns.check_width(record)?;
    let at = |field| columns.moment(record, field, None);
    Ok(PastCase {
        response: columns.parsed(record, "response_id", "an id")?,
        loop_status: columns.required(record, "loop_status")?,
        owner: columns.line(record, "owner")?,
        tags: columns.json(record, "tags", "a list of tags")?.unwrap_or_default(),
        root_cause: columns.cell(record, "root_cause")?,
        resolution: columns.cell(record, "resolution")?,
        attempts: columns.parsed(record, "attempts", "a whole number")?.unwrap_or_default(),
        contacts: columns.json::<Vec<PastContact>>(record, "contact_log", "the list of contacts as it was exported")?.unwrap_or_default(),
        times: Times {
            first_contact_due_at: at("first_contact_due_at")?,
            close_due_at: at("close_due_at")?,
            first_contact_at: at("first_contact_at")?,
            contacted_at: at("contacted_at")?,
            acknowledged_at: at("acknowledged_at")?,
            escalated_at: at("escalated_at")?,
            resolved_at: at("resolved_at")?,
            closed_at: at("closed_at")?,
        },
    })
}
