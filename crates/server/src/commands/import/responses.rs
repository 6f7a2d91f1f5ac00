//! `hearback import responses`: reads rows in one task and stores the batches before them in another.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::{Args as Arguments, ValueEnum};
use futures::StreamExt as _;
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Engine, EngineError,
    responses::{
        rehearse::{Rehearsal, rehearse},
        submit::{self, FollowUp, NewResponse},
    },
};
use hearback_tables::{Next, Rows, Table};
use indicatif::ProgressBar;
use tokio::sync::{Mutex, mpsc};

use super::{
    ImportOptions,
    columns::Columns,
    is_export,
    mapping::{Mapping, PERSON_FIELDS, Template},
    open_table,
    rejects::{Reject, Rejects, Taken},
    row::Plan,
};
use crate::{
    commands::progress,
    config::Config,
    open,
    output::{complain, usage},
    telemetry,
};

/// Fields of an answer beside those of its customer.
const FIELDS: &[&str] =
    &["external_id", "survey", "score", "comment", "responded_at", "channel", "answers", "may_contact", "person_external_id"];
/// What a file of ours says besides.
const OURS: &[&str] = &["id", "case_id", "person_id", "received_at", "updated_at", "settled_at", "revision", "first_score"];
/// Rows that are handed over together.
const BATCH: usize = 1_000;
/// Batches that are stored while the next is read.
const IN_FLIGHT: usize = 2;

/// Arguments of `import responses`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// CSV of any delimiter and encoding, or one JSON object a line. One, two or three header rows, `sep=;`, cells left out at the end
    /// of a row and lines above the header are understood. A file from `hearback export responses` needs nothing more.
    file: PathBuf,
    /// Key of the survey that was answered: nps, csat, ces. A row that names its own in a column `survey` goes there; it is rejected
    /// when there is no such survey.
    #[arg(long, value_name = "KEY")]
    survey: Option<String>,
    /// Which column fills which field: external_id, survey, score, comment, responded_at, channel, answers (JSON), may_contact,
    /// person_external_id, email, name, locale, timezone, account, owner, property.NAME. Columns by their name, or by their number
    /// from 1. Without external_id a row is recognised by file name, place and content. Left out: columns that are called like a field.
    /// `NA` is a missing value, but a word in name, account and properties whose column holds no numbers.
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
    #[command(flatten)]
    options: ImportOptions,
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
    import_file(&args, &config).await?.tell(args.options.dry_run, args.options.json)
}

/// Done when every row was stored, found unchanged, or rejected with a reason.
pub(super) async fn import_file(args: &Args, config: &Config) -> anyhow::Result<Taken> {
    let table = open_table(&args.file, args.encoding.as_deref())?;
    let mut plan = plan(args, &table)?;
    let bar = progress::bar(table.size);
    let mut rejects = Rejects::new(args.options.rejects.as_deref(), bar.clone())?;
    let (cx, ws) = open::context(config).await?;
    plan.surveys = surveys(&cx, ws).await?;
    check_survey(args.survey.as_deref(), &plan.surveys)?;
    let follow_up = if args.rules == Rules::On { FollowUp::Bulk } else { FollowUp::Off };
    let target = Target { ws, follow_up, rehearsal: args.options.dry_run.then(Arc::default) };
    let (imported, unchanged) = import(&cx, &target, table.rows, &plan, &mut rejects, &bar).await?;
    bar.finish_and_clear();
    rejects.finish()?;
    Ok(Taken { imported, unchanged, rejected: rejects.count, rejects: rejects.first })
}

/// Keys of the published surveys, by what a file may call them.
async fn surveys(cx: &Engine, ws: WorkspaceId) -> anyhow::Result<BTreeMap<String, String>> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let named = workspace.surveys.values().map(|survey| (survey.name.to_lowercase(), survey.key.clone()));
    // A key counts for more than the name of another survey.
    Ok(named.chain(workspace.surveys.keys().map(|key| (key.clone(), key.clone()))).collect())
}

/// One clear answer in place of a reject for each row.
fn check_survey(wanted: Option<&str>, known: &BTreeMap<String, String>) -> anyhow::Result<()> {
    match wanted {
        Some(key) if !known.values().any(|known| known == key) => {
            let known: std::collections::BTreeSet<&str> = known.values().map(String::as_str).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            Err(usage(format!("--survey: there is no published survey `{key}`; there are {known}")))
        }
        _ => Ok(()),
    }
}

