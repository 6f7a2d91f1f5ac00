//! `hearback import people`: customers before they have answered anything.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args as Arguments;
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Engine, EngineError, FieldError,
    customers::{
        people::{self, NewPerson, PastPerson, Rehearsal},
        suppressions::{self, OptOut, OptOuts, Reason, Rehearsal as Stops},
    },
};
use hearback_tables::{Next, Record, Table};

use super::{
    ImportOptions,
    columns::Columns,
    is_export,
    mapping::{Mapping, PERSON_FIELDS},
    open_table,
    rejects::{Reject, Rejects, Taken},
};
use crate::{commands::progress, config::Config, open, output::usage, telemetry};

/// Rows that are stored together.
const BATCH: usize = 500;

/// Arguments of `import people`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// CSV of any delimiter and encoding, or one JSON object a line. A file from `hearback export people` needs nothing more.
    file: PathBuf,
    /// Which column fills which field: `external_id`, `email`, `name`, `locale`, `timezone`, `account`, `owner`, `opted_out`,
    /// `property.NAME`. Columns by their name, or by their number from 1. Needs `email` or `external_id`: that is what makes a person
    /// unique. Left out: columns that are called like a field. Whoever opted out elsewhere is not asked here: columns such as
    /// `unsubscribed`, `opt_out`, `opted_out`, `suppressed`, `bounced`, `complained` and `status` count without being mapped, with yes,
    /// a date, or words such as unsubscribed, cleaned, bounced.
    #[arg(long, value_name = "FIELD=COLUMN,...")]
    map: Vec<String>,
    /// Encoding of the file when it is not found out rightly: utf-8, windows-1252, windows-1257, utf-16le.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    #[command(flatten)]
    options: ImportOptions,
}

/// Imports a file. What a column does not say of a person stays as it is stored.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let mut table = open_table(&args.file, args.encoding.as_deref())?;
    let (columns, opt_outs) = columns(&args, &table)?;
    let bar = progress::bar(table.size);
    let rehearsal = args.options.dry_run.then(Default::default);
    let mut import = Import { columns, opt_outs, rehearsal, imported: 0, unchanged: 0 };
    let mut rejects = Rejects::new(args.options.rejects.as_deref(), bar.clone())?;
    let (cx, ws) = open::context(&config).await?;
    let (mut batch, mut refused) = (Vec::with_capacity(BATCH), Vec::new());
    loop {
        let next = table.rows.advance().context("the file can't be read to its end")?;
        let is_end = next == Next::End;
        match next {
            Next::Row => match import.read(table.rows.record(), cx.now()) {
                Ok(told) => batch.push(told),
                Err(reject) => refused.push(reject),
            },
            next => refused.extend(Reject::unread(next)),
        }
        if batch.len() + refused.len() >= BATCH || is_end {
            import.store(&cx, ws, std::mem::take(&mut batch), &mut refused).await?;
            rejects.add_all(std::mem::take(&mut refused))?;
            bar.set_position(table.rows.consumed());
        }
        if is_end {
            break;
        }
    }
    bar.finish_and_clear();
    rejects.finish()?;
    let taken = Taken { imported: import.imported, unchanged: import.unchanged, rejected: rejects.count, rejects: rejects.first };
    taken.tell(args.options.dry_run, args.options.json)
}

fn columns(args: &Args, table: &Table) -> anyhow::Result<(Columns, OptOuts)> {
    let is_ours = args.map.is_empty() && is_export(&table.header, &["id", "suppressed", "created_at", "updated_at"]);
    let ours: &[&str] = if is_ours { &["id", "created_at", "opted_out_at"] } else { &[] };
    let fields = [&["external_id"], PERSON_FIELDS, &["opted_out"], ours].concat();
    let mapping = Mapping::parse(&args.map, &fields, &table.header)?;
    if mapping.column("email").is_none() && mapping.column("external_id").is_none() {
        return Err(usage("--map: say which column makes a person unique: email=COLUMN or external_id=COLUMN"));
    }
    let mapped = mapping.column("opted_out");
    let opt_outs = OptOuts::of(&table.header, |column| !mapping.fills_a_field(column));
    let opt_outs = mapped.into_iter().fold(opt_outs, OptOuts::and);
    let columns = Columns::of(table, mapping, is_ours);
    columns.tell_left_out(&opt_outs.columns().collect::<Vec<_>>());
    Ok((columns, opt_outs))
}

