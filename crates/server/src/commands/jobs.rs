//! `hearback jobs list|retry|discard`

use std::process::ExitCode;

use clap::{Args as Arguments, Subcommand};
use hearback_core::{
    id::{JobId, WorkspaceId},
    state::JobState,
};
use hearback_engine::{Actor, Engine, EngineError, stuck};
use hearback_store::{
    cursor::Page,
    outbox::{self, Model},
    time::from_millis,
};
use serde_json::{Value, json};

use crate::{
    config::Config,
    open,
    output::{complain, say, say_json, usage},
    telemetry,
};

/// Jobs that are read at a time.
const PAGE: u64 = 500;

/// What to do with jobs that somebody has to look at.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those that were given up (`dead`), and those that wait for a newer version (`unreadable`), the newest first.
    List {
        /// As JSON: `[{"id", "kind", "state", "why", "attempts", "case", "created_at"}]`.
        #[arg(long)]
        json: bool,
    },
    /// Put jobs back into the queue: due now, with all their attempts. A mail that was given up waits again.
    Retry(Which),
    /// Do without jobs: what they should have done is never done.
    Discard(Which),
}

/// Which jobs.
#[derive(Debug, Arguments)]
pub struct Which {
    /// Ids, as `jobs list` shows them.
    #[arg(required_unless_present = "all")]
    ids: Vec<String>,
    /// All that `jobs list` shows with the state `dead`.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// As JSON: `{"done": N, "refused": [{"id", "why"}]}`.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (cx, ws) = open::context(&config).await?;
    match command {
        Command::List { json } => list(&cx, ws, json).await,
        Command::Retry(which) => {
            each(&cx, ws, &which, "back in the queue", async |id| stuck::retry(&cx, ws, &Actor::Operator, id).await).await
        }
        Command::Discard(which) => each(&cx, ws, &which, "discarded", async |id| stuck::discard(&cx, ws, &Actor::Operator, id).await).await,
    }
}

async fn list(cx: &Engine, ws: WorkspaceId, as_json: bool) -> anyhow::Result<ExitCode> {
    let jobs = all(cx, ws).await?;
    if as_json {
        say_json(&jobs.iter().map(view).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for job in &jobs {
        let since = from_millis(job.finished_at.unwrap_or(job.created_at)).format("%Y-%m-%d %H:%M UTC");
        say(format!("{}  {:10}  {:9}  {since}  {}", job.id, stuck::state(job), job.kind, stuck::why(job)));
    }
    if jobs.is_empty() {
        say("no job was given up");
    }
    Ok(ExitCode::SUCCESS)
}

fn view(job: &Model) -> Value {
    json!({
        "id": job.id, "kind": job.kind, "state": stuck::state(job), "why": stuck::why(job), "attempts": job.attempts,
        "case": job.case_id, "created_at": from_millis(job.created_at),
    })
}

async fn all(cx: &Engine, ws: WorkspaceId) -> anyhow::Result<Vec<Model>> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = outbox::stuck::list(cx.db.read(), ws, Page { limit: PAGE, after: cursor }).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Does it to each; one that is refused stops no other.
async fn each(
    cx: &Engine,
    ws: WorkspaceId,
    which: &Which,
    done: &str,
    act: impl AsyncFn(JobId) -> Result<(), EngineError>,
) -> anyhow::Result<ExitCode> {
    let ids: Vec<JobId> = if which.all {
        all(cx, ws).await?.iter().filter(|job| job.state == JobState::Dead).map(|job| JobId::from_uuid(job.id)).collect()
    } else {
        let read = |text: &String| text.parse().map_err(|_| usage(format!("`{text}` is no id of a job; `hearback jobs list` shows them")));
        which.ids.iter().map(read).collect::<Result<_, _>>()?
    };
    let mut refused = Vec::new();
    for id in &ids {
        if let Err(error) = act(*id).await {
            refused.push(json!({ "id": id.to_string(), "why": error.to_string() }));
            if !which.json {
                complain(&format!("{id}: {error}"));
            }
        }
    }
    let count = ids.len() - refused.len();
    if which.json {
        say_json(&json!({ "done": count, "refused": refused }))?;
    } else {
        say(format!("{count} {done}"));
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
