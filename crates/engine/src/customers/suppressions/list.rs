//! Lists of addresses that must not be mailed, as other programs write them: every address in them, with its reason.
//!
//! Pure: rows in, what they say out.

use chrono::{DateTime, Utc};
use hearback_core::{Email, moment::moment, text};
use hearback_tables::{Header, Record};

use super::{
    Reason,
    columns::{OptOuts, text as cell},
    words::{Told, is_bare, plain},
};

/// What a row says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub addresses: Vec<Email>,
    pub reason: Reason,
    pub note: Option<String>,
    /// Since when.
    pub at: Option<DateTime<Utc>>,
    /// What looked like an address and is none: it, and what is wrong with it.
    pub wrong: Vec<(String, String)>,
}

/// Which columns of a list say what.
#[derive(Debug, Default)]
pub(super) struct Columns {
    addresses: Vec<usize>,
    reasons: Vec<usize>,
    notes: Vec<usize>,
    times: Vec<usize>,
    opt_outs: OptOuts,
    /// Whether the list names its columns.
    named: bool,
}

const MAIL: &[&str] = &["email", "e mail", "mail", "emails", "e mails"];
const NOT_MAIL: &[&str] = &[
    "status",
    "state",
    "type",
    "date",
    "time",
    "at",
    "reason",
    "permission",
    "owner",
    "by",
    "agent",
    "id",
    "sent",
    "count",
    "opt",
    "optout",
    "from",
    "sender",
    "unsubscribed",
    "subscribed",
    "bounced",
    "client",
    "domain",
    "marketing",
    "name",
    "language",
];
const ADDRESSES: &[&str] = &["address", "addresses", "recipient", "recipients", "subscriber", "contact", "user", "customer"];
const REASONS: &[&str] =
    &["reason", "reasons", "cause", "type", "category", "event", "classification", "bounce type", "source", "why", "list"];
const NOTES: &[&str] = &["note", "notes", "comment", "comments", "remark", "remarks", "description", "details", "diagnostic", "message"];
const TIMES: &[&str] = &[
    "created at",
    "created",
    "added",
    "added at",
    "date",
    "time",
    "timestamp",
    "since",
    "updated at",
    "updated",
    "last changed",
    "date added",
    "event date",
    "unsubscribed at",
    "unsub time",
    "optout time",
    "bounced at",
    "cleaned at",
    "cleaned time",
    "suppressed at",
    "created date",
    "unsubscribe date",
];

/// Whether the first row of a list names its columns: a row with an address, or with what was to be one, is one of data.
pub(super) fn names_columns(first: &[String]) -> bool {
    !first.iter().any(|cell| cell.contains('@'))
}

impl Columns {
    pub fn of(header: &Header) -> Self {
        let these = |is_it: &dyn Fn(&str) -> bool| {
            header.names().filter(|(_, name)| is_it(&plain(name))).map(|(place, _)| place).collect::<Vec<_>>()
        };
        let says_mail = |name: &str| {
            let words: Vec<&str> = name.split(' ').collect();
            MAIL.iter().any(|mail| name == *mail || words.contains(mail) || name.starts_with("e mail"))
                && !words.iter().any(|word| NOT_MAIL.contains(word))
        };
        let mut addresses = these(&says_mail);
        if addresses.is_empty() {
            addresses = these(&|name| ADDRESSES.contains(&name));
        }
        let times = these(&|name| TIMES.contains(&name));
        let opt_outs = OptOuts::of(header, |place| !addresses.contains(&place));
        Self {
            reasons: these(&|name| REASONS.contains(&name)),
            notes: these(&|name| NOTES.contains(&name)),
            addresses,
            times,
            opt_outs,
            named: !header.is_empty(),
        }
    }

