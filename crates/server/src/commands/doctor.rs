//! `hearback doctor`

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args as Arguments;
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
    let findings = vec![
        finding("secret key", config.check_secret_key().map(|()| "long enough, or made at the first start".to_owned()).map_err(Into::into)),
        finding("templates", templates(&config)),
        finding("data folder", room(&config.data.dir)),
        finding("database", database(&config).await),
        finding("mail", mail(&config).await),
        finding("links", links(&config)),
    ];
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
    Ok(format!("{} mails can be rendered", templates.names().count()))
}

fn room(folder: &Path) -> anyhow::Result<String> {
    let hint = || format!("can't write to `{}`; free disk space, mend its permissions, or choose another with data.dir", folder.display());
    // Where no folder is yet, the one above it tells.
    let existing = folder.ancestors().find(|folder| folder.is_dir()).with_context(hint)?;
    let probe = tempfile::NamedTempFile::new_in(existing).with_context(hint)?;
    open::private_file(probe.path(), &vec![0; ROOM]).with_context(hint)?;
    Ok(format!("`{}` can be written", folder.display()))
}

async fn database(config: &Config) -> anyhow::Result<String> {
    let db = open::existing_database(config).await?;
    db.close().await?;
    Ok("can be reached, its schema is up to date".to_owned())
}

async fn mail(config: &Config) -> anyhow::Result<String> {
    let transport = open::transport(config)?;
    if transport.captures() {
        return Ok("captured in files, nothing is sent; set mail.url to send".to_owned());
    }
    let session = transport.open().await.context("the relay can't be used; check mail.url, and that its port is open from here")?;
    session.close().await;
    Ok("the relay answers and lets us in".to_owned())
}

fn links(config: &Config) -> anyhow::Result<String> {
    let url = &config.server.public_url;
    let is_here = ["//127.", "//localhost", "//[::1]", "//0.0.0.0"].iter().any(|here| url.contains(here));
    let sends = !config.mail.url.expose().starts_with("file:");
    ensure!(!(is_here && sends), "mails would lead customers to {url}, which only this machine can open; set server.public_url");
    Ok(format!("mails lead to {url}"))
}
