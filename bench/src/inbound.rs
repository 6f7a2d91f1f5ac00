//! Mail that comes in: told apart, and taken in with all that follows.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hearback_core::{id::DeliveryId, token::Purpose};
use hearback_engine::inbound::{Door, take};
use hearback_mailer::inbound::read;

use crate::{
    Place,
    timings::{Timings, micros},
};

/// Stands in the mails where a mark belongs.
const MARK: &str = "hearbackmarkhearbackmarkhearbackmarkhearba";

/// Measures with mails in the shapes that servers and programs send them, one after the other, on one core.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let (cx, ws) = place.open().await?;
    let database = place.database();
    let mails = corpus()?;
    let bytes: usize = mails.iter().map(Vec::len).sum();
    let mut found = Timings { title: format!("incoming mail, {} shapes, {database}", mails.len()), ..Timings::default() };
    let span = Duration::from_secs(place.args.seconds.max(1));
    let own = [cx.settings.mail_from.clone()];

    let (begun, mut took) = (Instant::now(), Vec::new());
    while begun.elapsed() < span {
        for raw in &mails {
            let one = Instant::now();
            let mail = read(raw, None, &own)?;
            // What the signature of its mark takes is part of knowing what a mail is.
            let _ = mail.marks.iter().find_map(|mark| cx.settings.secret_key.read_mark(Purpose::Bounce, mark, [ws.uuid()]));
            took.push(micros(one));
        }
    }
    let rate = |n: usize, begun: Instant| format!("{:.0} a second", n as f64 / begun.elapsed().as_secs_f64());
    found.notes.push(format!("told apart: {}, {:.1} kB each", rate(took.len(), begun), bytes as f64 / mails.len() as f64 / 1_000.0));
    found.push("told apart", took);

    let (begun, mut took) = (Instant::now(), Vec::new());
    while begun.elapsed() < span {
        for raw in &mails {
            // Each is for another mail, which is not known: stored, nothing follows.
            let mark = cx.settings.secret_key.mark(Purpose::Bounce, ws.uuid(), DeliveryId::new(cx.now()).uuid());
            let raw = String::from_utf8_lossy(raw).replace(MARK, &mark).into_bytes();
            let one = Instant::now();
            take(&cx, raw, Some(format!("bench+{mark}@b.example")), Door::Installation).await?;
            took.push(micros(one));
        }
    }
    found.notes.push(format!("told apart and stored, one transaction each: {}", rate(took.len(), begun)));
    found.push("stored", took);
    Ok(found)
}

/// The mails that the tests of the mailer read.
fn corpus() -> anyhow::Result<Vec<Vec<u8>>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/mailer/tests/inbound");
    std::fs::read_dir(folder).context(folder)?.map(|file| Ok(std::fs::read(file?.path())?)).collect()
}
