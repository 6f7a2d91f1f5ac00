//! `hearback import responses`: reads rows in one task and stores the batches before them in another.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args as Arguments, ValueEnum};
use futures::StreamExt as _;
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Ctx, EngineError,
    submit::{self, FollowUp, NewResponse},
};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    columns::Columns,
    mapping::{Mapping, PERSON_FIELDS, Template},
    records::{Next, Records},
    rejects::{Reject, Rejects},
    row::Plan,
    table::Table,
};
use crate::{
    commands::progress,
    config::Config,
    open,
    output::{complain, say, say_json, usage},
    telemetry,
};

/// Rows that are handed over together.
const BATCH: usize = 1_000;
/// Batches that are stored while the next is read.
const IN_FLIGHT: usize = 2;

/// Arguments of `import responses`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The CSV file. Delimiter (comma, semicolon, tab, bar) and encoding are found out.
    file: PathBuf,
    /// Key of the survey that was answered: nps, csat, ces.
    #[arg(long, value_name = "KEY")]
    survey: String,
    /// Which column fills which field: external_id, score, comment, responded_at, email, name, locale, timezone, account, owner,
    /// property.NAME. Columns by their name, or by their number from 1. Without external_id a row is recognised by file name,
    /// place and content. Left out: columns that are called like a field, as in a file from `hearback export`.
    #[arg(long, value_name = "FIELD=COLUMN,...")]
    map: Vec<String>,
    /// How dates are written, as in strftime: %d/%m/%y. Without a time it is noon UTC.
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// Encoding of the file when it is not found out rightly: utf-8, windows-1252, windows-1257, utf-16le.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// The address where the file has none; {COLUMN} is replaced: '{ID}@bank.example'.
    #[arg(long, value_name = "TEMPLATE")]
    email_template: Option<String>,
    /// Whether follow-ups start. History is imported without.
    #[arg(long, value_enum, default_value_t = Rules::Off)]
    rules: Rules,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rules {
    On,
    Off,
}

/// Rows that were read together.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<u64>,
    responses: Vec<NewResponse>,
    rejects: Vec<Reject>,
    consumed: u64,
}

/// A batch and what became of its answers.
struct Stored {
    batch: Batch,
    /// Whether each was new.
    results: Vec<Result<bool, EngineError>>,
}

/// Imports a file and says what came of it.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let done = import_file(&args, &config).await?;
    if args.dry_run {
        complain("dry run: nothing was stored; the counts say what would have been imported");
    }
    let Summary { imported, unchanged, rejected, rejects } = &done;
    if args.json {
        say_json(&done)?;
    } else {
        say(format!("imported {imported}, unchanged {unchanged}, rejected {rejected}"));
    }
    let nothing_fits = !rejects.is_empty() && imported + unchanged == 0;
    Ok(if nothing_fits { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What came of an import.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// New answers.
    pub imported: u64,
    /// Answers that were stored before.
    pub unchanged: u64,
    /// Rows that were not taken.
    pub rejected: u64,
    /// The first of them.
    pub rejects: Vec<Reject>,
}

/// Done when every row was stored, found unchanged, or rejected with a reason.
pub(super) async fn import_file(args: &Args, config: &Config) -> anyhow::Result<Summary> {
    let table = Table::open(&args.file, args.encoding.as_deref())?;
    let plan = plan(args, &table)?;
    let bar = progress::bar(table.size);
    let mut rejects = Rejects::new(args.rejects.as_deref(), bar.clone())?;
    let (cx, ws) = open::context(config).await?;
    check_survey(&cx, ws, &args.survey).await?;
    let target = Target { ws, follow_up: if args.rules == Rules::On { FollowUp::Bulk } else { FollowUp::Off }, dry_run: args.dry_run };
    let (imported, unchanged) = import(&cx, target, table.records, &plan, &mut rejects, &bar).await?;
    bar.finish_and_clear();
    rejects.finish()?;
    Ok(Summary { imported, unchanged, rejected: rejects.count, rejects: rejects.first })
}

/// One clear answer in place of a reject for each row.
async fn check_survey(cx: &Ctx, ws: WorkspaceId, key: &str) -> anyhow::Result<()> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    if workspace.surveys.contains_key(key) {
        return Ok(());
    }
    let mut known: Vec<&str> = workspace.surveys.keys().map(String::as_str).collect();
    known.sort_unstable();
    Err(usage(format!("--survey: there is no published survey `{key}`; there are {}", known.join(", "))))
}