fn plan(args: &Args, table: &Table) -> anyhow::Result<Plan> {
    let is_ours = args.map.is_empty() && is_export(&table.header, &["id", "person_id", "metric", "revision", "received_at"]);
    let fields = [FIELDS, PERSON_FIELDS, if is_ours { OURS } else { &[] }].concat();
    let mut mapping = Mapping::parse(&args.map, &fields, &table.header)?;
    if mapping.column("score").is_none() {
        return Err(usage("--map: say which column has the score: score=COLUMN"));
    }
    // What a row says of its survey counts, whether somebody thought of the column or not: no score may be read on a wrong scale.
    if let Some((column, _)) = table.header.names().find(|(_, name)| name.eq_ignore_ascii_case("survey")) {
        mapping.add("survey", column);
    }
    if mapping.column("survey").is_none() && args.survey.is_none() {
        return Err(usage("--survey: say which survey was answered (nps, csat, ces), or which column names it: --map survey=COLUMN"));
    }
    if mapping.column("external_id").is_none() {
        complain("no external_id is mapped: a second import knows the rows by file name, place and content");
    }
    let email = args.email_template.as_deref().map(|text| Template::parse(text, &table.header)).transpose()?;
    let file = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let date_format = args.date_format.clone();
    let columns = Columns::of(table, mapping, is_ours);
    columns.tell_left_out(&[]);
    Ok(Plan { survey: args.survey.clone(), surveys: BTreeMap::new(), columns, email, date_format, file })
}

/// Where answers go, and how.
struct Target {
    ws: WorkspaceId,
    follow_up: FollowUp,
    /// What a dry run would have stored so far.
    rehearsal: Option<Arc<Mutex<Rehearsal>>>,
}

async fn import(
    cx: &Engine,
    target: &Target,
    rows: Rows,
    plan: &Plan,
    rejects: &mut Rejects,
    bar: &ProgressBar,
) -> anyhow::Result<(u64, u64)> {
    let (send, receive) = mpsc::channel(IN_FLIGHT);
    let reader = tokio::task::spawn_blocking({
        let plan = plan.clone();
        move || read(rows, &plan, &send)
    });
    let batches = futures::stream::unfold(receive, async |mut receive| receive.recv().await.map(|batch| (batch, receive)));
    // A dry run needs to know what came before.
    let in_flight = if target.rehearsal.is_some() { 1 } else { IN_FLIGHT };
    let mut stored = std::pin::pin!(batches.map(|batch| store(cx, target, batch)).buffered(in_flight));
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
        rejects.add_all(refused)?;
        bar.set_position(batch.consumed);
    }
    reader.await?.context("the file can't be read to its end")?;
    Ok((imported, unchanged))
}

/// Reads all rows and hands them over in batches; stops when nobody takes them any more.
fn read(mut rows: Rows, plan: &Plan, send: &mpsc::Sender<Batch>) -> std::io::Result<()> {
    let mut batch = Batch::default();
    loop {
        match rows.advance()? {
            Next::Row => match plan.response(rows.record()) {
                Ok(response) => {
                    batch.rows.push(rows.record().line);
                    batch.responses.push(response);
                }
                Err(reject) => batch.rejects.push(reject),
            },
            Next::End => break,
            next => batch.rejects.extend(Reject::unread(next)),
        }
        if batch.rows.len() + batch.rejects.len() >= BATCH {
            batch.consumed = rows.consumed();
            if send.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
    }
    // Nobody listens only after an error that is reported already.
    let _ = send.blocking_send(batch);
    Ok(())
}

async fn store(cx: &Engine, target: &Target, batch: Batch) -> Stored {
    let sent = batch.responses.clone();
    let results = if let Some(rehearsal) = &target.rehearsal {
        rehearse(cx, target.ws, sent, &mut *rehearsal.lock().await).await
    } else {
        let receipts = submit::submit_responses(cx, target.ws, sent, target.follow_up).await;
        receipts.into_iter().map(|result| result.map(|receipt| receipt.created)).collect()
    };
    Stored { batch, results }
}
