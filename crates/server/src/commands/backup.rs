//! `hearback backup FILE`

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args as Arguments;
use hearback_core::{Clock as _, SystemClock};
use hearback_engine::backup;
use serde_json::json;

use hearback_engine::disk;

use super::progress;
use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// Arguments of `backup`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The file to write. One that is there already is never overwritten.
    file: PathBuf,
    /// As JSON: `{"file", "bytes", "tables", "rows", "made_at"}`.
    #[arg(long)]
    json: bool,
}

/// Writes the backup beside its place, reads it again, and moves it there when it is whole and on disk.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let file = &args.file;
    if file.exists() {
        bail!("`{}` is there already and is not overwritten; choose another name", file.display());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let db = open::existing_database(&config).await?;
    check_room(folder, hearback_store::backup::size(&db).await?)?;
    let hint = || format!("can't write into `{}`; make the folder, mend its permissions, or choose another", folder.display());
    let unfinished = tempfile::Builder::new().prefix(".hearback-backup-").tempfile_in(folder).with_context(hint)?;
    let bar = progress::count("rows", true);
    let key = config.existing_secret_key()?.map(|key| key.id());
    let written = backup::write(&db, SystemClock.now(), key, BufWriter::with_capacity(1 << 20, unfinished.as_file()), || bar.inc(1)).await;
    bar.finish_and_clear();
    let written = written.context("the backup was not made")?;
    unfinished.as_file().flush().and_then(|()| unfinished.as_file().sync_all()).with_context(hint)?;
    let reread = std::io::BufReader::with_capacity(1 << 20, File::open(unfinished.path())?);
    let verified = backup::verify(reread).context("the backup could not be read back; the disk is not to be trusted")?;
    anyhow::ensure!(verified == written, "the backup reads back differently; the disk is not to be trusted");
    unfinished.persist_noclobber(file).map_err(|error| error.error).with_context(hint)?;
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(hint)?;
    let bytes = std::fs::metadata(file)?.len();
    if args.json {
        let tables = written.tables;
        say_json(&json!({ "file": file, "bytes": bytes, "tables": tables, "rows": written.rows, "made_at": written.made_at }))?;
    } else {
        say(format!("wrote {} rows of {} tables, {bytes} bytes, to {}", written.rows, written.tables, file.display()));
        say(format!(
            "Keep the secret key with it, apart from the file ({}): without it links in mails that were sent stop working,\n\
             and the addresses of webhooks, the secrets of widgets and the gift codes in it can't be read.",
            config.secret_key_origin()
        ));
    }
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// A backup is text without indexes: about as large as the database, often smaller.
fn check_room(folder: &Path, database: u64) -> anyhow::Result<()> {
    match disk::free(folder) {
        Some(free) if free < database / 2 => bail!(
            "`{}` has {} MiB of free space, but the database has {} MiB; free some, or choose another folder",
            folder.display(),
            free >> 20,
            database >> 20
        ),
        _ => Ok(()),
    }
}
