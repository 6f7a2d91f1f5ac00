//! `hearback doctor`

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args as Arguments;
use hearback_core::{Clock as _, SystemClock};
use hearback_engine::{alerts::AlertKind, disk, reading, seals, workspace::SendingPause};
use hearback_store::{Db, alerts, outbox, time::millis, workspaces};
use serde::Serialize;
use serde_json::json;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// What the data folder must have room for, in bytes.
const ROOM: usize = 4 * 1024 * 1024;

/// The most that clocks may differ, in milliseconds.
const MOST_APART: i64 = 5_000;
/// A job that is due this long is forgotten by somebody.
const LATE: chrono::Duration = chrono::Duration::minutes(5);

/// Arguments of `doctor`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// As JSON: `{"checks": [{"check", "ok", "detail"}]}`.
    #[arg(long)]
    json: bool,
}

/// One check and what it found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    detail: String,
}

/// Looks at everything that `serve` needs, changes nothing, and says what to do about each failure. Sends no mail.
pub async fn run(args: &Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let mut findings = vec![
        finding(
            "secret key",
            config.existing_secret_key().map(|_| "long enough, or made at the first start".to_owned()).map_err(Into::into),
        ),
        finding("templates", templates(&config)),
        finding("data folder", room(&config.data.dir)),
        finding("mail", mail(&config).await),
        finding("signatures", signatures(&config)),
        finding("incoming mail", mailbox(&config).await),
        finding("links", links(&config)),
    ];
    match open::existing_database(&config).await {
        Err(error) => findings.push(finding("database", Err(error))),
        Ok(db) => {
            findings.push(Finding { check: "database", ok: true, detail: "can be reached, its schema is up to date".to_owned() });
            findings.push(finding("clock", clock(&db).await));
            findings.push(finding("database pages", pages(&db, open::sqlite_path(&config)).await));
            findings.push(finding("stored by newer versions", unreadable(&db).await));
            findings.push(finding("queue", queue(&db).await));
            findings.push(finding("jobs", jobs(&db).await));
            findings.push(finding("waves", waves(&db).await));
            findings.push(finding("sending", sending(&db).await));
            findings.push(finding("sealed secrets", sealed(&config, &db).await));
            db.close().await?;
        }
    }
    let all_is_well = findings.iter().all(|finding| finding.ok);
    if args.json {
        say_json(&json!({ "checks": findings }))?;
    } else {
        for Finding { check, ok, detail } in &findings {
            say(format!("{}  {check}: {detail}", if *ok { "ok    " } else { "FAILED" }));
        }
    }
    Ok(if all_is_well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn finding(check: &'static str, result: anyhow::Result<String>) -> Finding {
    match result {
        Ok(detail) => Finding { check, ok: true, detail },
        Err(error) => Finding { check, ok: false, detail: format!("{error:#}") },
    }
}

fn templates(config: &Config) -> anyhow::Result<String> {
    let templates = open::templates(config)?;
    open::check_pages(config)?;
    Ok(format!("{} mails can be rendered, and the pages", templates.names().count()))
}

fn room(folder: &Path) -> anyhow::Result<String> {
    let hint = || format!("can't write to `{}`; free disk space, mend its permissions, or choose another with data.dir", folder.display());
    // Where no folder is yet, the one above it tells.
    let existing = folder.ancestors().find(|folder| folder.is_dir()).with_context(hint)?;
    let probe = tempfile::NamedTempFile::new_in(existing).with_context(hint)?;
    open::private_file(probe.path(), &vec![0; ROOM]).with_context(hint)?;
    let free = disk::free(folder);
    if let Some(free) = free {
        ensure!(free >= disk::LEAST_FREE, "`{}` has only {} MiB of free space; free some", folder.display(), free >> 20);
    }
    let free = free.map_or_else(String::new, |free| format!(", {} MiB are free", free >> 20));
    Ok(format!("`{}` can be written{free}", folder.display()))
}

/// Due times, leases and signatures trust the clock; nodes and database must agree on it.
async fn clock(db: &Db) -> anyhow::Result<String> {
    let before = millis(SystemClock.now());
    let Some(theirs) = db.clock().await? else { return Ok("the database is on this machine and has the same clock".to_owned()) };
    // The answer was on its way for a while: only what is certainly wrong is told.
    let after = millis(SystemClock.now());
    let apart = if theirs < before { before - theirs } else { (theirs - after).max(0) };
    ensure!(apart <= MOST_APART, "differs from the database's by {} s; let both machines set their clocks by NTP", apart / 1_000);
    Ok(format!("differs from the database's by {apart} ms at least"))
}

async fn queue(db: &Db) -> anyhow::Result<String> {
    let now = SystemClock.now();
    let Some(next) = outbox::next_due(db).await? else { return Ok("nothing waits".to_owned()) };
    let late = now - next;
    ensure!(
        late < LATE,
        "the oldest job has been due for {} minutes; is a worker running? Start `hearback serve` (or `--role worker`)",
        late.num_minutes()
    );
    Ok(if late > chrono::Duration::zero() {
        "work is being done".to_owned()
    } else {
        format!("the next job is due at {}", next.to_rfc3339())
    })
}

async fn pages(db: &Db, file: Option<&str>) -> anyhow::Result<String> {
    let Some(file) = file else { return Ok("PostgreSQL looks after its own".to_owned()) };
    let found = db.quick_check().await?;
    ensure!(
        found.is_empty(),
        "`{file}` is damaged ({}); stop the server, restore the last backup into a new database, and look at the disk",
        found.join("; ")
    );
    Ok("no damage was found".to_owned())
}

async fn unreadable(db: &Db) -> anyhow::Result<String> {
    let mut found = Vec::new();
    for ws in workspaces::ids(db.read()).await? {
        found.extend(reading::unreadable(db.read(), ws).await?.iter().map(ToString::to_string));
    }
    found.extend(outbox::unreadable(db.read()).await?.iter().map(|stuck| format!("{} jobs of the kind `{}` wait", stuck.jobs, stuck.kind)));
    ensure!(found.is_empty(), "{}; use the version that wrote it, or newer", found.join("; "));
    Ok("all of it can be read".to_owned())
}

async fn jobs(db: &Db) -> anyhow::Result<String> {
    let dead: i64 = outbox::dead(db.read()).await?.iter().map(|stuck| stuck.jobs).sum();
    ensure!(dead == 0, "{dead} were given up; `hearback jobs list` says why, `hearback jobs retry` puts them back");
    Ok("none was given up".to_owned())
}

/// Whether a wave stands still is known to the server, which tells it in alerts.
async fn waves(db: &Db) -> anyhow::Result<String> {
    let told = alerts::open_of(db.read(), &[AlertKind::WaveStalled.as_str()]).await?;
    ensure!(told.is_empty(), "{}", told.iter().map(|alert| alert.message.as_str()).collect::<Vec<_>>().join(" "));
    Ok("none stands still".to_owned())
}

/// Webhooks, widgets, gift codes and second factors are of no use without the key that sealed them.
async fn sealed(config: &Config, db: &Db) -> anyhow::Result<String> {
    let keys = seals::keys(db, config.existing_secret_key()?.as_ref()).await?;
    let ids = |keys: &BTreeSet<String>| keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    ensure!(
        keys.missing.is_empty(),
        "some were sealed with another secret key (id {}); put it in place as secret_key, or as secret_key_old",
        ids(&keys.missing)
    );
    Ok(if keys.older.is_empty() {
        "all can be opened with the secret key".to_owned()
    } else {
        format!("some need an old key still (id {}); `hearback reseal` seals them with the new one", ids(&keys.older))
    })
}

/// A hold is somebody's will; it is told all the same, since it is easily forgotten.
async fn sending(db: &Db) -> anyhow::Result<String> {
    let held = workspaces::held(db.read()).await?;
    let Some(row) = held.first() else { return Ok("what is due is sent".to_owned()) };
    let why = SendingPause::of(row).map(|hold| hold.why).unwrap_or_default();
    anyhow::bail!("on hold in workspace {}: {why}; `hearback sending resume --workspace {}` ends it", row.key, row.key)
}

async fn mail(config: &Config) -> anyhow::Result<String> {
    let transport = open::transport(config)?;
    let from = format!("mail is from {} <{}>", config.mail.sender_name(), config.mail.from.email);
    if transport.captures() {
        return Ok(format!("captured in files, nothing is sent; set mail.url to send; {from}"));
    }
    let session = transport.open().await.context("the relay can't be used; check mail.url, and that its port is open from here")?;
    session.close().await;
    Ok(format!("the relay answers and lets us in; {from}"))
}

/// The keys were read with the settings; what is left is what only the operator can do.
fn signatures(config: &Config) -> anyhow::Result<String> {
    let Some(signer) = config.signer()? else {
        return Ok("mail is not signed here; set mail.dkim unless your relay signs it".to_owned());
    };
    let records: Vec<String> = signer.records().iter().map(|record| format!("{} TXT \"{}\"", record.name, record.text)).collect();
    Ok(format!("mail is signed; the DNS must have {}", records.join(" and ")))
}

async fn mailbox(config: &Config) -> anyhow::Result<String> {
    let Some(mailbox) = open::mailbox(config)? else {
        return Ok("no mailbox is read; set inbound.url so that bounces and replies are understood".to_owned());
    };
    let open = mailbox.open().await.context("the mailbox can't be read; check inbound.url, and that its port is open from here")?;
    open.close().await;
    Ok("the mailbox lets us in".to_owned())
}

fn links(config: &Config) -> anyhow::Result<String> {
    let sends = !config.mail.url.expose().starts_with("file:");
    let (ours, customers) = (&config.server.public_url, &config.server.survey_url);
    for (url, whom, setting) in
        [(ours, "your people", "server.public_url"), (customers, "customers", "server.survey_url or server.public_url")]
    {
        let is_here = ["//127.", "//localhost", "//[::1]", "//0.0.0.0"].iter().any(|here| url.contains(here));
        ensure!(!(is_here && sends), "mails would lead {whom} to {url}, which only this machine can open; set {setting}");
    }
    Ok(if ours == customers {
        format!("mails lead to {ours}")
    } else {
        format!("mails lead customers to {customers}, your people to {ours}")
    })
}
