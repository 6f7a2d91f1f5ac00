//! `hearback waves plan|run|list|watch|pause|resume|cancel`

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use clap::Subcommand;
use hearback_core::{
    Word as _,
    campaign::Reason,
    id::{WaveId, WorkspaceId},
    state::WaveStatus,
};
use hearback_engine::{
    Actor, Engine, EngineError,
    campaigns::{
        fire,
        preview::{self, Preview, Shown},
        waves::{self, Wave},
    },
};
use hearback_store::{cursor::Page, waves::Model};
use serde_json::{Value, json};

use super::{
    progress,
    times::{moment, time_text},
};
use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// How often a wave that is watched is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What to do with waves.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who would be asked when, who not and why, the load of each day, the answers and tasks to expect. Sends nothing.
    Plan {
        /// Key of the campaign.
        campaign: String,
        /// When the wave would begin: RFC 3339 or a date; when the campaign begins one next if left out.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        at: Option<DateTime<Utc>>,
        /// How many people to list.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Begin a wave now. The server's worker asks.
    Run {
        /// Key of the campaign.
        campaign: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The latest waves and how far they are.
    List {
        /// Of this campaign only.
        #[arg(long, value_name = "KEY")]
        campaign: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Follow a wave until everybody was asked, or it stands still or is over.
    Watch {
        /// Id of the wave.
        wave: WaveId,
        /// As JSON, at the end.
        #[arg(long)]
        json: bool,
    },
    /// Ask nobody more until it is resumed.
    Pause {
        /// Id of the wave.
        wave: WaveId,
    },
    /// Go on.
    Resume {
        /// Id of the wave.
        wave: WaveId,
    },
    /// End it: whoever was not asked is not asked.
    Cancel {
        /// Id of the wave.
        wave: WaveId,
        /// Links that were sent can't be answered any more either.
        #[arg(long)]
        links_too: bool,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (cx, ws) = open::context(&config).await?;
    let actor = &Actor::Operator;
    match command {
        Command::Plan { campaign, at, limit, json } => {
            let found = preview::preview(&cx, ws, &campaign, at, Shown { after: None, limit }).await.map_err(of_use)?;
            if json { say_json(&of_preview(&found))? } else { print(&found) }
        }
        Command::Run { campaign, json } => {
            let row = fire::run_now(&cx, ws, actor, &campaign).await?;
            let wave = waves::progress(&cx, row).await?;
            if json {
                say_json(&of_wave(&wave))?;
            } else {
                let (name, id) = (&wave.row.name, wave.row.id);
                say(format!("the wave {name} of {campaign} has begun; `hearback waves watch {id}` shows how far it is"));
            }
        }
        Command::List { campaign, json } => {
            let mut found = Vec::new();
            for row in waves::list(&cx, ws, campaign.as_deref(), Page::first(20)).await?.items {
                found.push(waves::progress(&cx, row).await?);
            }
            if json {
                say_json(&found.iter().map(of_wave).collect::<Vec<_>>())?;
            } else {
                found.iter().for_each(line);
            }
        }
        Command::Watch { wave, json } => {
            let wave = watch(&cx, ws, wave).await?;
            if json { say_json(&of_wave(&wave))? } else { line(&wave) }
        }
        Command::Pause { wave } => line(&waves::pause(&cx, ws, actor, wave).await?),
        Command::Resume { wave } => line(&waves::resume(&cx, ws, actor, wave).await?),
        Command::Cancel { wave, links_too } => line(&waves::cancel(&cx, ws, actor, wave, links_too).await?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows how far a wave is, while somebody is still to be asked; the wave as it is then.
async fn watch(cx: &Engine, ws: WorkspaceId, id: WaveId) -> anyhow::Result<Wave> {
    let bar = progress::bar_of("people asked", 0);
    loop {
        let wave = waves::one(cx, ws, id).await?;
        bar.set_length(u64::try_from(wave.asked() + wave.waiting()).unwrap_or(0));
        bar.set_position(u64::try_from(wave.asked()).unwrap_or(0));
        let goes_on = match *wave.row.status {
            WaveStatus::Planning => true,
            WaveStatus::Running => wave.waiting() > 0,
            WaveStatus::Paused | WaveStatus::Cancelled | WaveStatus::Finished | WaveStatus::Missed => false,
        };
        if !goes_on {
            bar.finish_and_clear();
            return Ok(wave);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A moment that is out of range is a wrong use.
fn of_use(error: EngineError) -> anyhow::Error {
    match error {
        EngineError::Invalid(_) => usage(format!("--{error}")),
        error => error.into(),
    }
}

fn line(wave: &Wave) {
    let Model { id, campaign, name, status, fire_at, .. } = &wave.row;
    let at = time_text(*fire_at);
    let (asked, waiting, answered) = (wave.asked(), wave.waiting(), wave.answered());
    say(format!("{id}  {campaign}  {name}  {at}  {status}  asked {asked}, waiting {waiting}, answered {answered}"));
    for (reason, people) in &wave.reasons {
        say(format!("    {people:>9}  {}", reason.sentence()));
    }
}

fn of_wave(wave: &Wave) -> Value {
    json!({
        "id": wave.row.id, "campaign": wave.row.campaign, "name": wave.row.name, "status": wave.row.status,
        "fire_at": time_text(wave.row.fire_at), "people": wave.people(), "asked": wave.asked(), "waiting": wave.waiting(),
        "answered": wave.answered(), "percent": wave.percent(), "states": wave.states.iter().map(|(state, people)| (state.as_str(), *people)).collect::<BTreeMap<_, _>>(), "reasons": of_reasons(&wave.reasons),
    })
}

fn of_reasons<N: Copy + serde::Serialize>(reasons: &[(Reason, N)]) -> Value {
    let one = |(reason, people): &(Reason, N)| json!({ "reason": reason, "sentence": reason.sentence(), "final": reason.is_final(), "people": people });
    reasons.iter().map(one).collect()
}

fn print(found: &Preview) {
    let at = time_text(found.at.timestamp_millis());
    say(format!(
        "A wave of {} that begins at {at}: {} people, {} are asked, {} are not",
        found.campaign,
        found.people,
        found.asked,
        found.people - found.asked
    ));
    for (reason, people) in &found.reasons {
        say(format!("  {people:>9}  {}", reason.sentence()));
    }
    say(format!("By day, in {}:", found.zone));
    for (day, people) in &found.days {
        say(format!("  {day}  {people:>9}"));
    }
    let expected = &found.expected;
    say(format!(
        "About {} answers at a response rate of {:.1} % ({}); the score would be known to {:.1} points to each side",
        expected.answers,
        100.0 * expected.rate,
        expected.rate_from.words(),
        expected.margin
    ));
    for (owner, tasks) in &expected.tasks {
        say(format!("  about {tasks:.1} tasks for {owner}"));
    }
    for planned in &found.page {
        let who = planned.email.as_deref().or(planned.name.as_deref()).unwrap_or("without an address");
        let at = planned.at.map_or_else(|| "not asked".to_owned(), |at| time_text(at.timestamp_millis()));
        say(format!("  {who}  {at}  {}", planned.reason.map_or("", Reason::sentence)));
    }
    if found.next.is_some() {
        say("  and more; --limit lists them");
    }
}

fn of_preview(found: &Preview) -> Value {
    let people = found.page.iter().map(|planned| {
        json!({
            "person": planned.person, "email": planned.email, "at": planned.at, "reason": planned.reason,
            "sentence": planned.reason.map(Reason::sentence),
        })
    });
    json!({
        "campaign": found.campaign, "at": found.at, "timezone": found.zone, "people": found.people, "asked": found.asked, "later": found.later,
        "not_asked": found.people - found.asked, "reasons": of_reasons(&found.reasons), "days": found.days,
        "expected": {
            "response_rate": found.expected.rate, "response_rate_from": found.expected.rate_from.as_str(), "answers": found.expected.answers,
            "margin_of_error": found.expected.margin,
            "tasks": found.expected.tasks.iter().map(|(owner, tasks)| json!({ "owner": owner, "tasks": tasks })).collect::<Vec<_>>(),
        },
        "items": people.collect::<Vec<_>>(), "next": found.next,
    })
}
