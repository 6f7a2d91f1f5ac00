//! What somebody of ours has to look at: guard rails that stopped something, pools that run dry, webhooks that were given up.
//!
//! Whoever notices raises an alert in the transaction in which it noticed: `changes.alerts.push(..)` beside other rows, or
//! [`raise`] where there are no [`Changes`](crate::automation::apply::Changes). One alert is open for each kind and subject; the same
//! again counts up and says the newest message. A message says what happened and what to do next, for a manager; it never
//! has a customer's words, name or address in it, because nobody erases it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::id::{RecordId, WorkspaceId};
use hearback_store::{StoreError, Tx, alerts, time::millis};

use crate::{Ctx, EngineError};

/// What kind of thing needs somebody. The set is closed; a new kind is added here, with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertKind {
    /// Rules set each other off in a circle, or in too long a chain. Subject: the rule that was stopped.
    RuleLoop,
    /// An answer had more effects than one answer may have. Subject: the rule whose steps were dropped.
    RuleEffects,
    /// A rule wanted to send too many mails within an hour; its mails are held. Subject: the rule.
    RulePaused,
    /// Few codes are left in a pool. Subject: the pool.
    PoolLow,
    /// A pool of codes is empty, and a customer got none. Subject: the pool.
    PoolEmpty,
    /// A webhook was switched off. Subject: the webhook.
    WebhookDisabled,
    /// A message to a webhook was given up. Subject: the webhook.
    WebhookFailed,
    /// Customers call our mail unwanted. Subject: the kind of mail.
    Complaint,
    /// Addresses took none of our last mails and are not mailed any more. Subject: always `mail`.
    AddressGivenUp,
    /// A customer wrote to us, and there is no case to show it in. Subject: always `mail`.
    Written,
    /// More came in one thread than people write; what follows is only kept. Subject: the case or the customer.
    MailLoop,
    /// The mailbox for incoming mail can't be read. Subject: the mailbox.
    Mailbox,
    /// The mail server can't be used with our settings. Subject: the mail server.
    MailServer,
    /// Too many mails of a wave were refused for who sends them. Subject: the wave.
    WavePaused,
    /// A campaign could not begin a wave at its time. Subject: the campaign.
    WaveMissed,
    /// The clock of a server was set by minutes or more. Subject: `clock`.
    ClockJumped,
    /// Something was written by a newer version. Subject: what it is, `rule detractor-outreach`.
    Unreadable,
    /// Jobs were given up. Subject: always `jobs`.
    JobsGivenUp,
    /// A disk that we write to is nearly full. Subject: the folder.
    DiskFull,
    /// A wave does not go on although nobody has paused it. Subject: the wave.
    WaveStalled,
    /// The database's own check found damage. Subject: always `database`.
    DatabaseDamaged,
    /// Somebody began a transaction long ago and has not ended it. Subject: always `database`.
    OpenTransaction,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::RuleLoop,
        Self::RuleEffects,
        Self::RulePaused,
        Self::PoolLow,
        Self::PoolEmpty,
        Self::WebhookDisabled,
        Self::WebhookFailed,
        Self::Complaint,
        Self::AddressGivenUp,
        Self::Written,
        Self::MailLoop,
        Self::Mailbox,
        Self::MailServer,
        Self::WavePaused,
        Self::WaveMissed,
        Self::ClockJumped,
        Self::Unreadable,
        Self::JobsGivenUp,
        Self::DiskFull,
        Self::WaveStalled,
        Self::DatabaseDamaged,
        Self::OpenTransaction,
    ];

    /// The word used in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RuleLoop => "rule_loop",
            Self::RuleEffects => "rule_effects",
            Self::RulePaused => "rule_paused",
            Self::PoolLow => "pool_low",
            Self::PoolEmpty => "pool_empty",
            Self::WebhookDisabled => "webhook_disabled",
            Self::WebhookFailed => "webhook_failed",
            Self::Complaint => "complaint",
            Self::AddressGivenUp => "address_given_up",
            Self::Written => "customer_wrote",
            Self::MailLoop => "mail_loop",
            Self::Mailbox => "mailbox",
            Self::MailServer => "mail_server",
            Self::WavePaused => "wave_paused",
            Self::WaveMissed => "wave_missed",
            Self::ClockJumped => "clock_jumped",
            Self::Unreadable => "unreadable",
            Self::JobsGivenUp => "jobs_given_up",
            Self::DiskFull => "disk_full",
            Self::WaveStalled => "wave_stalled",
            Self::DatabaseDamaged => "database_damaged",
            Self::OpenTransaction => "open_transaction",
        }
    }

    /// What people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RuleLoop => "Rules in a circle",
            Self::RuleEffects => "Too many effects",
            Self::RulePaused => "Rule paused",
            Self::PoolLow => "Few codes left",
            Self::PoolEmpty => "No codes left",
            Self::WebhookDisabled => "Webhook switched off",
            Self::WebhookFailed => "Webhook does not answer",
            Self::Complaint => "Mail called unwanted",
            Self::AddressGivenUp => "Address given up",
            Self::Written => "A customer wrote",
            Self::MailLoop => "Too many messages",
            Self::Mailbox => "Mailbox can't be read",
            Self::MailServer => "Mail server can't be used",
            Self::WavePaused => "Wave paused",
            Self::WaveMissed => "Wave missed",
            Self::ClockJumped => "Clock was set",
            Self::Unreadable => "Written by a newer version",
            Self::JobsGivenUp => "Jobs were given up",
            Self::DiskFull => "Disk nearly full",
            Self::WaveStalled => "Wave stands still",
            Self::DatabaseDamaged => "Database is damaged",
            Self::OpenTransaction => "A transaction was left open",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What kind of thing.
    pub kind: AlertKind,
    /// What it is about: the key of a rule, pool or webhook.
    pub subject: String,
    /// What happened and what to do next.
    pub message: String,
}

