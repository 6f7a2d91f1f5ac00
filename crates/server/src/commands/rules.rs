//! `hearback rules check|apply|list`

mod backtest;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use hearback_engine::{
    Actor,
    automation::{history, publish},
};
use hearback_rules::{KnownNames, Rule, RuleError, parse::MAX_FILE, parse_yaml_with};
use serde_json::json;

use crate::{
    config::{Config, ConfigError},
    open,
    output::{complain, say, say_json},
    telemetry,
};

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check rule files: each mistake with file, line, column and what was expected. Needs no database.
    Check {
        /// YAML or JSON files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// As JSON: `{"rules": N, "errors": [{"file", "line", "column", "message"}]}`.
        #[arg(long)]
        json: bool,
    },
    /// Publish the rules of these files, all or none: each changed one as a new version.
    Apply {
        /// YAML or JSON files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// As JSON: `[{"key", "version", "changed"}]`.
        #[arg(long)]
        json: bool,
    },
    /// Try rules out on past answers: who matches, which mails, whose tasks, and the difference to the rules of today.
    /// Changes nothing.
    Backtest(backtest::Args),
    /// Let the newest version of a rule decide again.
    Enable {
        /// Key of the rule.
        key: String,
    },
    /// Let a rule decide nothing more; what it started goes on.
    Disable {
        /// Key of the rule.
        key: String,
    },
    /// Let a rule go on that was paused because it wanted to send too many mails.
    Resume {
        /// Key of the rule.
        key: String,
    },
    /// Let an older version of a rule decide in place of the present one.
    Rollback {
        /// Key of the rule.
        key: String,
        /// Number of the version.
        version: u32,
    },
    /// When a rule matched lately, and what it did.
    Runs {
        /// Key of the rule.
        key: String,
        /// Also when it did not match, and why.
        #[arg(long)]
        all: bool,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// All rules and their versions.
    List {
        /// As JSON: `[{"key", "version", "enabled", "name"}]`.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command. The settings are read only for what needs them.
pub async fn run(command: Command, config: impl Fn() -> Result<Config, ConfigError>) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    match command {
        Command::Check { files, json } => check(&files, json, &config()?),
        Command::Apply { files, json } => apply(&files, json, config()?).await,
        Command::Backtest(args) => backtest::run(args, config()?).await,
        Command::Enable { key } => enable(&key, None, config()?).await,
        Command::Rollback { key, version } => enable(&key, Some(version), config()?).await,
        Command::Resume { key } => resume(&key, config()?).await,
        Command::Disable { key } => disable(&key, config()?).await,
        Command::Runs { key, all, limit, json } => runs(&key, all, limit, json, config()?).await,
        Command::List { json } => list(json, config()?).await,
    }
}

/// What a set of files says, or all their mistakes.
struct Read {
    rules: Vec<Rule>,
    errors: Vec<RuleError>,
}

fn read(files: &[PathBuf], config: &Config) -> anyhow::Result<Read> {
    let templates = open::templates(config)?;
    let names: Vec<&str> = templates.for_rules().collect();
    let known = KnownNames { templates: Some(&names), ..KnownNames::default() };
    let mut read = Read { rules: Vec::new(), errors: Vec::new() };
    for path in files {
        let file = path.display().to_string();
        let size = std::fs::metadata(path).with_context(|| format!("can't read `{file}`; give the path of a rule file"))?.len();
        anyhow::ensure!(size <= MAX_FILE as u64, "`{file}` has {size} bytes; a rule file has at most {MAX_FILE}, split it");
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read `{file}` as UTF-8 text"))?;
        match parse_yaml_with(&file, &text, &known) {
            Ok(rules) => read.rules.extend(rules),
            Err(errors) => read.errors.extend(errors),
        }
    }
    Ok(read)
}

/// Each mistake on a line of its own.
fn report(errors: &[RuleError]) {
    for error in errors {
        complain(&error.to_string());
    }
}

fn check(files: &[PathBuf], as_json: bool, config: &Config) -> anyhow::Result<ExitCode> {
    let Read { rules, errors } = read(files, config)?;
    if as_json {
        let list: Vec<_> =
            errors.iter().map(|e| json!({ "file": e.file, "line": e.line, "column": e.column, "message": e.message })).collect();
        say_json(&json!({ "rules": rules.len(), "errors": list }))?;
    } else {
        report(&errors);
        say(format!("{} rules are fine, {} mistakes", rules.len(), errors.len()));
    }
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn apply(files: &[PathBuf], as_json: bool, config: Config) -> anyhow::Result<ExitCode> {
    let Read { rules, errors } = read(files, &config)?;
    if !errors.is_empty() {
        report(&errors);
        anyhow::bail!("nothing was published: correct the {} mistakes above and run it again", errors.len());
    }
    let (cx, ws) = open::context(&config).await?;
    let published = publish::publish(&cx, ws, &Actor::Operator, rules).await?;
    if as_json {
        say_json(&published)?;
    } else {
        for rule in published {
            say(format!("{} version {} {}", rule.key, rule.version, if rule.changed { "published" } else { "unchanged" }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn enable(key: &str, version: Option<u32>, config: Config) -> anyhow::Result<ExitCode> {
    let (cx, ws) = open::context(&config).await?;
    let row = publish::enable(&cx, ws, &Actor::Operator, key, version).await?;
    say(format!("{key} version {} decides from now on", row.version));
    Ok(ExitCode::SUCCESS)
}

async fn disable(key: &str, config: Config) -> anyhow::Result<ExitCode> {
    let (cx, ws) = open::context(&config).await?;
    publish::disable(&cx, ws, &Actor::Operator, key).await?;
    say(format!("{key} decides nothing more; `hearback rules enable {key}` lets it decide again"));
    Ok(ExitCode::SUCCESS)
}

async fn resume(key: &str, config: Config) -> anyhow::Result<ExitCode> {
    let (cx, ws) = open::context(&config).await?;
    publish::resume(&cx, ws, &Actor::Operator, key).await?;
    say(format!("{key} goes on; its mails are sent"));
    Ok(ExitCode::SUCCESS)
}

async fn runs(key: &str, all: bool, limit: usize, as_json: bool, config: Config) -> anyhow::Result<ExitCode> {
    let (cx, ws) = open::context(&config).await?;
    let found = history::of_rule(&cx, ws, key, all, None, limit.max(1)).await?;
    if as_json {
        say_json(&found.items)?;
        return Ok(ExitCode::SUCCESS);
    }
    for asked in found.items {
        let at = hearback_store::time::from_millis(asked.at).format("%Y-%m-%d %H:%M");
        let what = asked.trace.failed.unwrap_or_else(|| format!("matched, {} steps", asked.trace.steps.len()));
        say(format!("{at}  {}  {}  case {}  {what}", asked.trace.rule, asked.trigger, asked.case));
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(as_json: bool, config: Config) -> anyhow::Result<ExitCode> {
    let (cx, ws) = open::context(&config).await?;
    let versions = publish::list(&cx, ws).await?;
    let name = |body: &str| serde_json::from_str::<Rule>(body).map_or_else(|_| "(unreadable)".to_owned(), |rule| rule.name);
    let is_enabled = |enabled: Option<i64>, disabled: Option<i64>| enabled.is_some() && disabled.is_none();
    if as_json {
        let list: Vec<_> = versions
            .iter()
            .map(|v| json!({ "key": v.key, "version": v.version, "enabled": is_enabled(v.enabled_at, v.disabled_at), "name": name(&v.body) }))
            .collect();
        say_json(&list)?;
    } else {
        for v in versions {
            let state = if is_enabled(v.enabled_at, v.disabled_at) { "enabled " } else { "replaced" };
            say(format!("{state}  {}@{}  {}", v.key, v.version, name(&v.body)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
