//! One message from the ledger to a webhook or a chat room.
//!
//! What must stay true: the same message always carries the same `webhook-id`, so that a receiver can tell a repeat; only a
//! 2xx counts as taken; nothing of a customer is stored for it: the message is made when it is sent, of what is known then.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use hearback_core::{
    Word as _,
    id::{CaseId, DeliveryId, PersonId, ResponseId},
    seal::Sealed,
    state::DeliveryStatus,
    timeline::Entry,
};
use hearback_store::{
    StoreError, deliveries,
    ledger::DeliveryOutcome,
    lists,
    outbox::{Lease, Outcome},
    time::{from_millis, millis},
    webhooks,
};
use serde_json::{Value, json};

use super::{
    chat, disable,
    http::{self, Answer, Target},
    sign,
};
use crate::{
    Ctx, EngineError,
    alerts::{self, Alert, AlertKind},
    mail::{Delivery, ledger::Report},
    sending_pause,
    stuck::wait_for_reader,
};

/// How long a message is tried before it is given up.
const LIFETIME: Duration = Duration::days(3);
/// Pauses after the first, second, .. failure, in seconds; the last one repeats.
const PAUSES: [i64; 7] = [5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600, 14 * 3_600];
/// Longest pause that the other side can ask for.
const LONGEST_WISH: u32 = 24 * 3_600;

/// Sends the message of this job.
pub(crate) async fn send(cx: &Delivery, lease: &Lease, delivery: DeliveryId) -> Outcome {
    match try_send(cx, lease, delivery).await {
        Ok(outcome) => outcome,
        Err(EngineError::Store(StoreError::Unreadable(_))) => wait_for_reader(cx, lease),
        Err(EngineError::Store(error)) => Outcome::Snooze(cx.guarded_now() + Duration::seconds(5), error.to_string()),
        Err(error) => Outcome::Retry(error.to_string()),
    }
}

async fn try_send(cx: &Delivery, lease: &Lease, delivery: DeliveryId) -> Result<Outcome, EngineError> {
    let (db, ws) = (cx.db.read(), lease.workspace);
    let Some(row) = lists::delivery(db, ws, delivery).await? else {
        return Ok(Outcome::Cancel("the message is gone: its person was erased".to_owned()));
    };
    if !DeliveryStatus::WAITING.contains(&row.status) {
        return Ok(Outcome::Done);
    }
    let key = row.to_address.split_once(':').map_or("", |(_, key)| key);
    let webhook = match webhooks::by_key(db, ws, key).await? {
        None => return give_up(cx, lease, &row, format!("there is no webhook `{key}`: make one, or change the rule")).await,
        Some(webhook) if webhook.disabled_at.is_some() => {
            return give_up(cx, lease, &row, format!("the webhook `{key}` is switched off")).await;
        }
        Some(webhook) => webhook,
    };
    if let Some(outcome) = sending_pause::wait(&*cx.workspaces.get(db, ws).await?, cx.guarded_now()) {
        return Ok(outcome);
    }
    let Some(event) = event(cx, lease, &row).await? else {
        return Ok(Outcome::Cancel("its case is gone".to_owned()));
    };
    match post(cx, &webhook, &row, &event).await {
        Ok(Answer { status: 200..=299, .. }) => {
            let told = Some(Entry::WebhookCalled { webhook: key.to_owned(), delivery: DeliveryId::from_uuid(row.id) });
            let sent_at = Some(millis(cx.guarded_now()));
            let report = report(lease, &row, DeliveryStatus::Sent, None, Outcome::Done, told);
            record(cx, Report { delivery_outcome: DeliveryOutcome { sent_at, ..report.delivery_outcome }, ..report }).await
        }
        Ok(Answer { status: 410, .. }) => gone(cx, lease, &row, webhook).await,
        Ok(Answer { status, retry_after }) => {
            let what = if (300..400).contains(&status) { ": redirects are not followed, correct the address" } else { "" };
            failed(cx, lease, &row, key, format!("it answered {status}{what}"), retry_after).await
        }
        Err(why) => failed(cx, lease, &row, key, why, None).await,
    }
}

async fn post(cx: &Ctx, webhook: &webhooks::Model, row: &deliveries::Model, event: &Value) -> Result<Answer, String> {
    let open = |what, name: &str| super::open(&cx.settings.secret_key, what, webhook).map_err(|why| format!("its {name} {why}"));
    let target = Target::parse(&open(Sealed::WebhookUrl, "address")?)?;
    let (body, headers) = if webhook.kind == super::Kind::Chat.as_str() {
        (json!({ "text": chat::line(event, chat::Room::at(target.host())) }).to_string(), Vec::new())
    } else {
        let body = event.to_string();
        let (id, timestamp) = (format!("msg_{}", row.id.simple()), cx.guarded_now().timestamp());
        let signature =
            sign::signature(&sign::secret(&open(Sealed::WebhookSecret, "secret")?)?, &id, timestamp, &body).ok_or("it can't be signed")?;
        let headers = vec![("webhook-id", id), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signature)];
        (body, headers)
    };
    http::post(&target, &headers, body, cx.settings.private_webhooks).await
}

