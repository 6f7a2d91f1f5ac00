//! `hearback apikey`: keys for programs that call the API.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Subcommand, builder::PossibleValuesParser};
use hearback_core::id::{ApiKeyId, WorkspaceId};
use hearback_engine::{
    Actor, Engine,
    access::{self, KEY_PREFIX},
    role::Scope,
};
use hearback_store::api_keys;
use serde_json::json;

use super::times::{moment, time_text};
use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and print it, alone, on standard output. It is shown only now.
    Create {
        /// What the key is for, as it will stand in the timeline.
        #[arg(long)]
        name: String,
        /// What it may do: read; write answers, people and cases; or everything.
        #[arg(long, default_value = "write", value_parser = PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)))]
        scope: String,
        /// From this day or moment on it opens nothing (2027-03-01, 2027-03-01T10:00:00Z); without it, it opens for good.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        expires: Option<DateTime<Utc>>,
    },
    /// All keys with scope, last use and end, the oldest first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a key back: it opens nothing any more. A running server may believe it for 30 seconds.
    Revoke {
        /// Its id, or what it starts with (hb_live_XXXXXXXX), as `list` shows them.
        key: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (cx, ws) = open::context(&config).await?;
    match command {
        Command::Create { name, scope, expires } => {
            let scope = Scope::parse(&scope).ok_or_else(|| usage("--scope must be read, write or admin"))?;
            say(access::create_api_key_until(&cx, ws, &Actor::Operator, &name, scope, expires).await?);
        }
        Command::List { json } => {
            let rows = api_keys::all(cx.db.read(), ws).await?;
            if json {
                say_json(&rows.iter().map(view).collect::<Vec<_>>())?;
            } else {
                for row in &rows {
                    line(row, cx.now().timestamp_millis());
                }
            }
        }
        Command::Revoke { key } => {
            let id = find(&cx, ws, &key).await?;
            access::revoke_api_key(&cx, ws, &Actor::Operator, id).await?;
            say("the key opens nothing any more");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The key that is meant: by its id, by its first letters, or by all of it.
async fn find(cx: &Engine, ws: WorkspaceId, key: &str) -> anyhow::Result<ApiKeyId> {
    if let Ok(id) = key.parse() {
        return Ok(id);
    }
    let public_part = key.strip_prefix(KEY_PREFIX).unwrap_or(key).split('_').next().unwrap_or_default();
    let row = api_keys::named(cx.db.read(), ws, public_part).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("there is no such key in this workspace; `hearback apikey list` shows which there are"))?;
    Ok(ApiKeyId::from_uuid(row.id))
}

fn line(row: &api_keys::Model, now: i64) {
    let state = match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("revoked {}", time_text(at)),
        (None, Some(at)) if at <= now => format!("expired {}", time_text(at)),
        (None, Some(at)) => format!("until {}", time_text(at)),
        (None, None) => "for good".to_owned(),
    };
    let used = row.used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", time_text(at)));
    say(format!("{}\t{KEY_PREFIX}{}\t{}\t{}\t{used}\t{state}", row.id, row.public_part, row.name, row.scope));
}

fn view(row: &api_keys::Model) -> serde_json::Value {
    json!({
        "id": row.id, "name": row.name, "scope": row.scope, "starts": format!("{KEY_PREFIX}{}", row.public_part),
        "created_at": time_text(row.created_at), "expires_at": row.expires_at.map(time_text), "used_at": row.used_at.map(time_text),
        "revoked_at": row.revoked_at.map(time_text),
    })
}
