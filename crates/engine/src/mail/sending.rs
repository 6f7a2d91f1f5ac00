//! One mail from the ledger to the mail server.
//!
//! What must stay true: suppression is checked at send time; the ledger notes the final dot before it is sent; what
//! can't be told apart (delivered or not) is called unknown, counted, and sent again under the same Message-ID.

use chrono::{DateTime, Duration, Utc};
use hearback_core::{campaign::Reason, id::DeliveryId, state::DeliveryStatus, timeline::Entry};
use hearback_mailer::{Fail, FailClass, Message};
use hearback_store::{
    StoreError,
    ledger::{DeliveryOutcome, Mark, Sendable},
    outbox::{Lease, Outcome},
    time::{from_millis, millis},
};

use crate::{
    Ctx, EngineError,
    automation::guard,
    customers::own_data,
    faults,
    mail::{
        Delivery, compose, deliverability,
        invited::{self, Turn},
        ledger::Report,
        smtp_pool::{NoWay, Way},
        throttle,
        untaken::Untaken,
    },
    sending_pause,
    stuck::wait_for_reader,
};

/// How long a mail is tried before it is given up.
const LIFETIME: Duration = Duration::days(5);
/// Pauses after the first, second, .. temporary refusal, in minutes; the last one repeats.
const PAUSES: [i64; 6] = [5, 15, 30, 60, 120, 240];
/// How long a mail rests whose end is unknown before it is sent again.
const UNKNOWN_REST: Duration = Duration::minutes(15);
/// How often it is looked whether a mail that waits for a code has one; an import looks at once.
const CODE_LOOK: Duration = Duration::hours(1);
/// How long a mail waits for a code before it is given up: a thank-you that comes later says the opposite.
const CODE_LIFETIME: Duration = Duration::days(30);

/// How a mail ends that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) status: DeliveryStatus,
    /// For people.
    pub(crate) why: String,
    /// For the invitation, if it is the mail of one.
    pub(crate) reason: Option<Reason>,
}

impl End {
    /// It can't be sent, and somebody has to look.
    fn dead(why: String) -> Self {
        Self { status: DeliveryStatus::Dead, why, reason: None }
    }

    /// Its reader must not be written to; the word says why.
    fn suppressed(word: &str) -> Self {
        let why = match word {
            "survey_stopped" => "the customer wants no mail about this survey".to_owned(),
            word => format!("the address must not be mailed: {word}"),
        };
        Self { status: DeliveryStatus::Suppressed, why, reason: Some(Reason::of_suppression(word)) }
    }
}

/// Sends the mail of this job, once its turn has come.
pub async fn send(cx: &Delivery, lease: &Lease, delivery: DeliveryId) -> Outcome {
    match try_send(cx, lease, delivery.uuid()).await {
        Ok(outcome) => outcome,
        Err(EngineError::Store(StoreError::Unreadable(_))) => wait_for_reader(cx, lease),
        Err(EngineError::Store(error)) => Outcome::Snooze(cx.guarded_now() + Duration::seconds(5), error.to_string()),
        Err(error) => Outcome::Retry(error.to_string()),
    }
}

