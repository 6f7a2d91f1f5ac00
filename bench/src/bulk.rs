//! Many answers at once, with the rules off: through the import's way and through the batch endpoint.

use std::{fmt::Write as _, time::Instant};

use anyhow::{Context as _, ensure};
use hearback_engine::responses::submit::{FollowUp, NewResponse, submit_responses};

use crate::{
    Place,
    child::{Server, connect},
    ingest::key,
    limits,
    load::{request, response},
    report::{Pair, Report},
};

/// Answers in one call.
const CHUNK: usize = 1_000;

/// The way of the import: parsed rows into the engine, the next chunk while one is written.
pub async fn import(place: &Place) -> anyhow::Result<Report> {
    let (cx, ws) = place.open().await?;
    let db = place.db().await?;
    limits::prepare(&db).await?;
    let mut report = blank(place, "import, rules off");
    let mut number = 0;
    for _ in 0..place.args.pairs {
        let limit = limits::one_row_a_commit(&db, place.time()).await?;
        let started = Instant::now();
        let mut sent = 0;
        let mut under_way = None;
        while sent < place.args.amount {
            let items = (0..CHUNK)
                .map(|_| {
                    number += 1;
                    serde_json::from_str::<NewResponse>(&response(number))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let cx = cx.clone();
            let next = tokio::spawn(async move { submit_responses(&cx, ws, items, FollowUp::Off).await });
            if let Some(before) = under_way.replace(next) {
                settle(before).await?;
            }
            sent += CHUNK;
        }
        if let Some(last) = under_way {
            settle(last).await?;
        }
        report.pairs.push(Pair { limit, product: sent as f64 / started.elapsed().as_secs_f64() });
    }
    limits::drop(&db).await?;
    Ok(report)
}

type Outcomes = Vec<Result<hearback_engine::responses::submit::Receipt, hearback_engine::EngineError>>;

async fn settle(task: tokio::task::JoinHandle<Outcomes>) -> anyhow::Result<()> {
    for outcome in task.await? {
        outcome.context("an answer was refused")?;
    }
    Ok(())
}

/// The batch endpoint, 1,000 lines a request over two connections.
pub async fn batch(place: &Place) -> anyhow::Result<Report> {
    let key = key(place).await?;
    let db = place.db().await?;
    limits::prepare(&db).await?;
    let server = Server::start(place, "web", None).await?;
    let mut report = blank(place, "batch endpoint, rules off");
    let mut number = 0;
    for _ in 0..place.args.pairs {
        let limit = limits::one_row_a_commit(&db, place.time()).await?;
        let bodies: Vec<String> = (0..place.args.amount / CHUNK)
            .map(|_| {
                (0..CHUNK).fold(String::new(), |mut body, _| {
                    number += 1;
                    let _ = writeln!(body, "{}", response(number));
                    body
                })
            })
            .collect();
        let started = Instant::now();
        let (left, right) = bodies.split_at(bodies.len() / 2);
        tokio::try_join!(post(&server.address, &key, left), post(&server.address, &key, right))?;
        let sent = bodies.len() * CHUNK;
        report.pairs.push(Pair { limit, product: sent as f64 / started.elapsed().as_secs_f64() });
    }
    report.memory = server.memory();
    server.stop().await?;
    limits::drop(&db).await?;
    Ok(report)
}

async fn post(address: &str, key: &str, bodies: &[String]) -> anyhow::Result<()> {
    let mut stream = connect(address).await?;
    let mut buffer = Vec::new();
    for body in bodies {
        let status =
            request(&mut stream, &mut buffer, "POST /api/v1/responses/batch?rules=off", key, "application/x-ndjson", body.as_bytes())
                .await?;
        ensure!(status == 200, "the server answered {status}: {}", String::from_utf8_lossy(&buffer));
    }
    Ok(())
}

fn blank(place: &Place, what: &str) -> Report {
    let database = place.database();
    Report {
        title: format!("{what}, {CHUNK} at a time, {database}"),
        unit: "responses",
        limit: "one row a commit, one client".to_owned(),
        ..Report::default()
    }
}
