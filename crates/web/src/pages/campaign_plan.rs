//! Who would be asked, before anything is sent: the plan of a campaign's next wave, person by person. Looking changes nothing.

use axum::{
    http::{StatusCode, Uri},
    response::Response,
};
use chrono_tz::Tz;
use hearback_core::wall;
use hearback_engine::campaigns::{
    campaign,
    preview::{self, Planned, Preview, Shown},
};
use serde::Serialize;

use super::{Frame, campaigns::Fire, session::Visitor, words};
use crate::{App, error::Problem, query::Params};

/// People on one page.
const PEOPLE: usize = 50;
/// Days that are shown.
const DAYS: usize = 60;

#[derive(Serialize)]
struct Tile {
    n: String,
    words: &'static str,
}

#[derive(Serialize)]
struct Day {
    date: String,
    n: u64,
    share: String,
}

#[derive(Serialize)]
struct Count {
    words: &'static str,
    n: u64,
}

#[derive(Serialize)]
struct Work {
    owner: String,
    n: String,
}

#[derive(Serialize)]
struct PersonRow {
    who: String,
    when: Option<Fire>,
    why: &'static str,
}

#[derive(Serialize)]
struct View {
    key: String,
    name: String,
    at: Fire,
    tiles: Vec<Tile>,
    hint: String,
    days: Vec<Day>,
    more_days: Option<String>,
    reasons: Vec<Count>,
    owners: Vec<Work>,
    people: Vec<PersonRow>,
    next: Option<String>,
}

/// `GET /campaigns/{key}/plan`
pub(crate) async fn show(app: &App, visitor: &Visitor, key: &str, uri: &Uri) -> Result<Response, Problem> {
    let params = Params::read(uri, &["at", "after"])?;
    let campaign = campaign::one(&app.cx, visitor.ws, key).await?;
    let shown = Shown { after: params.id("after")?, limit: PEOPLE };
    let plan = preview::preview(&app.cx, visitor.ws, key, params.time("at")?, shown).await?;
    let zone = wall::zone(&plan.zone).unwrap_or(Tz::UTC);
    let view = View {
        key: key.to_owned(),
        name: campaign.row.name,
        at: Fire::of(plan.at, zone),
        tiles: tiles(&plan),
        hint: hint(&plan),
        days: days(&plan),
        more_days: plan.days.len().checked_sub(DAYS).filter(|more| *more > 0).map(|more| format!("And {more} more days.")),
        reasons: plan.reasons.iter().map(|(reason, n)| Count { words: reason.sentence(), n: *n }).collect(),
        owners: plan.expected.tasks.iter().map(|(owner, n)| Work { owner: owner.clone(), n: format!("{n:.1}") }).collect(),
        next: plan.next.map(|id| id.to_string()),
        people: plan.page.into_iter().map(|planned| person(planned, zone)).collect(),
    };
    let frame =
        Frame { title: "Who would be asked", here: "campaigns", visitor: Some(visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "campaign_plan", &frame, &view))
}

fn tiles(plan: &Preview) -> Vec<Tile> {
    let tile = |n: u64, words| Tile { n: n.to_string(), words };
    vec![
        tile(plan.people, "in the audience"),
        tile(plan.asked, "would be asked"),
        tile(plan.later, "of them later than the others"),
        tile(plan.people.saturating_sub(plan.asked), "would not be asked"),
        tile(plan.expected.answers, "answers to expect"),
        Tile { n: format!("±{:.1}", plan.expected.margin), words: "points, so exact would the score be" },
    ]
}

fn hint(plan: &Preview) -> String {
    let expected = &plan.expected;
    format!("{} answer: {}. The score lies within the margin in 19 of 20 cases.", words::percent(expected.rate), expected.rate_from.words())
}

fn days(plan: &Preview) -> Vec<Day> {
    let most = plan.days.values().copied().max().unwrap_or(1).max(1) as f64;
    let day = |(day, n): (&chrono::NaiveDate, &u64)| Day {
        date: day.format("%a %-d %b %Y").to_string(),
        n: *n,
        share: format!("{:.1}", *n as f64 * 100.0 / most),
    };
    plan.days.iter().take(DAYS).map(day).collect()
}

fn person(planned: Planned, zone: Tz) -> PersonRow {
    PersonRow {
        who: planned.name.or(planned.email).unwrap_or_else(|| "no name".to_owned()),
        when: planned.at.map(|at| Fire::of(at, zone)),
        why: planned.reason.map_or("", |reason| reason.sentence()),
    }
}
