//! What somebody has to know when mail is refused: by the mail server for its settings, or by others for what we are.
//!
//! Owns: the alerts of that, and the pause of a wave that does more harm than good. Refuses to know: how a single mail is
//! tried again.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Duration, Utc};
use hearback_core::{id::WorkspaceId, pace::Refusals};
use hearback_store::{StoreError, alerts, ledger, time::millis};
use uuid::Uuid;

use crate::{
    alerts::{Alert, AlertKind, raise},
    mail::Delivery,
};

/// How often the same trouble is told.
const TELL_EVERY: Duration = Duration::minutes(15);
/// What the alert about the mail server is about.
pub(crate) const SERVER: &str = "mail server";

/// What is known of trouble on this node.
#[derive(Debug)]
pub struct Watch {
    /// How the mails of each wave end.
    waves: Mutex<HashMap<Uuid, Refusals>>,
    told_at: AtomicI64,
    /// An alert may be open: this node has raised it, or one before it.
    may_be_open: AtomicBool,
}

impl Default for Watch {
    fn default() -> Self {
        Self { waves: Mutex::default(), told_at: AtomicI64::new(i64::MIN), may_be_open: AtomicBool::new(true) }
    }
}

impl Watch {
    /// Notes how a mail of a wave ended; whether too many were refused by now.
    fn note(&self, wave: Uuid, refused: bool, now: DateTime<Utc>) -> bool {
        let mut waves = self.waves.lock().unwrap_or_else(PoisonError::into_inner);
        let too_many = waves.entry(wave).or_default().note(refused, now);
        if too_many {
            // Whoever lets it go on is not stopped for what was before.
            waves.remove(&wave);
        }
        too_many
    }
}

/// The mail server does not work with our settings. Told once in a while, however many mails find out.
pub(crate) async fn tell(cx: &Delivery, ws: WorkspaceId, why: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let before = cx.watch.told_at.load(Ordering::Relaxed);
    let is_told = before > millis(now - TELL_EVERY) && before <= millis(now);
    let is_mine = || cx.watch.told_at.compare_exchange(before, millis(now), Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if is_told || !is_mine() {
        return Ok(());
    }
    let message = refuses_us(why);
    let tx = cx.db.write().await?;
    raise(&tx, ws, &[Alert::new(AlertKind::MailServer, SERVER, message)], now).await?;
    tx.commit().await?;
    cx.watch.may_be_open.store(true, Ordering::Relaxed);
    Ok(())
}

fn refuses_us(why: &str) -> String {
    format!(
        "the mail server can't be used: {why}. Mail waits and costs no attempt. Mend mail.url (the log-in) or mail.ca_file (the certificate) \
         and restart; `hearback doctor` tries it"
    )
}

/// What is to be told of the mail server now, if anything.
pub(crate) fn standing(cx: &Delivery, now: DateTime<Utc>) -> Option<Alert> {
    let outage = cx.outage(now)?;
    let (since, why) = (outage.since.format("%Y-%m-%d %H:%M UTC"), &outage.why);
    let message = if outage.is_about_us {
        refuses_us(why)
    } else {
        format!(
            "the mail server takes no mail since {since} ({why}). Mail waits and costs no attempt. See that it runs and can be reached from \
             here under mail.url; `hearback doctor` tries it. What waits is sent by itself once it works again"
        )
    };
    // Whatever comes first now, a mail that is taken over ends it.
    cx.watch.may_be_open.store(true, Ordering::Relaxed);
    Some(Alert::new(AlertKind::MailServer, SERVER, message))
}

/// A mail was taken over: what was told about the server is over.
pub(crate) async fn works(cx: &Delivery, now: DateTime<Utc>) -> Result<(), StoreError> {
    if !cx.watch.may_be_open.swap(false, Ordering::Relaxed) {
        return Ok(());
    }
    let tx = cx.db.write().await?;
    alerts::finish(&tx, AlertKind::MailServer.as_str(), millis(now)).await?;
    tx.commit().await
}

/// Notes how a mail of a wave ended. Too many refusals of our mail as such pause the wave: the rest of it would fare no better,
/// and each refusal makes the sender look worse.
pub(crate) async fn ended(
    cx: &Delivery,
    ws: WorkspaceId,
    wave: Option<Uuid>,
    refused: Option<String>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(wave) = wave else { return Ok(()) };
    if !cx.watch.note(wave, refused.is_some(), now) {
        return Ok(());
    }
    let why = format!("more than five in a hundred mails were refused for who sends them ({})", refused.unwrap_or_default());
    let tx = cx.db.write().await?;
    if let Some(name) = ledger::pause_wave(&tx, ws.uuid(), wave, &why, millis(now)).await? {
        let message = format!(
            "the wave is paused: {why}. Look at what the mail servers say (SPF, DKIM, blocklists, too many mails at once), mend it, and \
             resume the wave"
        );
        raise(&tx, ws, &[Alert::new(AlertKind::WavePaused, name, message)], now).await?;
    }
    tx.commit().await
}
