//! The benchmarks: the product's own paths, each beside its limit in the same run.
//!
//! Rates on a shared machine move by a factor; only the ratio inside one pair says something. Each pair runs the
//! limit and the product one after the other; the medians of all pairs are printed.

mod alert;
mod asked;
mod awake;
mod backtest;
mod bulk;
mod cases;
mod child;
mod fill;
mod inbound;
mod ingest;
mod limits;
mod load;
mod mail;
mod metrics;
mod outbox;
mod report;
mod sink;
mod survey;
mod timings;
mod wake;
mod waves;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use hearback::{Config, Secret};
use hearback_core::id::{SurveyId, WorkspaceId};
use hearback_engine::Engine;
use hearback_store::{Db, surveys};

use report::Report;
use timings::Timings;

/// Measures Hearback's own paths beside their limits, in the same run.
#[derive(Debug, Parser)]
#[command(name = "hearback-bench", version)]
struct Args {
    /// What to measure.
    #[arg(value_enum)]
    path: Path,
    /// An empty database to measure on; a temporary SQLite file when left out. What is in it is lost.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// How long each side of a pair runs.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Connections of the load.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// How many pairs.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Answers, jobs or mails where the amount is fixed.
    #[arg(long, default_value_t = 20_000)]
    amount: usize,
    /// Rows of the large database, for `metrics`, `cases` and `backtest`.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// For `awake`: answers of customers who are each sent a mail.
    #[arg(long)]
    mails: bool,
    /// For `mail`: invitations to a survey, of about 10 kB, instead of thanks.
    #[arg(long)]
    asking: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Path {
    /// Answers over HTTP, one a request, with the shipped rules.
    Ingest,
    /// Answers through the import, with the rules off.
    Import,
    /// Answers through the batch endpoint, with the rules off.
    Batch,
    /// Jobs that do nothing.
    Outbox,
    /// Mails rendered, sent and recorded.
    Mail,
    /// The metrics call over many answers, against a hundredth of them.
    Metrics,
    /// The list of cases, most overdue first, over many cases.
    Cases,
    /// Ten rules tried out on many answers.
    Backtest,
    /// The survey page opened and answered, 200 requests a second.
    Survey,
    /// Mails that come in: told apart, and stored.
    Inbound,
    /// Planning a wave of many people with all limits.
    Waves,
    /// From the commit that queued a job to its start, on an idle system.
    Wake,
    /// From a low score to the alert in the mail server, at half the rate of the intake.
    Alert,
    /// The intake with the worker awake, against the intake alone.
    Awake,
}

/// Where one benchmark runs.
struct Place {
    /// The database under test.
    url: String,
    /// Files of this run; removed at the end.
    folder: tempfile::TempDir,
    args: Args,
}

fn main() -> ExitCode {
    // The server under load is a process of its own, and the product as it is built here: this program once more.
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return hearback::main();
    }
    hearback::run(measure(Args::parse()))
}

/// Measures and prints.
async fn measure(args: Args) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("can't make a temporary folder")?;
    let url = args.database.clone().unwrap_or_else(|| format!("sqlite://{}/bench.db", folder.path().display()));
    let json = args.json;
    let place = Place { url, folder, args };
    let rates = |report: Report| if json { report.json() } else { report.text() };
    let times = |timings: Timings| if json { timings.json() } else { timings.text() };
    hearback::say(match place.args.path {
        Path::Ingest => rates(ingest::run(&place).await?),
        Path::Import => rates(bulk::import(&place).await?),
        Path::Batch => rates(bulk::batch(&place).await?),
        Path::Outbox => rates(outbox::run(&place).await?),
        Path::Mail => rates(mail::run(&place).await?),
        Path::Awake => rates(awake::run(&place).await?),
        Path::Metrics => times(metrics::run(&place).await?),
        Path::Cases => times(cases::run(&place).await?),
        Path::Backtest => times(backtest::run(&place).await?),
        Path::Survey => times(survey::run(&place).await?),
        Path::Inbound => times(inbound::run(&place).await?),
        Path::Waves => times(waves::run(&place).await?),
        Path::Wake => times(wake::run(&place).await?),
        Path::Alert => times(alert::run(&place).await?),
    });
    Ok(ExitCode::SUCCESS)
}

impl Place {
    /// The settings of this machine, with the database under test and what this node keeps in a folder of the run.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(None)?;
        config.database.url = Secret::new(self.url.clone());
        config.data.dir = self.folder.path().join("data");
        config.mail.url = Secret::new(format!("file://{}/mail", config.data.dir.display()));
        // Guard rails are for the unexpected; who measures expects many.
        config.limits.mails_per_person_day = 1_000;
        config.limits.mails_per_rule_hour = 10_000_000;
        Ok(config)
    }

    /// The product on the database under test, and its workspace.
    async fn open(&self) -> anyhow::Result<(Engine, WorkspaceId)> {
        hearback::context(&self.config()?).await
    }

    /// The same with the survey that is filled.
    async fn open_survey(&self) -> anyhow::Result<(Engine, WorkspaceId, SurveyId)> {
        let (cx, ws) = self.open().await?;
        let survey = surveys::published(cx.db.read(), ws, "nps").await?.context("a fresh database has the survey nps")?;
        Ok((cx, ws, SurveyId::from_uuid(survey.id)))
    }

    /// A connection for the limit.
    async fn db(&self) -> anyhow::Result<Db> {
        let connections = u32::try_from(self.args.clients).unwrap_or(32) + 2;
        Db::connect(&self.url, connections).await.context("the database to measure on can't be used")
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// Which database this is, for people.
    fn database(&self) -> &'static str {
        if self.is_sqlite() { "SQLite" } else { "PostgreSQL" }
    }

    fn time(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.args.seconds.max(1))
    }
}
