//! `hearback workspace create | list | rename`

use std::process::ExitCode;

use clap::Subcommand;
use hearback_engine::{
    Actor,
    setup::{self, WorkspaceChange},
};
use hearback_store::workspaces;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// What to do with workspaces.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make another workspace beside those that there are, with surveys, rules, hours and a team of its own. Users and keys
    /// are made for it by `--workspace KEY`.
    Create {
        /// What `--workspace` is given: 1 to 64 of a-z, 0-9, - and _.
        key: String,
        /// What its customers know you as: it stands in every mail.
        #[arg(long)]
        name: String,
        /// Language of customers whose own is not known.
        #[arg(long, value_name = "LANGUAGE")]
        locale: Option<String>,
    },
    /// The keys and names of all workspaces.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give it the name that customers know you by: it stands in every mail.
    Rename {
        /// The new name.
        name: String,
    },
    /// Where the links lead that promoters share, `https://shop.example/?ref={code}`; empty for our own page alone.
    ReferralUrl {
        /// A web address; `{code}` stands for the code of the link.
        url: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (cx, ws) = open::context(&config).await?;
    match command {
        Command::Create { key, name, locale } => {
            setup::create_workspace(&cx, &Actor::Operator, &key, &name, locale.as_deref()).await?;
            say(format!("made the workspace {key}; next: hearback user add EMAIL --role admin --workspace {key}"));
        }
        Command::List { json } => {
            let rows = workspaces::all(cx.db.read()).await?;
            if json {
                let list: Vec<_> =
                    rows.iter().map(|row| serde_json::json!({ "key": row.key, "name": row.name, "locale": row.locale })).collect();
                say_json(&list)?;
            } else {
                for row in rows {
                    say(format!("{}\t{}", row.key, row.name));
                }
            }
        }
        Command::Rename { name } => {
            let change = WorkspaceChange { name: Some(name), ..WorkspaceChange::default() };
            let row = setup::change_workspace(&cx, ws, &Actor::Operator, change).await?;
            say(format!("customers know you as {}", row.name));
        }
        Command::ReferralUrl { url } => {
            let change = WorkspaceChange { referral_url: Some(url), ..WorkspaceChange::default() };
            let row = setup::change_workspace(&cx, ws, &Actor::Operator, change).await?;
            say(format!("referral links lead to {}", row.referral_url.as_deref().unwrap_or("a page of ours")));
        }
    }
    Ok(ExitCode::SUCCESS)
}