/// What the message says; `None` when its case is gone.
async fn event(cx: &Ctx, lease: &Lease, row: &deliveries::Model) -> Result<Option<Value>, EngineError> {
    let (db, ws) = (cx.db.read(), lease.workspace);
    let Some(case_id) = row.case_id.map(CaseId::from_uuid) else { return Ok(None) };
    let Some(case) = lists::case(db, ws, case_id).await? else { return Ok(None) };
    let response = lists::response(db, ws, ResponseId::from_uuid(case.response_id)).await?;
    let person = hearback_store::persons::by_id(db, ws, PersonId::from_uuid(case.person_id)).await?;
    let (Some(response), Some(person)) = (response, person) else { return Ok(None) };
    let workspace = cx.workspaces.get(db, ws).await?;
    let rule = lists::rule_labels(db, ws, row.rule_version_id.into_iter()).await?.into_values().next();
    let tags: Value = serde_json::from_str(&case.tags).unwrap_or_default();
    Ok(Some(json!({
        "type": row.kind,
        "timestamp": text_time(from_millis(row.created_at)),
        "data": {
            "rule": rule,
            "response": {
                "id": response.id, "survey": workspace.survey(response.survey_id).map(|survey| survey.key.as_str()),
                "score": response.score, "segment": response.segment, "comment": response.comment, "channel": response.channel,
                "revision": response.revision, "answered_at": text_time(from_millis(response.answered_at)),
            },
            "case": {
                "id": case.id, "loop_status": case.loop_status, "owner": case.owner, "tags": tags,
                "url": format!("{}/cases/{}", cx.settings.public_url, case.id),
            },
            "person": { "id": person.id, "external_id": person.external_id, "email": person.email, "name": person.name, "account": person.account_key },
        },
    })))
}

/// Not taken this time: later, or never again.
async fn failed(
    cx: &Delivery,
    lease: &Lease,
    row: &deliveries::Model,
    key: &str,
    why: String,
    wish: Option<u32>,
) -> Result<Outcome, EngineError> {
    let now = cx.guarded_now();
    let index = usize::try_from(row.attempts).unwrap_or(0).min(PAUSES.len() - 1);
    let pause = PAUSES.get(index).copied().unwrap_or(14 * 3_600).max(i64::from(wish.unwrap_or(0).min(LONGEST_WISH)));
    // Up to a quarter more, from the message's id: what failed together does not come back together.
    let spread = pause * 250 * i64::from(row.id.as_bytes().last().copied().unwrap_or(0)) / 256;
    let until = now + Duration::seconds(pause) + Duration::milliseconds(spread);
    if until - from_millis(row.created_at) > LIFETIME {
        let message =
            format!("a message to the webhook `{key}` was given up after {} days: {why}. See to the other side", LIFETIME.num_days());
        let tx = cx.db.write().await?;
        alerts::raise(&tx, lease.workspace, &[Alert::new(AlertKind::WebhookFailed, key, &message)], now).await?;
        tx.commit().await?;
        return give_up(cx, lease, row, message).await;
    }
    record(cx, report(lease, row, DeliveryStatus::Deferred, Some(why.clone()), Outcome::Snooze(until, why), None)).await
}

/// The other side says that it will never be there again.
async fn gone(cx: &Delivery, lease: &Lease, row: &deliveries::Model, webhook: webhooks::Model) -> Result<Outcome, EngineError> {
    let why = format!("the webhook `{}` answered 410: it is gone for good", webhook.key);
    let tx = cx.db.write().await?;
    disable(cx, &tx, webhook, &why).await?;
    tx.commit().await?;
    give_up(cx, lease, row, why).await
}

async fn give_up(cx: &Delivery, lease: &Lease, row: &deliveries::Model, why: String) -> Result<Outcome, EngineError> {
    let told = Some(Entry::WebhookFailed { webhook: row.to_address.clone(), why: why.clone() });
    record(cx, report(lease, row, DeliveryStatus::Dead, Some(why.clone()), Outcome::Dead(why), told)).await
}

fn report(
    lease: &Lease,
    row: &deliveries::Model,
    status: DeliveryStatus,
    reply: Option<String>,
    outcome: Outcome,
    entry: Option<Entry>,
) -> Report {
    let (workspace, delivery) = (lease.workspace.uuid(), row.id);
    let delivery_outcome = DeliveryOutcome { workspace, delivery, status, subject: None, reply, sent_at: None, attempts: 1, moved: None };
    Report {
        lease: lease.clone(),
        outcome,
        delivery_outcome,
        case: row.case_id,
        acknowledges: false,
        frees_code: false,
        untaken: None,
        entry,
    }
}

async fn record(cx: &Delivery, report: Report) -> Result<Outcome, EngineError> {
    let recorded = cx.ledger.report(report).await?;
    recorded.await.unwrap_or_else(|_| Err(StoreError::Unavailable("stopping".to_owned())))?;
    Ok(Outcome::Settled)
}

fn text_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
