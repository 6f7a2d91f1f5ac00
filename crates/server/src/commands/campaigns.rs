//! `hearback campaigns apply|list`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use hearback_core::campaign::Plan;
use hearback_engine::{Actor, EngineError, campaigns::campaign};
use serde_json::{Value, json};

use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// What to do with campaigns.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make or change the campaigns of a JSON file: one object, or a list of them, each with its `key`.
    Apply {
        /// The file.
        file: PathBuf,
    },
    /// All campaigns, and when they ask next.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    match command {
        Command::Apply { file } => {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| format!("can't read `{name}`; give a JSON file"))?;
            let plans = read(&text).with_context(|| format!("`{name}` has no campaigns that can be read"))?;
            let (cx, ws) = open::context(&config).await?;
            for (key, plan) in plans {
                let (campaign, is_new) = campaign::put(&cx, ws, &Actor::Operator, &key, plan).await.map_err(of_use)?;
                let next = campaign.next.first().map_or_else(|| "asks when it is told to".to_owned(), |at| format!("asks next at {at}"));
                say(format!("{key} {}; it {next}", if is_new { "made" } else { "changed" }));
            }
        }
        Command::List { json } => {
            let (cx, ws) = open::context(&config).await?;
            let all = campaign::list(&cx, ws).await?;
            if json {
                let one = |found: &campaign::Campaign| json!({ "key": found.row.key, "status": found.row.status, "trouble": found.trouble, "next": found.next, "plan": found.plan });
                say_json(&all.iter().map(one).collect::<Vec<_>>())?;
            } else {
                for found in all {
                    let next = found.next.first().map(ToString::to_string).or(found.trouble).unwrap_or_default();
                    say(format!("{}  {}  {}  {next}", found.row.key, found.row.status, found.row.survey));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(text: &str) -> anyhow::Result<Vec<(String, Plan)>> {
    let list = match serde_json::from_str(text)? {
        Value::Array(list) => list,
        one => vec![one],
    };
    let one = |mut item: Value| -> anyhow::Result<(String, Plan)> {
        let key = item.as_object_mut().and_then(|fields| fields.remove("key"));
        let key = key.as_ref().and_then(Value::as_str).context("each campaign needs a `key`")?.to_owned();
        let plan = serde_json::from_value(item).with_context(|| format!("the campaign `{key}`"))?;
        Ok((key, plan))
    };
    list.into_iter().map(one).collect()
}

fn of_use(error: EngineError) -> anyhow::Error {
    match error {
        EngineError::Invalid(_) => usage(error.to_string()),
        error => error.into(),
    }
}
