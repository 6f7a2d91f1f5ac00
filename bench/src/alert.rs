//! From a low score that is posted to the mail about it in the mail server of our own people, while other answers come in
//! at half the rate that the machine can take.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::ensure;
use hearback_engine::{Actor, access, role::Role};
use serde_json::json;

use crate::{
    Place,
    child::{Server, connect},
    ingest,
    load::{post_paced, post_responses_of, request},
    sink::{MARK, Sink},
    timings::{Timings, in_micros},
};

/// Low scores, one after the other.
const ALERTS: u64 = 200;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(40);
/// How long the last ones may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures under load.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let key = ingest::key(place).await?;
    let (cx, ws) = place.open().await?;
    access::add_user(&cx, ws, &Actor::Operator, "agent@bench.example", "Agent", Role::Agent, None).await?;
    cx.db.clone().close().await?;
    let sink = Sink::start().await?;
    let server = Server::start(place, "all", Some(&sink.url)).await?;
    let full = post_responses_of(&server.address, &key, place.args.clients, Duration::from_secs(2), anonymous).await?;
    let pace = full.rate / 2.0;
    let load = tokio::spawn({
        let (address, key, clients) = (server.address.clone(), key.clone(), place.args.clients);
        let time = PAUSE * u32::try_from(ALERTS)? + Duration::from_secs(2);
        async move { post_paced(&address, &key, clients, time, pace, anonymous).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let posted = post_alerts(&server.address, &key).await?;
    let background = load.await??;
    let begun = Instant::now();
    while sink.taken().len() < posted.len() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let taken = sink.taken();
    ensure!(taken.len() == posted.len(), "{} of {} alerts arrived within {PATIENCE:?}", taken.len(), posted.len());
    server.stop().await?;
    let took = posted.iter().filter_map(|(number, at)| Some(taken.get(number)?.saturating_duration_since(*at)));
    let database = place.database();
    let mut found = Timings { title: format!("low score posted to alert accepted, {database}"), ..Timings::default() };
    found.push("alert", took.map(in_micros).collect());
    found.notes.push(format!("beside {:.0} answers a second; the machine takes {:.0}", background.rate, full.rate));
    Ok(found)
}

async fn post_alerts(address: &str, key: &str) -> anyhow::Result<HashMap<u64, Instant>> {
    let mut stream = connect(address).await?;
    let (mut buffer, mut posted) = (Vec::new(), HashMap::new());
    for number in 0..ALERTS {
        let body = json!({ "survey": "nps", "score": 1, "comment": format!("{MARK}{number}."), "external_id": format!("alert-{number}") });
        posted.insert(number, Instant::now());
        let body = body.to_string();
        let status = request(&mut stream, &mut buffer, "POST /api/v1/responses", key, "application/json", body.as_bytes()).await?;
        ensure!(status == 201, "the server answered {status}: {}", String::from_utf8_lossy(&buffer));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(posted)
}

/// An answer of a customer without an address: it is stored and decided on, and nobody is written to.
pub fn anonymous(number: u64) -> String {
    let score = if number.is_multiple_of(3) { 8 } else { 10 };
    format!(
        "{{\"survey\":\"nps\",\"score\":{score},\"external_id\":\"anon-{number}\",\"person\":{{\"external_id\":\"crm-{number}\",\"properties\":{{\"plan\":\"gold\"}}}}}}"
    )
}
