//! `hearback codes add`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use hearback_core::{
    id::{RecordId, WorkspaceId},
    text::{MAX_LINE, key, line},
};
use hearback_store::{bulk, incentive_codes, time::millis};

use crate::{
    config::Config,
    open,
    output::{say, usage},
    telemetry,
};

/// Codes inserted by one statement.
const BATCH: usize = 1_000;

/// What to do with gift codes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fill a pool: the rules give each code to one customer. Codes that are there already stay as they are.
    Add {
        /// A text file with one code a line.
        file: PathBuf,
        /// The pool. The shipped rule for passives gives from `thank-you`.
        #[arg(long, default_value = "thank-you")]
        pool: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let Command::Add { file, pool } = command;
    let pool = key(&pool).map_err(|error| usage(format!("--pool: {error}")))?;
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("can't read `{}`; give a text file with one code a line", file.display()))?;
    let mut codes = Vec::new();
    for (number, code) in (1..).zip(text.lines()).filter(|(_, code)| !code.trim().is_empty()) {
        codes.push(line(code, MAX_LINE).map_err(|error| usage(format!("line {number} of `{}`: {error}", file.display())))?);
    }
    let (cx, ws) = open::context(&config).await?;
    let rows: Vec<_> = codes.into_iter().map(|code| row(ws, &pool, code, millis(cx.now()))).collect();
    let tx = cx.db.write().await?;
    let mut added = 0;
    for batch in rows.chunks(BATCH) {
        added += bulk::insert_missing::<incentive_codes::Entity>(&tx, batch).await?;
    }
    tx.commit().await?;
    say(format!("added {added} codes to the pool {pool}, {} were there already", rows.len() as u64 - added));
    Ok(ExitCode::SUCCESS)
}

fn row(ws: WorkspaceId, pool: &str, code: String, now: i64) -> incentive_codes::Model {
    incentive_codes::Model {
        workspace_id: ws.uuid(),
        id: RecordId::derived(&format!("{ws} {pool} {code}")).uuid(),
        pool: pool.to_owned(),
        code,
        created_at: now,
        case_id: None,
        given_at: None,
    }
}
