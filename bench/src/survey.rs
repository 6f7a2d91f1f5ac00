//! The survey page as customers meet it after a wave: opened by a link, answered a moment later, many at once.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hearback_core::{
    id::{InvitationId, PersonId},
    state::InvitationState,
    token::Purpose,
};
use hearback_engine::{
    customers::people::{NewPerson, upsert_person},
    metrics::{MetricsQuery, metrics},
};
use hearback_store::{bulk, invitations, persons, time::millis};

use crate::{
    Place,
    child::{Server, connect},
    load::request,
    timings::{Timings, micros},
};

/// Requests a second over all connections: as many pages as answers.
const RATE: u64 = 200;
/// How long a customer takes; faster ones are asked whether they mean it.
const READING: Duration = Duration::from_millis(1_200);
/// Between two looks at the disk: few enough that they are no load.
const PROBE: Duration = Duration::from_millis(50);

/// Measures pages and answers, each in its own line.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let clients = place.args.clients.max(1);
    let each = (place.time().as_secs() + 2) * RATE / 2 / clients as u64 + 1;
    let links = invited(place, clients as u64 * each).await?;
    let server = Server::start(place, "all", None).await?;
    let apart = Duration::from_secs_f64(2.0 / RATE as f64);
    let (started, pause) = (Instant::now(), apart * u32::try_from(clients)?);
    let until = started + place.time();
    // One after the other, evenly: customers do not come in step.
    let tasks: Vec<_> = (0..)
        .zip(links.chunks(usize::try_from(each)?))
        .map(|(number, links)| {
            tokio::spawn(customers(server.address.clone(), links.to_vec(), Pace { first: started + apart * number, pause, until }))
        })
        .collect();
    let folder = place.folder.path().to_owned();
    let disk = tokio::task::spawn_blocking(move || disk(&folder, until));
    let (mut shown, mut answered) = (Vec::new(), Vec::new());
    for task in tasks {
        let (pages, answers) = task.await.context("a load client failed")??;
        shown.extend(pages);
        answered.extend(answers);
    }
    server.stop().await?;
    let (cx, ws) = place.open().await?;
    let stored = metrics(&cx, ws, MetricsQuery::default()).await?.total.n;
    ensure!(stored == answered.len() as u64, "{} forms were thanked for, {stored} answers are stored", answered.len());
    let database = place.database();
    let mut found = Timings { title: format!("survey page at {RATE} requests a second, {database}"), ..Timings::default() };
    found.push("page", shown);
    found.push("submit, kept as an answer with its case", answered);
    found.push("limit: 4 kB made durable on this disk, meanwhile", disk.await??);
    Ok(found)
}

/// What no answer that is kept can be quicker than: how long the disk takes for a small write, as it is at this hour.
fn disk(folder: &Path, until: Instant) -> anyhow::Result<Vec<u32>> {
    let mut file = File::create(folder.join("probe"))?;
    let mut took = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        file.write_all(&[1; 4_096])?;
        file.sync_data()?;
        took.push(micros(begun));
        std::thread::sleep(PROBE);
    }
    Ok(took)
}

/// Links of as many invitations.
async fn invited(place: &Place, count: u64) -> anyhow::Result<Vec<String>> {
    let (cx, ws, survey) = place.open_survey().await?;
    let person = upsert_person(&cx, ws, NewPerson { email: Some("first@bench.example".to_owned()), ..NewPerson::default() }).await?;
    let now = cx.now();
    let mut links = Vec::new();
    let tx = cx.db.write().await?;
    for number in 0..count {
        let id = PersonId::new(now);
        let email = format!("customer{number}@bench.example");
        let customer = persons::Model { id: id.uuid(), key: format!("email:{email}"), email: Some(email), ..person.clone() };
        let invitation = InvitationId::new(now);
        let row = invitations::Model {
            state: InvitationState::Sent.into(),
            sent_at: Some(millis(now)),
            ..invitations::Model::planned(ws, invitation, id.uuid(), survey, now)
        };
        bulk::insert::<persons::Entity>(&tx, &[customer]).await?;
        bulk::insert::<invitations::Entity>(&tx, &[row]).await?;
        links.push(format!("/s/{}", cx.settings.secret_key.sign(Purpose::Survey, ws.uuid(), invitation.uuid())));
    }
    tx.commit().await?;
    // As after the planning of a wave.
    cx.db.refresh_statistics().await?;
    cx.db.clone().close().await?;
    Ok(links)
}

/// When the customers of one connection come: the first one, and each a pause after the one before, whether that one was served or not.
struct Pace {
    first: Instant,
    pause: Duration,
    until: Instant,
}

/// One connection that many customers share: opens the next page, and sends the form of one that was read meanwhile.
async fn customers(address: String, links: Vec<String>, pace: Pace) -> anyhow::Result<(Vec<u32>, Vec<u32>)> {
    let mut stream = connect(&address).await?;
    let (mut buffer, mut open) = (Vec::new(), VecDeque::new());
    let (mut shown, mut answered) = (Vec::new(), Vec::new());
    let mut links = links.into_iter();
    let mut tick = pace.first;
    loop {
        tokio::time::sleep_until(tick.into()).await;
        if tick < pace.until
            && let Some(link) = links.next()
        {
            let status = request(&mut stream, &mut buffer, &format!("GET {link}?score=3"), "", "text/plain", b"").await?;
            shown.push(micros(tick));
            ensure!(status == 200, "the page was answered with {status}");
            open.push_back((Instant::now() + READING, link, field(&String::from_utf8_lossy(&buffer))));
        }
        if open.front().is_some_and(|(ready, ..)| *ready <= Instant::now())
            && let Some((_, link, page)) = open.pop_front()
        {
            let proof: String = page.chars().rev().collect();
            let form = format!("page={page}&proof={proof}&part=score&score=3&comment=The+delivery+came+late.");
            let sent = Instant::now();
            let kind = "application/x-www-form-urlencoded";
            let status = request(&mut stream, &mut buffer, &format!("POST {link}"), "", kind, form.as_bytes()).await?;
            answered.push(micros(sent));
            ensure!(status == 200, "the form was answered with {status}");
        }
        if tick >= pace.until && open.is_empty() {
            return Ok((shown, answered));
        }
        tick += pace.pause;
    }
}

/// What the form of a page carries back.
fn field(html: &str) -> String {
    html.split("name=\"page\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}
