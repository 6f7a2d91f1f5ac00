//! The command line: names, arguments, help.

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    commands::{
        apikey, backup, campaigns, check_config, codes, completions, demo, doctor, erase, export, fsck, import, jobs, mail, migrate,
        reseal, restore, routes, rules, schedule, score, sending, serve, suppressions, user, waves, workspace,
    },
    config::{Config, ConfigError},
};

/// Closes the loop on customer feedback: scores answers, decides what must happen, makes it happen, and keeps track of it.
#[derive(Debug, Parser)]
#[command(name = "hearback", version, disable_help_subcommand = true)]
pub struct Cli {
    /// A TOML file with settings; the environment (HEARBACK_SECTION__KEY) wins over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The workspace that the command is about, where there are several.
    #[arg(long, global = true, value_name = "KEY")]
    workspace: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A complete, safe trial: sample customers, a year of answers, captured mail, server running.
    Demo(demo::Args),
    /// Bring the schema up to date, then serve the API and the pages and run the worker.
    Serve(serve::Args),
    /// Bring the schema of the database up to date.
    Migrate(migrate::Args),
    /// Show the effective settings, without secrets, and where each comes from.
    CheckConfig(check_config::Args),
    /// Check database, mail relay, disk, templates and links, with what to do about each failure.
    Doctor(doctor::Args),
    /// Recompute what must be true of the stored data and print each violation.
    Fsck(fsck::Args),
    /// Read data from a file.
    #[command(subcommand)]
    Import(import::Command),
    /// Write what is stored to standard output, as CSV or JSON lines.
    #[command(subcommand)]
    Export(export::Command),
    /// Write the whole database to a file, also while a server works on it.
    Backup(backup::Args),
    /// Read a backup into an empty database of either kind. Sending is on hold then.
    Restore(restore::Args),
    /// Seal webhooks' addresses, gift codes and other secrets in the database with the new secret key, after it was changed.
    Reseal(reseal::Args),
    /// Hold everything that would leave the house, and let it go again.
    #[command(subcommand)]
    Sending(sending::Command),
    /// Print a script that completes commands and arguments in your shell.
    Completions(completions::Args),
    /// Forget a customer for good.
    Erase(erase::Args),
    /// Check, publish and list rules.
    #[command(subcommand)]
    Rules(rules::Command),
    /// People of yours who log in.
    #[command(subcommand)]
    User(user::Command),
    /// Plans of asking: make, change and list them.
    #[command(subcommand)]
    Campaigns(campaigns::Command),
    /// Runs of campaigns: look ahead, begin, pause, resume, cancel.
    #[command(subcommand)]
    Waves(waves::Command),
    /// Deferred actions that were given up or can't be read here: list them, put them back, do without them.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Keys for programs that call the API.
    #[command(subcommand)]
    Apikey(apikey::Command),
    /// Gift codes that rules give to customers.
    #[command(subcommand)]
    Codes(codes::Command),
    /// Addresses that must not be mailed.
    #[command(subcommand)]
    Suppressions(suppressions::Command),
    /// Look into mail that came in.
    #[command(subcommand)]
    Mail(mail::Command),
    /// Programmes or brands side by side: make, list and rename them.
    #[command(subcommand)]
    Workspace(workspace::Command),
    /// The Net Promoter Score of these counts, with its interval and its band.
    Score(score::Args),
    /// Every page and every call of the API, with what it takes and what it is for.
    Routes(routes::Args),
    /// When a cron expression fires next, in UTC and local time.
    Schedule(schedule::Args),
}

impl Cli {
    /// Runs the command; the exit code is 0 when it is done, 1 when something was found.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let config = || {
            let mut config = Config::load(self.config.as_deref())?;
            config.workspace.clone_from(&self.workspace);
            Ok::<_, ConfigError>(config)
        };
        match self.command {
            Command::Demo(args) => Box::pin(demo::run(args)).await,
            Command::Serve(args) => Box::pin(serve::run(args, config()?)).await,
            Command::Migrate(args) => migrate::run(&args, config()?).await,
            Command::CheckConfig(args) => check_config::run(&args, &config()?),
            Command::Doctor(args) => doctor::run(&args, config()?).await,
            Command::Erase(args) => erase::run(args, config()?).await,
            Command::Backup(args) => backup::run(args, config()?).await,
            Command::Restore(args) => restore::run(args, config()?).await,
            Command::Reseal(args) => reseal::run(args, config()?).await,
            Command::Sending(command) => sending::run(command, config()?).await,
            Command::Completions(args) => Ok(completions::run(&args, Self::command())),
            Command::Export(command) => export::run(command, config()?).await,
            Command::Fsck(args) => fsck::run(&args, config()?).await,
            Command::Import(command) => Box::pin(import::run(command, config()?)).await,
            Command::Rules(command) => Box::pin(rules::run(command, config)).await,
            Command::User(command) => user::run(command, config()?).await,
            Command::Jobs(command) => jobs::run(command, config()?).await,
            Command::Apikey(command) => apikey::run(command, config()?).await,
            Command::Campaigns(command) => campaigns::run(command, config()?).await,
            Command::Waves(command) => waves::run(command, config()?).await,
            Command::Codes(command) => codes::run(command, config()?).await,
            Command::Suppressions(command) => suppressions::run(command, config()?).await,
            Command::Mail(command) => mail::run(command, &config()?),
            Command::Workspace(command) => workspace::run(command, config()?).await,
            Command::Routes(args) => routes::run(&args),
            Command::Score(args) => score::run(&args),
            Command::Schedule(args) => schedule::run(&args),
        }
    }
}
