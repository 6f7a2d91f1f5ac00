//! `hearback user add`

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use clap::{Subcommand, builder::PossibleValuesParser};
use hearback_engine::{
    Actor,
    access::{self, Role},
};

use crate::{
    config::Config,
    open,
    output::{say, usage},
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
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let Command::Add { email, role, name, password_stdin } = command;
    let role = Role::parse(&role).ok_or_else(|| usage("--role must be admin, manager, agent or viewer"))?;
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let password = if password_stdin { Some(first_line()?) } else { ask()? };
    let (cx, ws) = open::context(&config).await?;
    let (user, generated) = access::add_user(&cx, ws, &Actor::Operator, &email, &name, role, password.as_deref()).await?;
    say(format!("added {} as {}", user.email, user.role));
    if let Some(password) = generated {
        say(format!("password: {password}"));
    }
    Ok(ExitCode::SUCCESS)
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
