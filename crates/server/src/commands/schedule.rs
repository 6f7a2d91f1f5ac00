//! `hearback schedule CRON --timezone ZONE`

use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use clap::Args as Arguments;
use hearback_core::{Clock as _, SystemClock, schedule::Schedule, wall};
use serde::Serialize;
use serde_json::json;

use crate::output::{say, say_json, usage};

/// Arguments of `schedule`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// 5 fields as in crontab (0 and 7 are Sunday; names allowed), or 6-7 with seconds first and a year last.
    cron: String,
    /// IANA name of the time zone whose wall clock counts, such as Europe/Vilnius.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: String,
    /// Fires after this moment: RFC 3339, or a date or date and time in the zone. Now when left out.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// How many, 1 to 10000.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    count: u16,
    /// As JSON: `{"cron", "timezone", "from", "fires": [{"utc", "local"}]}`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Fire {
    utc: String,
    local: String,
}

/// Prints the next fires. An expression that never fires is refused.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let zone = wall::zone(&args.timezone).map_err(|error| usage(format!("--timezone: {error}")))?;
    let from = match &args.from {
        Some(text) => {
            moment(text, zone).ok_or_else(|| usage(format!("--from: expected 2026-03-29T01:00:00Z or 2026-03-29, got `{text}`")))?
        }
        None => SystemClock.now(),
    };
    let schedule = Schedule::parse_live(&args.cron, zone, from).map_err(|error| usage(error.to_string()))?;
    let fires: Vec<Fire> = schedule.after(from).take(usize::from(args.count)).map(|at| fire(at, zone)).collect();
    if args.json {
        say_json(&json!({ "cron": schedule.expression(), "timezone": zone.name(), "from": utc(from), "fires": fires }))?;
    } else {
        for fire in fires {
            say(format!("{}  {}", fire.utc, fire.local));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fire(at: DateTime<Utc>, zone: Tz) -> Fire {
    Fire { utc: utc(at), local: at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false) }
}

fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A moment as people write it; without an offset it is on the zone's wall clock.
fn moment(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let local = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN)))?;
    Some(wall::instant(zone, local))
}
