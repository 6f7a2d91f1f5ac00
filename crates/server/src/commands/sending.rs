//! `hearback sending status|hold|resume`

use std::process::ExitCode;

use clap::Subcommand;
use hearback_engine::{
    Actor,
    sending_pause::{self, DueWave, Sending, Waiting},
    workspace::SendingPause,
};
use serde_json::json;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// What to do with sending.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Whether what is due is sent, and how many mails wait.
    Status {
        /// As JSON: `{"held": {"since", "why"} or null, "waiting", "waves": [{"campaign", "wave", "people", "due_since"}],
        /// "trouble": {"since", "why"} or null}`.
        #[arg(long)]
        json: bool,
    },
    /// Send nothing until `sending resume`. Answers, cases and rules go on.
    Hold {
        /// Shown on every page while it lasts.
        #[arg(long, default_value = "held by the operator")]
        why: String,
    },
    /// Send again.
    Resume {
        /// Never send what waits; only what comes from now on.
        #[arg(long)]
        cancel_waiting: bool,
        /// As JSON: `{"jobs"}`.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (cx, ws) = open::context(&config).await?;
    match command {
        Command::Status { json } => {
            let sending = sending_pause::status(&cx, ws).await?;
            if json { say_json(&sending)? } else { say(told(&sending)) }
        }
        Command::Hold { why } => {
            sending_pause::hold(&cx, ws, &Actor::Operator, &why).await?;
            say("nothing is sent any more; `hearback sending resume` ends it");
        }
        Command::Resume { cancel_waiting, json } => {
            let waiting = if cancel_waiting { Waiting::Cancel } else { Waiting::Send };
            let jobs = sending_pause::resume(&cx, ws, &Actor::Operator, waiting).await?;
            if json {
                say_json(&json!({ "jobs": jobs }))?;
            } else if cancel_waiting {
                say(format!("sending goes on; {jobs} that waited are cancelled"));
            } else {
                say(format!("sending goes on, with {jobs} that waited"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// In words.
pub fn told(sending: &Sending) -> String {
    let waiting = sending.waiting;
    if let (None, Some(SendingPause { since, why })) = (&sending.held, &sending.trouble) {
        return format!("since {} {why}; {waiting} mails wait", since.format("%Y-%m-%d %H:%M UTC"));
    }
    match &sending.held {
        None => format!("what is due is sent; {waiting} mails wait for their turn"),
        Some(SendingPause { since, why }) => {
            let since = since.format("%Y-%m-%d %H:%M UTC");
            let due: String = sending.waves.iter().map(due).collect();
            format!("on hold since {since}: {why}; {waiting} mails wait.{due}\n`hearback sending resume` ends it")
        }
    }
}

/// A wave that would go on, in a line.
fn due(due: &DueWave) -> String {
    let what = match (&due.campaign, &due.wave) {
        (Some(campaign), Some(wave)) => format!("{campaign} {wave}"),
        _ => "invited alone".to_owned(),
    };
    format!("\n  {what}: {} people are due since {}", due.people, due.due_since.format("%Y-%m-%d %H:%M UTC"))
}
