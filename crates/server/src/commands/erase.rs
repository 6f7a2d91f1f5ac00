//! `hearback erase EMAIL`, `hearback erase --again FILE`

use std::{path::PathBuf, process::ExitCode};

use clap::Args as Arguments;
use hearback_core::{Email, id::PersonId};
use hearback_engine::{
    Actor,
    customers::{erased, people},
};
use hearback_store::lists;
use serde_json::json;

use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// Arguments of `erase`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// Mail address of the customer, or one that they had before and nobody has now. Words, names and addresses go; the scores stay as anonymous counts.
    #[arg(required_unless_present = "again")]
    email: Option<String>,
    /// Erase everybody again who is on this list (`erasures.jsonl` in the data folder of any node) and back in the database: for a
    /// database that was restored by its own tools.
    #[arg(long, value_name = "FILE", conflicts_with = "email")]
    again: Option<PathBuf>,
    /// As JSON: `{"erased": true}`; with `--again` `{"erased_again"}`.
    #[arg(long)]
    json: bool,
}

/// Forgets a customer for good.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    if let Some(file) = args.again {
        return again(file, args.json, &config).await;
    }
    let email = Email::parse(&args.email.unwrap_or_default()).map_err(|error| usage(format!("EMAIL {error}")))?;
    let (cx, ws) = open::context(&config).await?;
    let person = lists::person_known_by(cx.db.read(), ws, &email).await?;
    let Some(person) = person else { anyhow::bail!("nobody with the address {email} is stored; there is nothing to erase") };
    people::erase_person(&cx, ws, &Actor::Operator, PersonId::from_uuid(person.id)).await?;
    if args.json {
        say_json(&json!({ "erased": true }))?;
    } else {
        say("erased: words, names and addresses of this customer are gone, the scores stay as anonymous counts");
        say(
            "Backups that were made before still hold them: let those expire. `hearback restore` erases them again, by the list in the data folder.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn again(file: PathBuf, json: bool, config: &Config) -> anyhow::Result<ExitCode> {
    let list = open::erasures(config, &[file])?;
    let (cx, _) = open::context(config).await?;
    let people = erased::again(&cx, list).await?;
    if json {
        say_json(&json!({ "erased_again": people }))?;
    } else {
        say(format!("erased again {people} who had been erased and were back in the database"));
    }
    Ok(ExitCode::SUCCESS)
}