    /// What a row says; an error in words when nobody is on it who must not be mailed.
    pub fn read(&self, record: &Record) -> Result<Said, String> {
        let (addresses, wrong) = self.addresses(record);
        if addresses.is_empty() && wrong.is_empty() {
            return Err("has no address".to_owned());
        }
        if self.opt_outs.lets(record) && self.reasons.iter().all(|place| !matches!(Reason::told(&cell(record, *place)), Told::Stop(_))) {
            return Err("says that this address may be mailed".to_owned());
        }
        let (reason, words) = self.reason(record);
        let notes = self.notes.iter().map(|place| cell(record, *place)).find(|note| !note.is_empty());
        let note = [words, notes].into_iter().flatten().map(|note| text::clean_line(&note)).collect::<Vec<_>>().join("; ");
        let note = Some(note.chars().take(text::MAX_PROPERTY).collect::<String>()).filter(|note| !note.is_empty());
        let since = self.times.iter().copied().chain(self.opt_outs.columns());
        let at = since.map(|place| cell(record, place)).find_map(|text| time(&text));
        Ok(Said { addresses, reason, note, at, wrong })
    }

    /// Every address of the columns that hold them; of all columns where none is called so.
    fn addresses(&self, record: &Record) -> (Vec<Email>, Vec<(String, String)>) {
        let mut found: (Vec<Email>, Vec<(String, String)>) = Default::default();
        let all: Vec<usize> = (0..record.len()).collect();
        for place in if self.addresses.is_empty() { &all } else { &self.addresses } {
            for address in addresses_in(&cell(record, *place)) {
                match address {
                    Ok(address) if found.0.contains(&address) => {}
                    Ok(address) => found.0.push(address),
                    Err(wrong) => found.1.push(wrong),
                }
            }
        }
        found
    }

    /// The reason, and the words for it where they are none of those that programs use.
    fn reason(&self, record: &Record) -> (Reason, Option<String>) {
        let beside = |place: &usize| !self.addresses.contains(place) && !cell(record, *place).contains('@');
        let others: Vec<usize> = if self.named { self.reasons.clone() } else { (0..record.len()).filter(beside).collect() };
        let told = others.iter().find_map(|place| match Reason::told(&cell(record, *place)) {
            Told::Stop(reason) => Some(reason),
            Told::Go | Told::Unknown => None,
        });
        if let Some(reason) = told.max(self.opt_outs.read(record).map(|out| out.reason)) {
            return (reason, None);
        }
        // A list without names of columns may hold anything: only a single cell beside the address is what is said about it.
        let says = if self.named || others.len() == 1 { others } else { Vec::new() };
        let words =
            says.into_iter().map(|place| cell(record, place)).find(|words| !words.is_empty() && !is_bare(words) && time(words).is_none());
        (Reason::Manual, words)
    }
}

/// The addresses in a text: alone, with a name before them, several in a row. What has an `@` and is none is told.
pub(super) fn addresses_in(text: &str) -> Vec<Result<Email, (String, String)>> {
    let text = text.trim();
    if let Ok(address) = Email::parse(text.strip_prefix("mailto:").unwrap_or(text)) {
        return vec![Ok(address)];
    }
    let pieces = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '(' | ')' | '[' | ']' | '"' | '|'));
    let bare = |piece: &str| piece.trim_start_matches("mailto:").trim_matches(|c: char| matches!(c, '\'' | '.' | ':' | '`')).to_owned();
    pieces
        .map(bare)
        .filter(|piece| piece.contains('@'))
        .map(|piece| Email::parse(&piece).map_err(|error| (piece, error.to_string())))
        .collect()
}

/// A moment as text, or as seconds or milliseconds since 1970.
fn time(text: &str) -> Option<DateTime<Utc>> {
    match text.parse::<i64>() {
        Ok(seconds @ 946_684_800..=9_999_999_999) => DateTime::from_timestamp(seconds, 0),
        Ok(millis @ 946_684_800_000..=9_999_999_999_999) => DateTime::from_timestamp_millis(millis),
        _ => moment(text, None),
    }
}

#[cfg(test)]
mod tests {
    use hearback_tables::{Next, Source, Table};

    use super::*;

