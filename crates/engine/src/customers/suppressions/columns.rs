//! Columns in which other programs say that somebody must not be mailed.

use chrono::{DateTime, Utc};
use hearback_core::moment::moment;
use hearback_tables::{Header, Record};

use super::{
    OptOut, Reason,
    words::{Told, plain},
};

/// What a column asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// How things stand: the word for it.
    State,
    /// Whether they are out, for this reason: yes, no, or since when.
    Out(Reason),
    /// Whether they are in.
    In,
}

const STATES: &[&str] = &[
    "status",
    "state",
    "subscription",
    "subscription status",
    "subscriber status",
    "subscription state",
    "email status",
    "email state",
    "e mail status",
    "mail status",
    "mailing status",
    "contact status",
    "marketing status",
    "person marketing status",
    "email marketing status",
    "email permission status",
    "consent status",
    "suppression",
    "suppression status",
    "suppression reason",
    "unsubscribe reason",
];

const OUT: &[(Reason, &[&str])] = &[
    (
        Reason::Unsubscribed,
        &[
            "unsubscribed",
            "unsubscribe",
            "unsub",
            "opt out",
            "opted out",
            "optout",
            "optedout",
            "has opted out",
            "opts out",
            "global unsubscribe",
            "do not contact",
            "do not mail",
            "do not email",
            "dont contact",
            "dontcontact",
            "dnc",
            "no mail",
            "no email",
        ],
    ),
    (Reason::HardBounce, &["bounced", "hard bounced", "hard bounce", "cleaned", "undeliverable"]),
    (Reason::Complaint, &["complained", "complaint", "spam complaint", "marked as spam", "reported spam"]),
    (Reason::Manual, &["suppressed", "blocked", "blacklisted", "blocklisted", "on blocklist"]),
];

const IN: &[&str] = &["subscribed", "subscribed to email"];

/// Words of a column's name that say when or what about, not what.
const BESIDE: &[&str] = &[
    "at",
    "date",
    "time",
    "timestamp",
    "on",
    "is",
    "hs",
    "email",
    "emails",
    "from",
    "all",
    "of",
    "the",
    "utc",
    "flag",
    "person",
    "mailing",
];

/// The columns of a table that speak of opting out.
#[derive(Debug, Clone, Default)]
pub struct OptOuts(Vec<(usize, Asks)>);

/// What a row says of opting out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Why nobody may write to them.
    pub reason: Reason,
    /// Since when, where the column says so.
    pub since: Option<DateTime<Utc>>,
}

impl OptOuts {
    /// Those of this header that `is_free` leaves.
    pub fn of(header: &Header, is_free: impl Fn(usize) -> bool) -> Self {
        Self(header.names().filter(|(column, _)| is_free(*column)).filter_map(|(column, name)| Some((column, asks(name)?))).collect())
    }

    /// Also this column, whatever it is called.
    pub fn and(mut self, column: usize) -> Self {
        self.0.retain(|(known, _)| *known != column);
        self.0.push((column, Asks::Out(Reason::Unsubscribed)));
        self
    }

    /// The columns.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(column, _)| *column)
    }

    /// The weightiest reason that a row gives.
    pub fn read(&self, record: &Record) -> Option<Stopped> {
        self.all(record).max_by_key(|found| found.reason)
    }

    /// What the customer themselves said of it, whatever else a row says.
    pub fn of_customer(&self, record: &Record) -> Option<OptOut> {
        let said = |found: Stopped| match found.reason {
            Reason::Unsubscribed => Some(OptOut::Unsubscribed),
            Reason::Complaint => Some(OptOut::Complaint),
            Reason::Manual | Reason::HardBounce => None,
        };
        self.all(record).filter_map(said).max_by_key(|why| Reason::from(*why))
    }

    fn all(&self, record: &Record) -> impl Iterator<Item = Stopped> {
        self.0.iter().filter_map(|(column, asks)| {
            let cell = text(record, *column);
            match asks.told(&cell) {
                Told::Stop(reason) => Some(Stopped { reason, since: moment(&cell, None) }),
                Told::Go | Told::Unknown => None,
            }
        })
    }

    /// Whether a row says that they may be mailed.
    pub fn lets(&self, record: &Record) -> bool {
        let told = |(column, asks): &(usize, Asks)| asks.told(&text(record, *column));
        self.read(record).is_none() && self.0.iter().any(|asked| told(asked) == Told::Go && !text(record, asked.0).is_empty())
    }
}

