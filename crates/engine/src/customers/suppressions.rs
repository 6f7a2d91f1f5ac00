//! Addresses that must not be mailed, for reasons of ours or of others, and customers who want no mail under whatever address.
//!
//! Owns: the reasons, adding and lifting, the list as CSV; [`opt_out`], by which whatever a customer says about all mail is noted. What a
//! customer does by the link in a mail is in [`crate::unsubscribe`]. A mailbox that does not exist comes here by itself ([`hearback_mailer::Fail::no_mailbox`]).

use chrono::{DateTime, Utc};
use hearback_core::{
    Email,
    id::{PersonId, WorkspaceId},
    text,
};
use hearback_store::{Tx, lists, opt_outs, persons, suppressions as store, time::millis};
use serde_json::json;

pub use hearback_store::suppressions::Model as Suppression;

use crate::{Actor, Ctx, EngineError, audit, error::Fields};

/// Rows of one statement, and of one page of the export.
const BATCH: u64 = 500;
/// The columns of the CSV.
const COLUMNS: [&str; 4] = ["address", "reason", "note", "created_at"];

/// Why an address must not be mailed. Ordered: a reason gives way only to one that weighs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Somebody of ours said so.
    Manual,
    /// The customer said so; the customer may take it back.
    Unsubscribed,
    /// The mailbox does not exist.
    HardBounce,
    /// The customer called our mail unwanted; nothing takes that back but somebody of ours.
    Complaint,
}

impl Reason {
    /// All that can be given; `erased` comes by erasing a customer alone.
    pub const ALL: [Self; 4] = [Self::Manual, Self::Unsubscribed, Self::HardBounce, Self::Complaint];

    /// The word used in the database, the API and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Unsubscribed => "unsubscribed",
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
        }
    }

    /// Reads the word back; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Why a customer wants no mail: a fact of the person, which holds under every address of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOut {
    /// They said so.
    Unsubscribed,
    /// They called our mail unwanted.
    Complaint,
}

impl From<OptOut> for Reason {
    fn from(of_customer: OptOut) -> Self {
        match of_customer {
            OptOut::Unsubscribed => Self::Unsubscribed,
            OptOut::Complaint => Self::Complaint,
        }
    }
}

/// Notes that somebody has opted out, for this reason, since this time: at the person and at the addresses that are theirs, in the
/// caller's transaction; whether that is new. A complaint weighs more than a wish. The person is stored before. (People that are brought
/// in say it by [`crate::submit::NewPerson::opted_out`].)
pub async fn opt_out(tx: &Tx, ws: WorkspaceId, person: PersonId, why: OptOut, since: DateTime<Utc>) -> Result<bool, EngineError> {
    Ok(opt_outs::note(tx, ws, person, Reason::from(why).as_str(), millis(since)).await?)
}

/// A new row.
pub fn row(ws: WorkspaceId, address: &str, reason: Reason, note: Option<String>, now: DateTime<Utc>) -> Suppression {
    Suppression { workspace_id: ws.uuid(), address: address.to_owned(), reason: reason.as_str().to_owned(), created_at: millis(now), note }
}

/// Stops mail to an address. One that is there already keeps a reason that weighs more.
pub async fn add(cx: &Ctx, ws: WorkspaceId, address: &str, reason: Option<&str>, note: Option<&str>) -> Result<Suppression, EngineError> {
    let mut fields = Fields::default();
    let new = checked(&mut fields, ws, address, reason, note, cx.now());
    fields.done()?;
    let tx = cx.db.write().await?;
    store::put(&tx, std::slice::from_ref(&new)).await?;
    tx.commit().await?;
    Ok(lists::suppression(cx.db.read(), ws, &new.address).await?.unwrap_or(new))
}

fn checked(
    fields: &mut Fields,
    ws: WorkspaceId,
    address: &str,
    reason: Option<&str>,
    note: Option<&str>,
    now: DateTime<Utc>,
) -> Suppression {
    let address = fields.check("address", Email::parse(address)).map(|address| address.to_string()).unwrap_or_default();
    let known = || Reason::ALL.map(Reason::as_str).join(", ");
    let reason = match reason.filter(|word| !word.is_empty()) {
        None => Some(Reason::Manual),
        Some(word) => fields.check("reason", Reason::parse(word).ok_or_else(|| format!("must be one of {}", known()))),
    };
    let note = fields.check_some("note", note.filter(|note| !note.trim().is_empty()), |note| text::line(note, text::MAX_PROPERTY));
    row(ws, &address, reason.unwrap_or(Reason::Manual), note, now)
}

