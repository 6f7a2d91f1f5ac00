//! What the worker costs the intake that runs beside it.

use anyhow::Context as _;

use crate::{
    Place,
    alert::anonymous,
    child::Server,
    ingest,
    load::{post_responses_of, response},
    report::{Pair, Report},
    sink::Sink,
};

/// Runs the pairs: the worker off, then awake. With `--mails` each answer is one of a customer who is written to.
pub async fn run(place: &Place) -> anyhow::Result<Report> {
    let key = ingest::key(place).await?;
    let sink = Sink::start().await?;
    let database = place.database();
    let what = if place.args.mails { "a mail for each answer" } else { "no mails" };
    let mut report = Report {
        title: format!("ingest with the worker awake, {what}, {} connections, {database}", place.args.clients),
        unit: "responses",
        limit: "the same without a worker".to_owned(),
        ..Report::default()
    };
    let make: fn(u64) -> String = if place.args.mails { response } else { anonymous };
    for _ in 0..place.args.pairs {
        let mut rates = Vec::new();
        for role in ["web", "all"] {
            let server = Server::start(place, role, Some(&sink.url)).await?;
            let load = post_responses_of(&server.address, &key, place.args.clients, place.time(), make).await?;
            rates.push(load.rate);
            server.stop().await?;
        }
        let [limit, product] = rates.try_into().ok().context("two rates were measured")?;
        report.pairs.push(Pair { limit, product });
    }
    Ok(report)
}