/// A cell as text.
pub(super) fn text(record: &Record, column: usize) -> String {
    let cell = String::from_utf8_lossy(record.get(column).unwrap_or_default());
    hearback_tables::cell::read(cell.trim()).to_owned()
}

impl Asks {
    fn told(self, cell: &str) -> Told {
        match self {
            Self::State => Reason::told(cell),
            Self::In => Reason::subscribed(cell),
            Self::Out(reason) => match (Reason::told(cell), Reason::answered(cell)) {
                // The word of the cell says more than the name of the column.
                (Told::Stop(told), _) => Told::Stop(told),
                (_, Told::Stop(_)) => Told::Stop(reason),
                (_, told) => told,
            },
        }
    }
}

fn asks(name: &str) -> Option<Asks> {
    let whole = plain(&parted(name));
    let kept: Vec<&str> = whole.split(' ').filter(|word| !BESIDE.contains(word)).collect();
    let bare = kept.join(" ");
    let out = |name: &str| OUT.iter().find(|(_, names)| names.contains(&name)).map(|(reason, _)| Asks::Out(*reason));
    if STATES.contains(&whole.as_str()) {
        return Some(Asks::State);
    }
    out(&whole).or_else(|| out(&bare)).or_else(|| (IN.contains(&whole.as_str()) || IN.contains(&bare.as_str())).then_some(Asks::In))
}

/// `HasOptedOut` as three words.
fn parted(name: &str) -> String {
    let mut parted = String::with_capacity(name.len() + 8);
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_small {
            parted.push(' ');
        }
        parted.push(letter);
        after_small = letter.is_lowercase();
    }
    parted
}

#[cfg(test)]
mod tests {
    use hearback_tables::{Next, Source, Table};

    use super::*;

    #[test]
    fn columns_of_other_programs_are_known() {
        for (name, expected) in [
            ("suppressed", Some(Asks::Out(Reason::Manual))),
            ("unsubscribed", Some(Asks::Out(Reason::Unsubscribed))),
            ("Unsubscribed from all email", Some(Asks::Out(Reason::Unsubscribed))),
            ("unsubscribed_at", Some(Asks::Out(Reason::Unsubscribed))),
            ("OPTOUT_TIME", Some(Asks::Out(Reason::Unsubscribed))),
            ("opt_out", Some(Asks::Out(Reason::Unsubscribed))),
            ("Email Opt Out", Some(Asks::Out(Reason::Unsubscribed))),
            ("opted_out", Some(Asks::Out(Reason::Unsubscribed))),
            ("HasOptedOutOfEmail", Some(Asks::Out(Reason::Unsubscribed))),
            ("hs_email_optout", Some(Asks::Out(Reason::Unsubscribed))),
            ("dontcontact", Some(Asks::Out(Reason::Unsubscribed))),
            ("Bounced", Some(Asks::Out(Reason::HardBounce))),
            ("Status", Some(Asks::State)),
            ("Person - Marketing status", Some(Asks::State)),
            ("Subscribed", Some(Asks::In)),
            ("accepts marketing", None),
            ("Email", None),
            ("opt_in", None),
            ("Bounces", None),
            ("Lead Status", None),
        ] {
            assert_eq!(asks(name), expected, "{name}");
        }
    }

    #[test]
    fn the_weightiest_reason_of_a_row_counts() {
        let text = "email,status,unsubscribed,Complained\na,active,,\nb,Unsubscribed,,\nc,cleaned,true,\nd,customer,2026-03-01,\ne,,no,yes\nf,,,no\n";
        let mut table = Table::open(&Source::Bytes(text.as_bytes().into()), None).unwrap();
        let outs = OptOuts::of(&table.header, |_| true);
        let mut found = Vec::new();
        while table.rows.advance().unwrap() == Next::Row {
            let record = table.rows.record();
            found.push((outs.read(record).map(|out| (out.reason, out.since.is_some())), outs.lets(record)));
        }
        let expected = [
            (None, true),
            (Some((Reason::Unsubscribed, false)), false),
            (Some((Reason::HardBounce, false)), false),
            (Some((Reason::Unsubscribed, true)), false),
            (Some((Reason::Complaint, false)), false),
            (None, true),
        ];
        assert_eq!(found, expected);
    }
}
