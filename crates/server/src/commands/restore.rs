//! `hearback restore FILE`

use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args as Arguments;
use hearback_core::{Clock as _, SystemClock};
use hearback_engine::{
    backup,
    customers::erased::{self, Erasure},
};
use serde_json::json;

use super::progress;
use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// Arguments of `restore`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// A file that `hearback backup` wrote, from either kind of database.
    file: PathBuf,
    /// A list of who was erased (`erasures.jsonl` in the data folder of any node), to erase those again who were erased after the
    /// backup was made; may be given several times. Without it, the list in the data folder is taken.
    #[arg(long, value_name = "FILE")]
    erasures: Vec<PathBuf>,
    /// As JSON: `{"tables", "rows", "made_at", "erased_again", "missing_secret_key"}`; the last is the id of a key, or null.
    #[arg(long)]
    json: bool,
}

/// Checks the whole file, then reads it into the configured database, all or nothing.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let reading = || format!("can't read `{}`; give the path of a file from `hearback backup`", args.file.display());
    let read =
        || -> anyhow::Result<BufReader<File>> { Ok(BufReader::with_capacity(1 << 20, File::open(&args.file).with_context(reading)?)) };
    let found = backup::verify(read()?).context("nothing was restored")?;
    let erasures = open::erasures(&config, &args.erasures).context("nothing was restored")?;
    let key = config.existing_secret_key().context("nothing was restored")?;
    let db = open::database(&config).await?;
    db.migrate().await.context("the schema could not be made")?;
    let bar = progress::bar_of("rows", found.rows);
    let restored = backup::restore(&db, SystemClock.now(), read()?, |rows| bar.inc(rows)).await;
    bar.finish_and_clear();
    restored.context("nothing was restored")?;
    db.close().await?;
    let missing = found.secret_key.as_deref().filter(|id| !key.is_some_and(|key| key.knows(id)));
    let again = if erasures.is_empty() { 0 } else { erase_again(&config, erasures).await? };
    if args.json {
        let (tables, rows, made_at) = (found.tables, found.rows, &found.made_at);
        say_json(&json!({ "tables": tables, "rows": rows, "made_at": made_at, "erased_again": again, "missing_secret_key": missing }))?;
    } else {
        say(format!("restored {} rows of {} tables from the backup of {}", found.rows, found.tables, found.made_at));
        say(format!("erased again {again} who had been erased after the backup was made"));
        say("Sending is on hold: mails that wait may have been sent after the backup was made. Look at `hearback sending status`, then");
        say("  hearback sending resume                    to send what waits, or");
        say("  hearback sending resume --cancel-waiting   to send only what comes from now on.");
        if let Some(id) = missing {
            say(format!(
                "The secret key here is NOT the one of the backup (id {id}): its webhooks, widgets and gift codes can't be used, and links in"
            ));
            say(
                "mails that were sent don't work. Put that key in place as secret_key_file, or as secret_key_old_file, and run `hearback doctor`.",
            );
        }
        say("Run `hearback fsck` before anybody is served.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn erase_again(config: &Config, list: Vec<Erasure>) -> anyhow::Result<u64> {
    const NEXT: &str = "everything was restored, but not everybody erased again who had been; go on with `hearback erase --again FILE`";
    let (cx, _) = open::context(config).await.context(NEXT)?;
    let people = erased::again(&cx, list).await.context(NEXT)?;
    cx.db.clone().close().await?;
    Ok(people)
}