async fn try_send(cx: &Delivery, lease: &Lease, delivery: uuid::Uuid) -> Result<Outcome, EngineError> {
    faults::pass("sending.load")?;
    let Some(mail) = cx.loader.read(lease.workspace.uuid(), delivery).await? else {
        return Ok(Outcome::Cancel("the mail is gone: its person was erased".to_owned()));
    };
    match *mail.status {
        DeliveryStatus::Queued | DeliveryStatus::Deferred | DeliveryStatus::Unknown => {}
        // A process died between the final dot and the recorded result.
        DeliveryStatus::Sending => return unknown(cx, lease, &mail, "the process ended before the server's answer was recorded").await,
        DeliveryStatus::Sent | DeliveryStatus::Bounced | DeliveryStatus::Suppressed | DeliveryStatus::Dead | DeliveryStatus::Cancelled => {
            return Ok(Outcome::Done);
        }
    }
    if let Some(word) = &mail.suppressed_for {
        return give_up(cx, lease, &mail, End::suppressed(word)).await;
    }
    let now = cx.guarded_now();
    if let Some(pool) = mail.waits_for.as_ref().filter(|_| carries_code(cx, &mail) && mail.status != DeliveryStatus::Unknown) {
        return wait_for_code(cx, lease, &mail, pool, now).await;
    }
    if let Some(outage) = cx.smtp_pool.outage(now) {
        return Ok(Outcome::Snooze(outage.until + spread(&mail), outage.why));
    }
    let workspace = cx.workspaces.at_revision(cx.db.read(), lease.workspace, mail.config_revision).await?;
    if workspace.was_erased(&mail.to_address) {
        return give_up(cx, lease, &mail, End::suppressed("erased")).await;
    }
    match invited::turn(&mail, &workspace, now) {
        Turn::Now => {}
        Turn::Later(outcome) => return Ok(outcome),
        Turn::Never(end) => return give_up(cx, lease, &mail, end).await,
    }
    if let Some(outcome) = sending_pause::wait(&workspace, now) {
        return Ok(outcome);
    }
    if let Some(outcome) = guard::wait(&mail, now) {
        return Ok(outcome);
    }
    if let Some(why) = guard::too_many(&mail, cx.settings.limits).filter(|_| !own_data::is_wish(&mail)) {
        return match invited::waits(&mail, &why, now) {
            Some(outcome) => Ok(outcome),
            None => give_up(cx, lease, &mail, End { status: DeliveryStatus::Suppressed, why, reason: None }).await,
        };
    }
    if let Err(why) = compose::gift_code(cx, &workspace, &mail) {
        // The mail is right and so is its code: what is missing is the key.
        return Ok(Outcome::Snooze(now + Duration::minutes(5), format!("its gift code {why}")));
    }
    let _under_way = match throttle::enter(cx, &mail, now).await? {
        Ok(under_way) => under_way,
        Err(outcome) => return Ok(outcome),
    };
    let (message, subject) = match compose::compose(cx, &workspace, &mail).await {
        Ok(composed) => composed,
        Err(why) => return give_up(cx, lease, &mail, End::dead(format!("held: {why}"))).await,
    };
    deliver(cx, lease, &mail, &message, subject).await
}

async fn deliver(cx: &Delivery, lease: &Lease, mail: &Sendable, message: &Message, subject: String) -> Result<Outcome, EngineError> {
    faults::pass("sending.open")?;
    let mut way = match cx.smtp_pool.open(message.envelope(), &*cx.clock).await {
        Ok(way) => way,
        Err(NoWay::Outage(outage)) => return Ok(Outcome::Snooze(outage.until + spread(mail), outage.why)),
        Err(NoWay::Fail(fail)) => return failed(cx, lease, mail, &fail, true).await,
    };
    faults::pass("sending.begin")?;
    if let Err(fail) = way.session.begin(message).await {
        return failed_on(cx, lease, mail, way, &fail, true).await;
    }
    faults::pass("sending.mark")?;
    let mark = Mark { workspace: lease.workspace.uuid(), delivery: mail.id, job: lease.id.uuid(), fence: lease.fence };
    match cx.ledger.mark(mark).await {
        Ok(true) => {}
        Ok(false) => {
            way.session.reset().await;
            way.keep();
            // Cancelled, suppressed or taken over meanwhile: the next look at the ledger tells which.
            return Ok(Outcome::Snooze(cx.guarded_now(), "changed while it was about to be sent".to_owned()));
        }
        Err(error) => {
            way.session.reset().await;
            return Err(error.into());
        }
    }
    faults::pass("sending.dot")?;
    match way.finish().await {
        Ok(reply) => {
            faults::pass("sending.report")?;
            let now = cx.guarded_now();
            let report = Report {
                delivery_outcome: DeliveryOutcome {
                    sent_at: Some(millis(now)),
                    ..delivery_outcome(lease, mail, DeliveryStatus::Sent, Some(reply.to_string()))
                },
                entry: Some(Entry::MailSent { template: mail.kind.clone(), delivery: DeliveryId::from_uuid(mail.id) }),
                ..report(cx, lease, mail, Outcome::Done)
            };
            let report = Report { delivery_outcome: DeliveryOutcome { subject: Some(subject), ..report.delivery_outcome }, ..report };
            let recorded = cx.ledger.report(report).await?;
            // The connection goes on to its next mail while this result waits for its commit.
            way.keep();
            cx.smtp_pool.works();
            deliverability::works(cx, now).await?;
            deliverability::ended(cx, lease.workspace, mail.wave_id, None, now).await?;
            recorded.await.unwrap_or_else(|_| Err(StoreError::Unavailable("stopping".to_owned())))?;
            Ok(Outcome::Settled)
        }
        Err(fail) if fail.ambiguous() => unknown(cx, lease, mail, &fail.summary()).await,
        Err(fail) => failed_on(cx, lease, mail, way, &fail, false).await,
    }
}