/// What a row tells of somebody.
struct Told {
    row: u64,
    person: NewPerson,
    /// Their address and why it must not be mailed, where that is a matter of the address alone.
    stop: Option<(String, Reason)>,
}

/// An import under way.
struct Import {
    columns: Columns,
    opt_outs: OptOuts,
    /// What a dry run would have stored so far.
    rehearsal: Option<(Rehearsal, Stops)>,
    imported: u64,
    unchanged: u64,
}

impl Import {
    /// The person that a row tells of, or why it can't be taken.
    fn read(&self, record: &Record, now: chrono::DateTime<chrono::Utc>) -> Result<Told, Reject> {
        let columns = &self.columns;
        columns.check_width(record)?;
        let mut person = columns.person(record, None)?;
        person.external_id = columns.line(record, "external_id")?;
        if let Some(id) = columns.parsed(record, "id", "an id")? {
            person.past = Some(PastPerson { id, created_at: columns.moment(record, "created_at", None)? });
        }
        let stopped = self.opt_outs.read(record);
        let since = || Some(columns.moment(record, "opted_out_at", None).ok()??.min(now));
        let since = since().or_else(|| stopped.as_ref()?.since).unwrap_or(now).min(now);
        let mut stop = None;
        match stopped.map(|stopped| stopped.reason) {
            Some(Reason::Unsubscribed) => person.opted_out = Some((OptOut::Unsubscribed, since)),
            Some(Reason::Complaint) => person.opted_out = Some((OptOut::Complaint, since)),
            Some(reason @ (Reason::Manual | Reason::HardBounce)) => {
                stop = person.email.clone().map(|address| (address, reason));
                // The list says why nobody writes to the address; what the customer said stands beside it.
                person.opted_out = self.opt_outs.of_customer(record).map(|why| (why, since));
            }
            None => {}
        }
        Ok(Told { row: record.line, person, stop })
    }

    /// What the engine refused, in terms of the file.
    fn refused(&self, row: u64, person: &NewPerson, fields: Vec<FieldError>) -> Reject {
        let (column, value) = fields.first().map(|first| self.columns.source_of(&first.field, person)).unwrap_or_default();
        Reject::new(row, column, &value, EngineError::Invalid(fields).to_string().replace("person.", ""))
    }

    async fn store(&mut self, cx: &Engine, ws: WorkspaceId, batch: Vec<Told>, refused: &mut Vec<Reject>) -> anyhow::Result<()> {
        let (mut rows, mut persons, mut stops) = (Vec::new(), Vec::new(), Vec::new());
        for told in batch {
            rows.push(told.row);
            persons.push(told.person);
            stops.push(told.stop);
        }
        // Addresses first: nobody is there for a moment without what holds for them.
        let stopped = match &mut self.rehearsal {
            Some((_, before)) => suppressions::rehearse_all(cx, ws, &stops, before).await?,
            None => suppressions::add_all(cx, ws, &stops).await?,
        };
        let sent = persons.clone();
        let results = match &mut self.rehearsal {
            Some((before, _)) => people::rehearse_people(cx, ws, sent, before).await,
            None => people::upsert_people(cx, ws, sent).await,
        };
        for (((row, person), result), stopped) in rows.into_iter().zip(&persons).zip(results).zip(stopped) {
            match result {
                Ok(true) => self.imported += 1,
                Ok(false) if stopped => self.imported += 1,
                Ok(false) => self.unchanged += 1,
                Err(EngineError::Invalid(fields)) => refused.push(self.refused(row, person, fields)),
                Err(error @ EngineError::Conflict { .. }) => refused.push(Reject::new(row, String::new(), "", error.to_string())),
                Err(error) => {
                    let stopped = format!("stopped near row {row}; what was stored stays, run the import again to go on");
                    return Err(anyhow::Error::new(error).context(stopped));
                }
            }
        }
        Ok(())
    }
}