    /// Address, reason and note of each row, or why it is left out.
    fn read(bytes: &[u8]) -> Vec<String> {
        let mut table = Table::open_where(&Source::Bytes(bytes.into()), None, names_columns).unwrap();
        let columns = Columns::of(&table.header);
        let mut found = Vec::new();
        while table.rows.advance().unwrap() == Next::Row {
            found.push(match columns.read(table.rows.record()) {
                Err(why) => why,
                Ok(said) => {
                    let addresses: Vec<String> = said
                        .addresses
                        .iter()
                        .map(ToString::to_string)
                        .chain(said.wrong.into_iter().map(|(text, _)| format!("?{text}")))
                        .collect();
                    format!("{} {} {}", addresses.join("+"), said.reason.as_str(), said.note.unwrap_or_default()).trim_end().to_owned()
                }
            });
        }
        found
    }

    #[test]
    fn every_shape_gives_its_addresses() {
        let utf16: Vec<u8> = "email,reason\nq@x.example,unsubscribed\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (name, bytes, expected) in [
            ("one a line", b"a@x.example\nb@x.example\n".to_vec(), &["a@x.example manual", "b@x.example manual"][..]),
            ("one alone", b"a@x.example".to_vec(), &["a@x.example manual"]),
            ("a title", b"Blocked\na@x.example\n".to_vec(), &["a@x.example manual"]),
            (
                "words of others",
                b"email,reason\na@x.example,Unsubscribed\nb@x.example,HARD_BOUNCE\nc@x.example,asked by phone\n".to_vec(),
                &["a@x.example unsubscribed", "b@x.example hard_bounce", "c@x.example manual asked by phone"],
            ),
            ("tabs", b"email\treason\na@x.example\tspam report\n".to_vec(), &["a@x.example complaint"]),
            ("UTF-16", utf16, &["q@x.example unsubscribed"]),
            ("another header", b"Email Address,First Name\na@x.example,x\n".to_vec(), &["a@x.example manual"]),
            ("semicolons, last column", b"Name;Land;E-Mail\nx;y;a@x.example\n".to_vec(), &["a@x.example manual"]),
            ("an unknown header", b"Kunde;Kontaktadresse\nx;a@x.example\n".to_vec(), &["a@x.example manual"]),
            (
                "no header, a word",
                b"a@x.example;Unsubscribed\nb@x.example;moved away\n".to_vec(),
                &["a@x.example unsubscribed", "b@x.example manual moved away"],
            ),
            (
                "with names",
                b"Ona Ona <a@x.example>\n\"B, Jonas\" <b@x.example>\n<c@x.example>\n".to_vec(),
                &["a@x.example manual", "b@x.example manual", "c@x.example manual"],
            ),
            ("several in one cell", b"email\n\"a@x.example, b@x.example; a@x.example\"\n".to_vec(), &["a@x.example+b@x.example manual"]),
            (
                "work and home",
                b"Person - Email - Work,Person - Email - Home,Owner email\na@x.example,b@x.example,us@shop.example\n".to_vec(),
                &["a@x.example+b@x.example manual"],
            ),
            (
                "JSON lines",
                b"{\"email\":\"a@x.example\",\"reason\":\"bounce\",\"created\":1700000000}\n".to_vec(),
                &["a@x.example hard_bounce"],
            ),
            (
                "a flag",
                b"email,unsubscribed\na@x.example,true\nb@x.example,false\n".to_vec(),
                &["a@x.example unsubscribed", "says that this address may be mailed"],
            ),
            (
                "states",
                b"email,status\na@x.example,cleaned\nb@x.example,subscribed\n".to_vec(),
                &["a@x.example hard_bounce", "says that this address may be mailed"],
            ),
            (
                "bad rows",
                b"email,reason\na@@x,bounced\n,bounced\nnobody,\n".to_vec(),
                &["?a@@x hard_bounce", "has no address", "has no address"],
            ),
            ("an apostrophe", b"o'brien@x.example\n'a@x.example'\n".to_vec(), &["o'brien@x.example manual", "a@x.example manual"]),
        ] {
            assert_eq!(read(&bytes), expected, "{name}");
        }
    }

    #[test]
    fn times_come_in_several_ways() {
        for text in ["2023-11-14T22:13:20Z", "1700000000", "1700000000000", "2023-11-14 22:13:20"] {
            assert_eq!(time(text).map(|at| at.timestamp()), Some(1_700_000_000), "{text}");
        }
        assert_eq!(["", "x", "12"].map(time), [None; 3]);
    }
}
