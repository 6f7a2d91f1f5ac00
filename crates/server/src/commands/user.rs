//! `hearback user`: who may come in, and how that ends.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use clap::{Subcommand, builder::PossibleValuesParser};
use hearback_core::id::{UserId, WorkspaceId};
use hearback_engine::{
    Actor, Engine,
    access::{self, UserChange},
    role::Role,
};
use hearback_store::{second_factors, users};
use serde_json::json;

use super::times::time_text;
use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add someone who can log in. On a terminal the password is asked for; otherwise one is made up and printed once.
    Add {
        /// Mail address, which is also the log-in.
        email: String,
        /// What this user may do.
        #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)))]
        role: String,
        /// How the name is shown; the part of the address before the @ when left out.
        #[arg(long)]
        name: Option<String>,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Everybody, with role, second factor and whether they may log in.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Keep someone out: sessions end at once, and new cases go to others. `POST /users/{id}/hand_over` gives away what they have open.
    Disable {
        /// Mail address.
        email: String,
    },
    /// Let someone in again who was disabled.
    Enable {
        /// Mail address.
        email: String,
    },
    /// Give someone another role. Their sessions end.
    Role {
        /// Mail address.
        email: String,
        /// What this user may do from now on.
        #[arg(value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)))]
        role: String,
    },
    /// Give someone another password, as with `add`. Their sessions end.
    Password {
        /// Mail address.
        email: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Where someone is logged in; without an address, where everybody is.
    Sessions {
        /// Mail address.
        email: Option<String>,
        /// Log them out everywhere.
        #[arg(long)]
        end: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take the second factor of someone away who has lost it. Their sessions end.
    TotpReset {
        /// Mail address.
        email: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    match command {
        Command::Add { email, role, name, password_stdin } => {
            let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
            let password = if password_stdin { Some(first_line()?) } else { ask()? };
            let (cx, ws) = open::context(&config).await?;
            let added = access::add_user(&cx, ws, &Actor::Operator, &email, &name, role_of(&role)?, password.as_deref());
            let (user, generated) = added.await?;
            say(format!("added {} as {}", user.email, user.role));
            if let Some(password) = generated {
                say(format!("password: {password}"));
            }
        }
        Command::List { json } => {
            let (cx, ws) = open::context(&config).await?;
            list(&cx, ws, json).await?;
        }
        Command::Disable { email } => {
            let user = change(&config, &email, UserChange { disabled: Some(true), ..UserChange::default() }).await?;
            say(format!("{} can't log in any more; every session of theirs has ended", user.email));
        }
        Command::Enable { email } => {
            let user = change(&config, &email, UserChange { disabled: Some(false), ..UserChange::default() }).await?;
            say(format!("{} can log in again", user.email));
        }
        Command::Role { email, role } => {
            let user = change(&config, &email, UserChange { role: Some(role_of(&role)?), ..UserChange::default() }).await?;
            say(format!("{} is {} now", user.email, user.role));
        }
        Command::Password { email, password_stdin } => {
            let given = if password_stdin { Some(first_line()?) } else { ask()? };
            let password = match &given {
                Some(password) => password.clone(),
                None => access::made_up_password()?,
            };
            let user = change(&config, &email, UserChange { password: Some(password.clone()), ..UserChange::default() }).await?;
            say(format!("{} has another password; every session of theirs has ended", user.email));
            if given.is_none() {
                say(format!("password: {password}"));
            }
        }
        Command::Sessions { email, end, json } => {
            let (cx, ws) = open::context(&config).await?;
            let of = match email {
                Some(email) => vec![find(&cx, ws, &email).await?],
                None => users::all(cx.db.read(), ws).await?.iter().map(|user| UserId::from_uuid(user.id)).collect(),
            };
            sessions(&cx, ws, &of, end, json).await?;
        }
        Command::TotpReset { email } => {
            let (cx, ws) = open::context(&config).await?;
            let id = find(&cx, ws, &email).await?;
            let there = access::reset_second(&cx, ws, &Actor::Operator, id).await?;
            say(if there { format!("{email} logs in with the password alone now") } else { format!("{email} had no second factor") });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn role_of(word: &str) -> anyhow::Result<Role> {
    Role::parse(word).ok_or_else(|| usage("a role is admin, manager, agent or viewer"))
}

async fn change(config: &Config, email: &str, change: UserChange) -> anyhow::Result<users::Model> {
    let (cx, ws) = open::context(config).await?;
    let id = find(&cx, ws, email).await?;
    Ok(access::change_user(&cx, ws, &Actor::Operator, id, change).await?)
}

async fn find(cx: &Engine, ws: WorkspaceId, email: &str) -> anyhow::Result<UserId> {
    let user = users::by_email(cx.db.read(), ws, &email.trim().to_lowercase()).await?;
    let user =
        user.ok_or_else(|| anyhow::anyhow!("there is no user {email} in this workspace; `hearback user list` shows who there is"))?;
    Ok(UserId::from_uuid(user.id))
}

async fn list(cx: &Engine, ws: WorkspaceId, json: bool) -> anyhow::Result<()> {
    let with = second_factors::in_force(cx.db.read(), ws).await?;
    let rows = users::all(cx.db.read(), ws).await?;
    if json {
        let view = |user: &users::Model| {
            json!({
                "id": user.id, "email": user.email, "name": user.name, "role": user.role, "created_at": time_text(user.created_at),
                "password_at": time_text(user.password_at), "disabled_at": user.disabled_at.map(time_text),
                "second_factor": with.contains(&user.id),
            })
        };
        return say_json(&rows.iter().map(view).collect::<Vec<_>>());
    }
    for user in rows {
        let factor = if with.contains(&user.id) { "second factor" } else { "password only" };
        let state = user.disabled_at.map_or_else(|| "active".to_owned(), |at| format!("disabled since {}", time_text(at)));
        say(format!("{}\t{}\t{}\t{factor}\t{state}", user.email, user.name, user.role));
    }
    Ok(())
}

async fn sessions(cx: &Engine, ws: WorkspaceId, of: &[UserId], end: bool, json: bool) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for id in of {
        rows.extend(access::own_sessions(cx, ws, *id, None).await?);
        if end {
            access::end_sessions(cx, ws, &Actor::Operator, *id).await?;
        }
    }
    if json {
        let view = |session: &access::OwnSession| {
            json!({
                "id": session.id, "from": session.address, "browser": session.agent, "created_at": time_text(session.created_at),
                "seen_at": time_text(session.seen_at), "ended": end,
            })
        };
        return say_json(&rows.iter().map(view).collect::<Vec<_>>());
    }
    for session in &rows {
        let (begun, seen) = (time_text(session.created_at), time_text(session.seen_at));
        say(format!("from {}\tbegun {begun}\tlast used {seen}\t{}", session.address, session.agent));
    }
    match (rows.len(), end) {
        (0, _) => say("no sessions"),
        (count, true) => say(format!("{count} ended")),
        _ => {}
    }
    Ok(())
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(usage("--password-stdin was given, but standard input has no password"));
    }
    Ok(password)
}

/// Asks twice without showing it; `None` when nobody is there to ask, or when the answer is empty.
fn ask() -> anyhow::Result<Option<String>> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let terminal = console::Term::stderr();
    terminal.write_str("Password (leave empty to have one made up): ")?;
    let password = terminal.read_secure_line()?;
    if password.is_empty() {
        return Ok(None);
    }
    terminal.write_str("Once more: ")?;
    if terminal.read_secure_line()? != password {
        return Err(usage("the two passwords differ; run the command again"));
    }
    Ok(Some(password))
}