async fn failed_on(cx: &Delivery, lease: &Lease, mail: &Sendable, mut way: Way, fail: &Fail, counts: bool) -> Result<Outcome, EngineError> {
    way.session.reset().await;
    way.keep();
    failed(cx, lease, mail, fail, counts).await
}

/// Certainly not delivered: later, never, or not this mail's fault. `counts`: the attempt is not counted yet.
async fn failed(cx: &Delivery, lease: &Lease, mail: &Sendable, fail: &Fail, counts: bool) -> Result<Outcome, EngineError> {
    let now = cx.guarded_now();
    let attempts = mail.attempts + 1;
    match fail.class() {
        FailClass::Relay => {
            let outage = cx.smtp_pool.pause(fail, now);
            if fail.is_about_us() {
                deliverability::tell(cx, lease.workspace, &fail.summary(), now).await?;
            }
            let until = outage.until + spread(mail);
            if mail.status == DeliveryStatus::Deferred && counts {
                return Ok(Outcome::Snooze(until, outage.why));
            }
            let report = Report {
                delivery_outcome: delivery_outcome(lease, mail, DeliveryStatus::Deferred, Some(fail.to_string())),
                ..report(cx, lease, mail, Outcome::Snooze(until, outage.why))
            };
            record(cx, report).await
        }
        FailClass::Reject => {
            let recorded = record(cx, refused(cx, lease, mail, fail, fail.to_string(), counts)).await?;
            deliverability::ended(cx, lease.workspace, mail.wave_id, fail.is_policy().then(|| fail.summary()), now).await?;
            Ok(recorded)
        }
        // The server speaks of this reader and never says yes: the same as a mail that comes back.
        FailClass::Retry if now - from_millis(mail.created_at) > LIFETIME && fail.is_about_reader() => {
            let why = format!("given up after {} days: {fail}", LIFETIME.num_days());
            record(cx, refused(cx, lease, mail, fail, why, counts)).await
        }
        FailClass::Retry if now - from_millis(mail.created_at) > LIFETIME => {
            give_up(cx, lease, mail, End::dead(format!("given up after {} days: {fail}", LIFETIME.num_days()))).await
        }
        FailClass::Retry => {
            let until = now + pause(attempts) + spread(mail);
            let report = Report {
                delivery_outcome: DeliveryOutcome {
                    attempts: i64::from(counts),
                    ..delivery_outcome(lease, mail, DeliveryStatus::Deferred, Some(fail.to_string()))
                },
                ..report(cx, lease, mail, Outcome::Snooze(until, fail.summary()))
            };
            record(cx, report).await
        }
    }
}

/// It is refused for good.
fn refused(cx: &Ctx, lease: &Lease, mail: &Sendable, fail: &Fail, reply: String, counts: bool) -> Report {
    let untaken = |blame| Untaken { address: mail.to_address.clone(), blame, why: fail.summary() };
    Report {
        // Only customers: an address of ours that is mistyped is for an admin to correct.
        untaken: fail.blame().filter(|_| invited::is_to_customer(mail)).map(untaken),
        delivery_outcome: DeliveryOutcome {
            attempts: i64::from(counts),
            ..delivery_outcome(lease, mail, DeliveryStatus::Bounced, Some(reply))
        },
        entry: Some(Entry::MailFailed { template: mail.kind.clone(), why: fail.summary() }),
        ..report(cx, lease, mail, Outcome::Done)
    }
}

