//! `hearback erase EMAIL`

use std::process::ExitCode;

use clap::Args as Arguments;
use hearback_core::{Email, id::PersonId};
use hearback_engine::{Actor, people};
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
    /// Mail address of the customer. Words, names and addresses go; the scores stay as anonymous counts.
    email: String,
    /// As JSON: `{"erased": true}`.
    #[arg(long)]
    json: bool,
}

/// Forgets a customer for good.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let email = Email::parse(&args.email).map_err(|error| usage(format!("EMAIL {error}")))?;
    let (cx, ws) = open::context(&config).await?;
    let person = lists::person_named(cx.db.read(), ws, Some(&email), None).await?;
    let Some(person) = person else { anyhow::bail!("nobody with the address {email} is stored; there is nothing to erase") };
    people::erase_person(&cx, ws, &Actor::Operator, PersonId::from_uuid(person.id)).await?;
    if args.json {
        say_json(&json!({ "erased": true }))?;
    } else {
        say("erased: words, names and addresses of this customer are gone, the scores stay as anonymous counts");
        say("Backups that were made before still hold them: let those expire, and erase once more after a restore.");
    }
    Ok(ExitCode::SUCCESS)
}