/// The address may be mailed again. `note` says why; who lifted it and why goes into the audit log, where the address stands as
/// its fingerprint.
pub async fn lift(cx: &Ctx, ws: WorkspaceId, actor: &Actor, address: &str, note: &str) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let address = fields.check("address", Email::parse(address)).map(|address| address.to_string()).unwrap_or_default();
    let note = fields.check("note", text::line(note, text::MAX_PROPERTY));
    fields.done()?;
    let tx = cx.db.write().await?;
    let person = persons::by_key(&*tx, ws, &format!("email:{address}")).await?;
    let said = person.as_ref().and_then(|person| person.opted_out_for.clone());
    let row = store::lock(&tx, ws, &address).await?;
    let reason = row.map(|row| row.reason).or(said).ok_or_else(|| EngineError::not_found("suppression", &address))?;
    store::remove(&tx, ws, &address).await?;
    if let Some(person) = person {
        lift_from(&tx, &person).await?;
    }
    let data = json!({ "reason": reason, "note": note });
    audit::note(&tx, ws, actor, "suppression.lifted", &store::erased(ws, &address), data, cx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Whoever has the address may be mailed again, so what they said under others holds no longer.
async fn lift_from(tx: &Tx, person: &persons::Model) -> Result<(), EngineError> {
    let ws = WorkspaceId::from_uuid(person.workspace_id);
    opt_outs::take_back(tx, ws, PersonId::from_uuid(person.id)).await?;
    for address in opt_outs::addresses(&**tx, person).await? {
        if store::lock(tx, ws, &address).await?.is_some_and(|row| store::is_of_customer(&row.reason)) {
            store::remove(tx, ws, &address).await?;
        }
    }
    Ok(())
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows that are new or changed the reason.
    pub stored: u64,
    /// Rows that were there already.
    pub unchanged: u64,
    /// Lines that were not taken, from 1, and why.
    pub rejected: Vec<(u64, String)>,
}

/// Reads a CSV with the column `address` (or `email`) and, if wanted, `reason` and `note`. One bad line stops no good one.
pub async fn import(cx: &Ctx, ws: WorkspaceId, actor: &Actor, text: &str) -> Result<Imported, EngineError> {
    let (rows, rejected) = read(ws, text, cx.now())?;
    let mut done = Imported { rejected, ..Imported::default() };
    let tx = cx.db.write().await?;
    for batch in rows.chunks(usize::try_from(BATCH).unwrap_or(500)) {
        let stored = store::put(&tx, batch).await?;
        done.stored += stored;
        done.unchanged += u64::try_from(batch.len()).unwrap_or_default() - stored;
    }
    let data = json!({ "stored": done.stored, "unchanged": done.unchanged, "rejected": done.rejected.len() });
    audit::note(&tx, ws, actor, "suppressions.imported", "", data, cx.now()).await?;
    tx.commit().await?;
    Ok(done)
}

/// A line that was not taken, and why.
type Rejected = (u64, String);

fn read(ws: WorkspaceId, text: &str, now: DateTime<Utc>) -> Result<(Vec<Suppression>, Vec<Rejected>), EngineError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map(|row| row.iter().map(|cell| cell.trim().to_ascii_lowercase()).collect::<Vec<_>>());
    let header = header.map_err(|error| EngineError::field("body", format!("can't be read as CSV: {error}")))?;
    let place = |name: &str| header.iter().position(|cell| cell == name);
    let Some(address) = place("address").or_else(|| place("email")) else {
        return Err(EngineError::field(
            "body",
            "the first line must name the columns, one of them `address`; `reason` and `note` may follow",
        ));
    };
    let (reason, note) = (place("reason"), place("note"));
    let mut rows = std::collections::BTreeMap::new();
    let mut rejected = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                rejected.push((error.position().map_or(0, csv::Position::line), error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).map(|cell| cell.trim().trim_start_matches('\''));
        let mut fields = Fields::default();
        let row = checked(&mut fields, ws, cell(Some(address)).unwrap_or_default(), cell(reason), cell(note), now);
        match fields.done() {
            // The last line of an address counts: a statement takes each once.
            Ok(()) => {
                rows.insert(row.address.clone(), row);
            }
            Err(error) => rejected.push((line, error.to_string())),
        }
    }
    Ok((rows.into_values().collect(), rejected))
}

/// The list as CSV, by address. Fingerprints of erased customers are no addresses and stay out of it.
pub async fn export(cx: &Ctx, ws: WorkspaceId) -> Result<String, EngineError> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| EngineError::field("export", error);
    out.write_record(COLUMNS).map_err(failed)?;
    let mut after: Option<String> = None;
    loop {
        let page = lists::suppressions(cx.db.read(), ws, None, after.as_deref(), BATCH).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        for row in page.iter().filter(|row| Reason::parse(&row.reason).is_some()) {
            let time = hearback_store::time::from_millis(row.created_at).to_rfc3339();
            let note = row.note.as_deref().map(harmless).unwrap_or_default();
            out.write_record([row.address.as_str(), &row.reason, &note, &time]).map_err(failed)?;
        }
    }
    let bytes = out.into_inner().map_err(|error| EngineError::field("export", error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that no spreadsheet takes for a formula.
fn harmless(note: &str) -> String {
    if note.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{note}") } else { note.to_owned() }
}

/// The customer wants mail again. What was stopped for another reason stays stopped; a note is ours and so is what it stands at.
pub(crate) async fn taken_back(tx: &Tx, person: &persons::Model) -> Result<(), EngineError> {
    let ws = WorkspaceId::from_uuid(person.workspace_id);
    if person.opted_out_for.as_deref() == Some(Reason::Complaint.as_str()) {
        return Ok(());
    }
    opt_outs::take_back(tx, ws, PersonId::from_uuid(person.id)).await?;
    for address in opt_outs::addresses(&**tx, person).await? {
        match store::lock(tx, ws, &address).await? {
            Some(row) if row.reason == Reason::Unsubscribed.as_str() && row.note.is_none() => store::remove(tx, ws, &address).await?,
            Some(row) if row.reason == Reason::Unsubscribed.as_str() => {
                store::save(tx, Suppression { reason: Reason::Manual.as_str().to_owned(), ..row }).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
