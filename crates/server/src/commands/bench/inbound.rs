//! Mail that comes in: told apart, and taken in with all that follows.

use std::time::{Duration, Instant};

use hearback_core::{id::DeliveryId, token::Purpose};
use hearback_engine::inbound::{Door, take};
use hearback_mailer::inbound::{corpus, read};

use super::{Place, metrics::prepare, timings::Timings};

/// Stands in the mails where a mark belongs.
const MARK: &str = "hearbackmarkhearbackmarkhearbackmarkhearba";

/// Measures with mails in the shapes that servers and programs send them, one after the other, on one core.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let (cx, ws, _) = prepare(place).await?;
    let database = if place.is_sqlite() { "SQLite" } else { "PostgreSQL" };
    let mails = corpus();
    let bytes: usize = mails.iter().map(|(_, raw)| raw.len()).sum();
    let mut found = Timings { title: format!("incoming mail, {} shapes, {database}", mails.len()), ..Timings::default() };
    let span = Duration::from_secs(place.args.seconds.max(1));
    let own = [cx.settings.mail_from.clone()];

    let (begun, mut micros) = (Instant::now(), Vec::new());
    while begun.elapsed() < span {
        for (_, raw) in &mails {
            let one = Instant::now();
            let mail = read(raw, None, &own)?;
            // What the signature of its mark takes is part of knowing what a mail is.
            let _ = mail.marks.iter().find_map(|mark| cx.settings.secret_key.read_mark(Purpose::Bounce, mark, [ws.uuid()]));
            micros.push(u32::try_from(one.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    let rate = |n: usize, begun: Instant| format!("{:.0} a second", n as f64 / begun.elapsed().as_secs_f64());
    found.notes.push(format!("told apart: {}, {:.1} kB each", rate(micros.len(), begun), bytes as f64 / mails.len() as f64 / 1_000.0));
    found.push("told apart", micros);

    let (begun, mut micros) = (Instant::now(), Vec::new());
    while begun.elapsed() < span {
        for (_, raw) in &mails {
            // Each is for another mail, which is not known: stored, nothing follows.
            let mark = cx.settings.secret_key.mark(Purpose::Bounce, ws.uuid(), DeliveryId::new(cx.now()).uuid());
            let raw = String::from_utf8_lossy(raw).replace(MARK, &mark).into_bytes();
            let one = Instant::now();
            take(&cx, raw, Some(format!("bench+{mark}@b.example")), Door::Installation).await?;
            micros.push(u32::try_from(one.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    found.notes.push(format!("told apart and stored, one transaction each: {}", rate(micros.len(), begun)));
    found.push("stored", micros);
    Ok(found)
}
