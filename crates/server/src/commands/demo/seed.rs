//! Fills a demo's database: a year of answers, the last weeks of it with rules and people at work.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use hearback_core::{ManualClock, id::WorkspaceId};
use hearback_engine::{
    Actor, Engine, access,
    incentives::pools::{self, NewCode},
    responses::submit::{FollowUp, submit_responses},
    role::Scope,
    setup::{self, WorkspaceChange},
};
use hearback_store::{accounts, bulk};

use super::{
    campaign,
    customers::{COMPANY, STAFF, accounts as companies, customers},
    random::Random,
    replay::Replay,
    responses::{Answer, answers},
    state::{Folder, State},
};
use crate::{config::Config, open};

/// The rules run over the answers of so many days; what is older is history.
pub const REPLAYED: Duration = Duration::days(91);
/// The same customers and answers in every demo.
const SEED: u64 = 20_260_401;
/// The pool that the shipped rule for passives gives codes from, and how many codes it has.
const POOL: (&str, usize) = ("thank-you", 400);

/// Makes the sample data that leads up to `now`.
pub async fn seed(config: &Config, folder: &Folder, now: DateTime<Utc>) -> anyhow::Result<State> {
    folder.clear()?;
    let mut state = State { made_at: now, complete: false, email: String::new(), password: String::new(), api_key: String::new() };
    folder.write(&state)?;
    let start = now - REPLAYED;
    let clock = ManualClock::new(start);
    let (cx, ws) = open::context_at(config, Arc::new(clock.clone())).await?;
    (state.email, state.password) = staff(&cx, ws).await?;
    state.api_key = access::create_api_key(&cx, ws, &Actor::Operator, "demo", Scope::Admin).await?;
    company(&cx, ws).await?;
    let mut random = Random::new(SEED);
    let customers = customers(&mut random);
    let (history, recent): (Vec<Answer>, Vec<Answer>) =
        answers(&mut random, &customers, now).into_iter().partition(|answer| answer.at < start);
    let history = history.into_iter().map(|answer| answer.response).collect();
    for result in submit_responses(&cx, ws, history, FollowUp::Off).await {
        result.context("the sample data does not fit this version")?;
    }
    campaign::campaign(&cx, ws, now).await?;
    Box::pin(Replay { cx: &cx, ws, clock: &clock, random, end: now, planned: 0, overlooked: 0 }.run(recent)).await?;
    cx.db.clone().close().await?;
    state.complete = true;
    folder.write(&state)?;
    Ok(state)
}

/// Our people, all with one password; the log-in of the first and that password.
async fn staff(cx: &Engine, ws: WorkspaceId) -> anyhow::Result<(String, String)> {
    let mut first: Option<(String, String)> = None;
    for member in STAFF {
        let password = first.as_ref().map(|(_, password)| password.as_str());
        let (user, made_up) = access::add_user(cx, ws, &Actor::Operator, &member.email(), member.name, member.role, password).await?;
        if let Some(password) = made_up {
            first = Some((user.email, password));
        }
    }
    first.context("the demo has no staff")
}

/// The company's name, its business customers and its gift codes.
async fn company(cx: &Engine, ws: WorkspaceId) -> anyhow::Result<()> {
    let now = cx.now();
    let (pool, count) = POOL;
    // Spread so that one code does not tell the next.
    let code = |number: usize| NewCode { code: format!("RIDA-{:05}", (number * 7_919 + 10_007) % 100_000), expires_at: None };
    let codes: Vec<_> = (0..count).map(code).collect();
    let change = WorkspaceChange { name: Some(COMPANY.to_owned()), ..WorkspaceChange::default() };
    setup::change_workspace(cx, ws, &Actor::Operator, change).await?;
    let tx = cx.db.write().await?;
    bulk::insert::<accounts::Entity>(&tx, &companies(ws, now)).await?;
    tx.commit().await?;
    pools::import(cx, ws, &Actor::Operator, pool, codes).await?;
    Ok(())
}