fn plan(args: &Args, table: &Table) -> anyhow::Result<Plan> {
    let fields = [&["external_id", "score", "comment", "responded_at"], PERSON_FIELDS].concat();
    let mapping = Mapping::parse(&args.map, &fields, &table.header)?;
    if mapping.column("score").is_none() {
        return Err(usage("--map: say which column has the score: score=COLUMN"));
    }
    if mapping.column("external_id").is_none() {
        complain("no external_id is mapped: a second import knows the rows by file name, place and content");
    }
    let email = args.email_template.as_deref().map(|text| Template::parse(text, &table.header)).transpose()?;
    let file = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let date_format = args.date_format.clone();
    let columns = Columns { header: table.header.clone(), mapping };
    Ok(Plan { survey: args.survey.clone(), columns, email, date_format, file })
}

/// Where answers go, and how.
#[derive(Debug, Clone, Copy)]
struct Target {
    ws: WorkspaceId,
    follow_up: FollowUp,
    dry_run: bool,
}

async fn import(
    cx: &Ctx,
    target: Target,
    records: Records,
    plan: &Plan,
    rejects: &mut Rejects,
    bar: &ProgressBar,
) -> anyhow::Result<(u64, u64)> {
    let (send, receive) = mpsc::channel(IN_FLIGHT);
    let reader = tokio::task::spawn_blocking({
        let plan = plan.clone();
        move || read(records, &plan, &send)
    });
    let batches = futures::stream::unfold(receive, async |mut receive| receive.recv().await.map(|batch| (batch, receive)));
    let mut stored = std::pin::pin!(batches.map(|batch| store(cx, target, batch)).buffered(IN_FLIGHT));
    let (mut imported, mut unchanged) = (0, 0);
    while let Some(Stored { batch, results }) = stored.next().await {
        let mut refused = batch.rejects;
        for ((row, sent), result) in batch.rows.iter().zip(&batch.responses).zip(results) {
            match result {
                Ok(true) => imported += 1,
                Ok(false) => unchanged += 1,
                Err(error @ (EngineError::Invalid(_) | EngineError::Conflict { .. } | EngineError::NotFound { .. })) => {
                    refused.push(plan.refused(*row, sent, &error));
                }
                Err(error) => {
                    let stopped = format!("stopped near row {row}; what was stored stays, run the import again to go on");
                    return Err(anyhow::Error::new(error).context(stopped));
                }
            }
        }
        refused.sort_by_key(|reject| reject.row);
        refused.into_iter().try_for_each(|reject| rejects.add(reject))?;
        bar.set_position(batch.consumed);
    }
    reader.await?.context("the file can't be read to its end")?;
    Ok((imported, unchanged))
}

/// Reads all rows and hands them over in batches; stops when nobody takes them any more.
fn read(mut records: Records, plan: &Plan, send: &mpsc::Sender<Batch>) -> std::io::Result<()> {
    let mut batch = Batch::default();
    loop {
        match records.advance()? {
            Next::Row => match plan.response(records.record()) {
                Ok(response) => {
                    batch.rows.push(records.record().line);
                    batch.responses.push(response);
                }
                Err(reject) => batch.rejects.push(reject),
            },
            Next::OpenQuote { line } => {
                batch.rejects.push(Reject::open_quote(line));
            }
            Next::End => break,
        }
        if batch.rows.len() + batch.rejects.len() >= BATCH {
            batch.consumed = records.consumed;
            if send.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
    }
    // Nobody listens only after an error that is reported already.
    let _ = send.blocking_send(batch);
    Ok(())
}

async fn store(cx: &Ctx, target: Target, batch: Batch) -> Stored {
    let sent = batch.responses.clone();
    let results = if target.dry_run {
        check(cx, target.ws, sent).await
    } else {
        let receipts = submit::submit_responses(cx, target.ws, sent, target.follow_up).await;
        receipts.into_iter().map(|result| result.map(|receipt| receipt.created)).collect()
    };
    Stored { batch, results }
}

/// What storing would say of each answer alone.
async fn check(cx: &Ctx, ws: WorkspaceId, responses: Vec<NewResponse>) -> Vec<Result<bool, EngineError>> {
    let now = cx.now();
    match cx.workspaces.get(cx.db.read(), ws).await {
        Ok(workspace) => responses.into_iter().map(|new| submit::check(&workspace, new, now).map(|_| true)).collect(),
        Err(error) => vec![Err(error)],
    }
}
