//! `hearback rules backtest`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use hearback_engine::{
    EngineError,
    automation::{
        backtest::{self, Both, Report, Span},
        publish,
    },
};
use hearback_rules::parse::MAX_FILE;

use crate::{
    config::Config,
    open,
    output::{complain, say, say_json},
};

/// Which rules, on which answers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A YAML or JSON file. Its rules are tried in place of the enabled ones with the same keys.
    file: PathBuf,
    /// Answers from this moment on: RFC 3339, or a date.
    #[arg(long, value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Answers before this moment: RFC 3339, or a date.
    #[arg(long, value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// List this many of the cases that match.
    #[arg(long, default_value_t = 0)]
    cases: usize,
    /// As JSON, day by day.
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let date = || text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc());
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(date);
    time.ok_or_else(|| "must be a time such as 2026-11-22T08:00:00Z or a date such as 2026-11-22".to_owned())
}

pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let file = args.file.display();
    let size = std::fs::metadata(&args.file).with_context(|| format!("can't read `{file}`; give the path of a rule file"))?.len();
    anyhow::ensure!(size <= MAX_FILE as u64, "`{file}` has {size} bytes; a rule file has at most {MAX_FILE}, split it");
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("can't read `{file}` as UTF-8 text"))?;
    let (cx, ws) = open::context(&config).await?;
    let rules = match publish::read_text(&cx, ws, &text).await {
        Err(EngineError::Invalid(errors)) => {
            for error in &errors {
                complain(&format!("{file}, {}: {}", error.field, error.message));
            }
            anyhow::bail!("nothing was tried: correct the {} mistakes above and run it again", errors.len());
        }
        result => result?,
    };
    let report = backtest::run(&cx, ws, rules, Span { since: args.since, until: args.until, list: args.cases }).await?;
    if args.json {
        say_json(&report)?;
    } else {
        tell(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &Report) {
    say(format!("{} answers; each figure: with these rules (as it is today)", report.answers));
    for rule in &report.rules {
        let today = rule.live_version.map_or("new".to_owned(), |version| format!("today version {version}"));
        say(format!("\n{} ({today}): matches {}", rule.key, both(rule.matched)));
        say(format!("  {} as today, {} only with these rules, {} only today", rule.both, rule.only_new, rule.only_live));
        if !rule.not_simulated.is_empty() {
            say(format!("  not tried, because no answer sets it off: {}", rule.not_simulated.join(", ")));
        }
    }
    say("\nMails and messages, all rules together");
    for line in &report.mails {
        let most = line.days.iter().map(|day| day.count.new).max().unwrap_or(0);
        say(format!("  {:<24} {:<20} {:>12}   at most {most} a day", line.template, line.to, both(line.count)));
    }
    say("\nTasks, all rules together");
    for line in &report.owners {
        let most = line.weeks.iter().map(|week| week.count.new).max().unwrap_or(0);
        say(format!("  {:<45} {:>12}   at most {most} a week", line.owner, both(line.count)));
    }
    for (pool, count) in &report.codes {
        say(format!("\nCodes from the pool {pool}: {}", both(*count)));
    }
    let stopped = &report.stopped;
    say("\nWhat the guard rails would stop");
    say(format!("  mails over the limit of one customer within 24 hours: {}", both(stopped.over_person_limit)));
    say(format!("  hours in which a rule would be paused for too many mails: {}", both(stopped.pauses)));
    if !stopped.paused_rules.is_empty() {
        let rules: Vec<&str> = stopped.paused_rules.iter().map(String::as_str).collect();
        say(format!("    these rules: {}", rules.join(", ")));
    }
    say(format!("  effects over the limit of one answer: {}", both(stopped.effects)));
    for line in &report.cases {
        say(format!("{}  case {}  {} ({})", line.answered_at.format("%Y-%m-%d"), line.case, line.new.join(", "), line.live.join(", ")));
    }
}

fn both(count: Both) -> String {
    format!("{} ({})", count.new, count.live)
}