impl Alert {
    /// An alert.
    pub fn new(kind: AlertKind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), message: message.into() }
    }
}

/// Raises alerts, together with what caused them; the same kind and subject several times is one that counts.
pub async fn raise(tx: &Tx, ws: WorkspaceId, raised: &[Alert], now: DateTime<Utc>) -> Result<(), StoreError> {
    if raised.is_empty() {
        return Ok(());
    }
    alerts::raise(tx, &rows(ws, raised, now)).await
}

/// Tells what goes on being so: the same again says the newest message and is not counted.
pub(crate) async fn hold(tx: &Tx, ws: WorkspaceId, standing: &[Alert], now: DateTime<Utc>) -> Result<(), StoreError> {
    alerts::hold(tx, &rows(ws, standing, now)).await
}

fn rows(ws: WorkspaceId, raised: &[Alert], now: DateTime<Utc>) -> Vec<alerts::Model> {
    let mut rows: BTreeMap<(&str, &str), alerts::Model> = BTreeMap::new();
    for alert in raised {
        let row = rows.entry((alert.kind.as_str(), &alert.subject)).or_insert_with(|| alerts::Model {
            workspace_id: ws.uuid(),
            id: RecordId::new(now).uuid(),
            kind: alert.kind.as_str().to_owned(),
            subject: alert.subject.clone(),
            message: String::new(),
            count: 0,
            first_at: millis(now),
            last_at: millis(now),
            done_at: None,
        });
        row.count += 1;
        row.message.clone_from(&alert.message);
    }
    rows.into_values().collect()
}

/// What was raised is over by itself, in the transaction in which that is seen.
pub async fn over(tx: &Tx, ws: WorkspaceId, kind: AlertKind, subject: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    alerts::close(tx, ws, kind.as_str(), subject, millis(now)).await
}

/// Somebody has looked after it. Doing it twice changes nothing.
pub async fn done(cx: &Ctx, ws: WorkspaceId, id: RecordId) -> Result<alerts::Model, EngineError> {
    let tx = cx.db.write().await?;
    let row = alerts::lock(&tx, ws, id).await?.ok_or_else(|| EngineError::not_found("alert", id))?;
    if row.done_at.is_some() {
        return Ok(row);
    }
    let row = alerts::Model { done_at: Some(millis(cx.now())), ..row };
    alerts::save(&tx, row.clone()).await?;
    tx.commit().await?;
    Ok(row)
}