/// Nobody can say whether it was delivered: wait, then send it again under the same Message-ID.
async fn unknown(cx: &Delivery, lease: &Lease, mail: &Sendable, why: &str) -> Result<Outcome, EngineError> {
    let until = cx.guarded_now() + UNKNOWN_REST;
    let report = Report {
        delivery_outcome: delivery_outcome(lease, mail, DeliveryStatus::Unknown, Some(why.to_owned())),
        entry: Some(Entry::MailUnknown { template: mail.kind.clone(), why: why.to_owned(), again: until }),
        ..report(cx, lease, mail, Outcome::Snooze(until, why.to_owned()))
    };
    record(cx, report).await
}

async fn give_up(cx: &Delivery, lease: &Lease, mail: &Sendable, end: End) -> Result<Outcome, EngineError> {
    let End { status, why, reason } = end;
    let template = mail.kind.clone();
    let entry = if status == DeliveryStatus::Suppressed {
        Entry::MailSuppressed { template, why: why.clone() }
    } else {
        Entry::MailFailed { template, why: why.clone() }
    };
    let outcome = match status {
        DeliveryStatus::Dead => Outcome::Dead(why.clone()),
        DeliveryStatus::Cancelled => Outcome::Cancel(why.clone()),
        _ => Outcome::Done,
    };
    let report = Report {
        delivery_outcome: DeliveryOutcome {
            moved: invited::moved(mail, status, reason),
            ..delivery_outcome(lease, mail, status, Some(why.clone()))
        },
        entry: Some(entry),
        ..report(cx, lease, mail, outcome)
    };
    record(cx, report).await
}

/// Whether this mail could bring its reader a code.
fn carries_code(cx: &Ctx, mail: &Sendable) -> bool {
    mail.acknowledges && cx.templates.with_code().contains(&mail.kind)
}

/// A code was promised and the pool is empty: better late than without it.
async fn wait_for_code(cx: &Delivery, lease: &Lease, mail: &Sendable, pool: &str, now: DateTime<Utc>) -> Result<Outcome, EngineError> {
    let why = format!("held: the pool {pool} is empty; import codes");
    if now - from_millis(mail.created_at) > CODE_LIFETIME {
        return give_up(cx, lease, mail, End::dead(format!("{why}. Given up after {} days", CODE_LIFETIME.num_days()))).await;
    }
    let until = now + CODE_LOOK + spread(mail);
    if mail.status == DeliveryStatus::Deferred {
        return Ok(Outcome::Snooze(until, why));
    }
    let report = Report {
        delivery_outcome: delivery_outcome(lease, mail, DeliveryStatus::Deferred, Some(why.clone())),
        ..report(cx, lease, mail, Outcome::Snooze(until, why))
    };
    record(cx, report).await
}

async fn record(cx: &Delivery, report: Report) -> Result<Outcome, EngineError> {
    let recorded = cx.ledger.report(report).await?;
    recorded.await.unwrap_or_else(|_| Err(StoreError::Unavailable("stopping".to_owned())))?;
    Ok(Outcome::Settled)
}

fn report(cx: &Ctx, lease: &Lease, mail: &Sendable, outcome: Outcome) -> Report {
    Report {
        frees_code: carries_code(cx, mail) && mail.status != DeliveryStatus::Unknown && mail.duplicates == 0,
        lease: lease.clone(),
        outcome,
        delivery_outcome: delivery_outcome(lease, mail, DeliveryStatus::Queued, None),
        case: mail.case_id,
        acknowledges: mail.acknowledges,
        untaken: None,
        entry: None,
    }
}

fn delivery_outcome(lease: &Lease, mail: &Sendable, status: DeliveryStatus, reply: Option<String>) -> DeliveryOutcome {
    let moved = invited::moved(mail, status, None);
    DeliveryOutcome {
        workspace: lease.workspace.uuid(),
        delivery: mail.id,
        status,
        subject: None,
        reply,
        sent_at: None,
        attempts: 0,
        moved,
    }
}

/// The pause after this many attempts.
fn pause(attempts: i64) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(PAUSES.len() - 1);
    Duration::minutes(PAUSES.get(index).copied().unwrap_or(240))
}

/// Up to a minute, from the mail's id: mails that were refused together don't come back together.
fn spread(mail: &Sendable) -> Duration {
    Duration::milliseconds(i64::from(mail.id.as_bytes().last().copied().unwrap_or(0)) * 20)
}
