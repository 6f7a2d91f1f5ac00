//! Addresses that must not be mailed, for reasons of ours or of others, and customers who want no mail under whatever address.
//!
//! Owns: the reasons, adding and lifting, the list as CSV, reading lists of other programs; [`opt_out`], by which whatever a customer says
//! about all mail is noted. What a customer does by the link in a mail is in [`crate::customers::unsubscribe`]. An address that takes no mail
//! comes here by itself ([`crate::mail::untaken`]).

mod columns;
mod list;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    Email,
    id::{PersonId, WorkspaceId},
    text,
};
use hearback_store::{Tx, lists, opt_outs, persons, suppressions as store, time::millis};
use hearback_tables::{Next, Record, Table, TableError, cell};
use serde_json::json;

pub use columns::{OptOuts, Stopped};

pub use hearback_store::suppressions::Model as Suppression;
pub use hearback_tables::Source;

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
    /// The mailbox does not exist, or took none of several mails in a row; the note says which.
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
/// in say it by [`crate::customers::people::NewPerson::opted_out`].)
pub async fn opt_out(tx: &Tx, ws: WorkspaceId, person: PersonId, why: OptOut, since: DateTime<Utc>) -> Result<bool, EngineError> {
    Ok(opt_outs::note(tx, ws, person, Reason::from(why).as_str(), millis(since)).await?)
}

/// Whether that is more than what is noted of them already, as [`opt_out`] decides.
pub(crate) fn weighs_more(why: OptOut, noted: Option<&str>) -> bool {
    noted.is_none_or(|noted| noted == Reason::Unsubscribed.as_str() && why == OptOut::Complaint)
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
    audit::note(&tx, ws, actor, "suppression.lifted", &store::erased(ws, &address), data, cx.now());
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
    /// Addresses that are new or changed the reason.
    pub stored: u64,
    /// Addresses that were there already.
    pub unchanged: u64,
    /// What was not taken.
    pub rejected: Vec<NotTaken>,
}

/// A row, or one of several addresses in it, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// The line of the table where it starts, from 1.
    pub line: u64,
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
}

/// Opens a list; its first row names the columns unless it has an address.
pub fn open_list(source: &Source, encoding: Option<&str>) -> Result<Table, TableError> {
    Table::open_where(source, encoding, list::names_columns)
}

/// Takes every address of a list, in whatever columns, with the reason beside it. One bad row stops no good one.
pub async fn import(cx: &Ctx, ws: WorkspaceId, actor: &Actor, table: Table) -> Result<Imported, EngineError> {
    let (rows, rejected) = read(ws, table, cx.now())?;
    let mut done = Imported { rejected, ..Imported::default() };
    let tx = cx.db.write().await?;
    for batch in rows.chunks(usize::try_from(BATCH).unwrap_or(500)) {
        let stored = store::put(&tx, batch).await?;
        done.stored += stored;
        done.unchanged += u64::try_from(batch.len()).unwrap_or_default() - stored;
    }
    let data = json!({ "stored": done.stored, "unchanged": done.unchanged, "rejected": done.rejected.len() });
    audit::note(&tx, ws, actor, "suppressions.imported", "", data, cx.now());
    tx.commit().await?;
    Ok(done)
}

fn read(ws: WorkspaceId, mut table: Table, now: DateTime<Utc>) -> Result<(Vec<Suppression>, Vec<NotTaken>), EngineError> {
    let columns = list::Columns::of(&table.header);
    let mut rows: BTreeMap<String, Suppression> = BTreeMap::new();
    let mut rejected = Vec::new();
    loop {
        let next = table.rows.advance().map_err(|error| EngineError::field("body", format!("can't be read to its end: {error}")))?;
        let line = match next {
            Next::End => return Ok((rows.into_values().collect(), rejected)),
            Next::Row => table.rows.record().line,
            Next::OpenQuote { line } => {
                rejected.push(NotTaken { line, value: String::new(), why: "a quote opens here and is not closed".to_owned() });
                continue;
            }
            Next::Broken { line, why } => {
                rejected.push(NotTaken { line, value: String::new(), why });
                continue;
            }
        };
        match columns.read(table.rows.record()) {
            Err(why) => rejected.push(NotTaken { line, value: shown(table.rows.record()), why }),
            Ok(said) => {
                rejected.extend(said.wrong.into_iter().map(|(value, why)| NotTaken { line, value, why }));
                for address in said.addresses {
                    let new = row(ws, address.as_str(), said.reason, said.note.clone(), said.at.unwrap_or(now).min(now));
                    // A statement takes each address once: of two rows the weightier counts, of equals the last.
                    match rows.get(&new.address) {
                        Some(before) if Reason::parse(&before.reason) > Some(said.reason) => {}
                        _ => drop(rows.insert(new.address.clone(), new)),
                    }
                }
            }
        }
    }
}

/// The start of a row, for people.
fn shown(record: &Record) -> String {
    let cells: Vec<String> =
        record.iter().map(|cell| text::clean_line(&String::from_utf8_lossy(cell))).filter(|cell| !cell.is_empty()).collect();
    cells.join(" ").chars().take(80).collect()
}

/// Addresses that a dry run would have stopped, and why.
#[derive(Debug, Default)]
pub struct Rehearsal(BTreeMap<String, Reason>);

/// Stops mail to these addresses, each of which may be none; whether that is new, one by one. What is no address stops nothing.
pub async fn add_all(cx: &Ctx, ws: WorkspaceId, stops: &[Option<(String, Reason)>]) -> Result<Vec<bool>, EngineError> {
    let news = rehearse_all(cx, ws, stops, &mut Rehearsal::default()).await?;
    let mut rows: BTreeMap<String, Suppression> = BTreeMap::new();
    for (address, reason) in stops.iter().zip(&news).filter(|(_, is_new)| **is_new).filter_map(|(stop, _)| parsed(stop.as_ref())) {
        // Each is new after those before it: the last one weighs most.
        rows.insert(address.clone(), row(ws, &address, reason, None, cx.now()));
    }
    if !rows.is_empty() {
        let tx = cx.db.write().await?;
        store::put(&tx, &rows.into_values().collect::<Vec<_>>()).await?;
        tx.commit().await?;
    }
    Ok(news)
}

/// Says what [`add_all`] would say after everything in `before`, and stores nothing.
pub async fn rehearse_all(
    cx: &Ctx,
    ws: WorkspaceId,
    stops: &[Option<(String, Reason)>],
    before: &mut Rehearsal,
) -> Result<Vec<bool>, EngineError> {
    let mut news = Vec::with_capacity(stops.len());
    for stop in stops {
        let Some((address, reason)) = parsed(stop.as_ref()) else {
            news.push(false);
            continue;
        };
        let known = match before.0.get(&address) {
            Some(known) => Some(*known),
            None => lists::suppression(cx.db.read(), ws, &address).await?.and_then(|row| Reason::parse(&row.reason)),
        };
        let is_new = known.is_none_or(|known| known < reason);
        if is_new {
            before.0.insert(address, reason);
        }
        news.push(is_new);
    }
    Ok(news)
}

fn parsed(stop: Option<&(String, Reason)>) -> Option<(String, Reason)> {
    stop.and_then(|(address, reason)| Some((Email::parse(address).ok()?.to_string(), *reason)))
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
            let note = row.note.as_deref().map(cell::write).unwrap_or_default();
            out.write_record([row.address.as_str(), &row.reason, &note, &time]).map_err(failed)?;
        }
    }
    let bytes = out.into_inner().map_err(|error| EngineError::field("export", error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
