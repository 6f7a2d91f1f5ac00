//! What other programs call the reasons for which an address is not mailed, and how they say that somebody opted out.

use super::Reason;

/// What a word or a short phrase says about mailing somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// They must not be mailed, for this reason.
    Stop(Reason),
    /// They may be mailed.
    Go,
    /// Words of their own, or nothing about it.
    Unknown,
}

const UNSUBSCRIBED: &[&str] = &[
    "unsubscribed",
    "unsubscribe",
    "unsubscribes",
    "unsubscription",
    "unsub",
    "unsubbed",
    "opt out",
    "opted out",
    "optout",
    "optedout",
    "opts out",
    "global unsubscribe",
    "group unsubscribe",
    "list unsubscribe",
    "user unsubscribed",
    "unsubscribed by user",
    "unsubscribed by customer",
    "self unsubscribed",
    "one click unsubscribe",
    "do not contact",
    "do not email",
    "do not mail",
    "dont contact",
    "dnc",
    "no mail",
    "atsisakė",
    "atsisake",
    "atsisakė prenumeratos",
    "atteicies",
    "atteicās",
    "peruutettu",
    "perunut",
    "perunut tilauksen",
    "abgemeldet",
    "désabonné",
    "désinscrit",
    "baja",
    "cancelado",
    "disiscritto",
    "avregistrerad",
    "afgemeld",
    "wypisany",
];

const HARD_BOUNCE: &[&str] = &[
    "hard bounce",
    "hardbounce",
    "hard bounced",
    "hard bounces",
    "hardbounced",
    "bounce",
    "bounced",
    "bounces",
    "bounced hard",
    "permanent",
    "permanent bounce",
    "permanent failure",
    "permanently bounced",
    "cleaned",
    "invalid",
    "invalid email",
    "invalid address",
    "bad mailbox",
    "bad address",
    "undeliverable",
    "user unknown",
    "unknown user",
    "no such user",
    "mailbox does not exist",
    "does not exist",
    "nonexistent",
    "dead",
];

const COMPLAINT: &[&str] = &[
    "complaint",
    "complaints",
    "complained",
    "complainer",
    "spam",
    "spam complaint",
    "spam complaints",
    "spam report",
    "spam reports",
    "spamreport",
    "spam reported",
    "reported as spam",
    "reported spam",
    "marked as spam",
    "marked spam",
    "abuse",
    "abuse complaint",
    "abuse report",
    "feedback loop",
    "fbl",
    "junk",
];

const MANUAL: &[&str] =
    &["manual", "manually", "manually added", "added manually", "admin", "added by admin", "suppressed", "blocked by us"];

const YES: &[&str] = &["true", "yes", "y", "1", "t", "x", "on", "✓", "✔", "taip", "jā", "kyllä", "ja", "oui", "sí", "si", "tak"];

const NO: &[&str] = &[
    "false",
    "no",
    "n",
    "0",
    "f",
    "off",
    "-",
    "—",
    "none",
    "null",
    "never",
    "na",
    "n a",
    "ne",
    "nē",
    "ei",
    "nein",
    "non",
    "nie",
    "subscribed",
    "active",
    "ok",
    "opted in",
    "opt in",
    "optin",
    "confirmed",
    "deliverable",
    "valid",
    "enabled",
    "allowed",
    "not unsubscribed",
];

impl Reason {
    /// What words in a column of reasons or states say.
    pub fn told(words: &str) -> Told {
        let plain = plain(words);
        let is_one_of = |list: &[&str]| list.contains(&plain.as_str());
        match plain.as_str() {
            _ if is_one_of(UNSUBSCRIBED) => Told::Stop(Self::Unsubscribed),
            _ if is_one_of(HARD_BOUNCE) => Told::Stop(Self::HardBounce),
            _ if is_one_of(COMPLAINT) => Told::Stop(Self::Complaint),
            _ if is_one_of(MANUAL) => Told::Stop(Self::Manual),
            "subscribed" | "active" | "opted in" | "opt in" => Told::Go,
            _ => Told::Unknown,
        }
    }

    /// What a cell says in a column that asks whether somebody opted out. An answer that is not no is yes: a date, a tick, words.
    pub fn answered(cell: &str) -> Told {
        match Self::told(cell) {
            Told::Unknown if cell.trim().is_empty() || NO.contains(&plain(cell).as_str()) => Told::Go,
            Told::Unknown => Told::Stop(Self::Unsubscribed),
            told => told,
        }
    }

    /// What a cell says in a column that asks whether somebody is subscribed: only a plain no stops.
    pub fn subscribed(cell: &str) -> Told {
        match Self::told(cell) {
            Told::Unknown
                if matches!(plain(cell).as_str(), "false" | "no" | "n" | "0" | "f" | "off" | "ne" | "nē" | "ei" | "nein" | "non") =>
            {
                Told::Stop(Self::Unsubscribed)
            }
            told => told,
        }
    }
}

/// Whether a cell is one of the words for yes and no: they say nothing that is worth a note.
pub fn is_bare(cell: &str) -> bool {
    let plain = plain(cell);
    YES.contains(&plain.as_str()) || NO.contains(&plain.as_str())
}

/// Small letters, single spaces, no signs between words: `HARD_BOUNCE`, `Hard-Bounce` and `hard bounce` are one.
pub fn plain(words: &str) -> String {
    let spaced: String =
        words.chars().map(|c| if matches!(c, '_' | '-' | '.' | ',' | '/' | ':' | '\'' | '’' | '"') { ' ' } else { c }).collect();
    let joined = spaced.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    // A sign alone is a word.
    if joined.is_empty() { words.trim().to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_our_reasons() {
        for (words, reason) in [
            ("Unsubscribed", Reason::Unsubscribed),
            ("OPT_OUT", Reason::Unsubscribed),
            ("opted-out", Reason::Unsubscribed),
            ("Global Unsubscribe", Reason::Unsubscribed),
            ("HARD_BOUNCE", Reason::HardBounce),
            ("Hard-Bounce", Reason::HardBounce),
            ("bounced", Reason::HardBounce),
            ("cleaned", Reason::HardBounce),
            ("Spam Complaint", Reason::Complaint),
            ("complained", Reason::Complaint),
            ("SpamReport", Reason::Complaint),
            ("manual", Reason::Manual),
        ] {
            assert_eq!(Reason::told(words), Told::Stop(reason), "{words}");
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::told(reason.as_str()), Told::Stop(reason));
        }
        for words in ["soft bounce", "asked by phone", "", "customer", "lead"] {
            assert_eq!(Reason::told(words), Told::Unknown, "{words}");
        }
        assert_eq!(Reason::told("Subscribed"), Told::Go);
    }

    #[test]
    fn what_is_not_no_is_an_opt_out() {
        let stop = Told::Stop(Reason::Unsubscribed);
        for cell in [
            "true",
            "Yes",
            "1",
            "x",
            "✓",
            "2026-03-01",
            "2026-03-01 10:00:00",
            "03/01/2026 09:15 AM",
            "too many mails",
            "Taip",
            "unsubscribed",
        ] {
            assert_eq!(Reason::answered(cell), stop, "{cell}");
        }
        for cell in ["", " ", "false", "No", "0", "n", "-", "NULL", "never", "Subscribed", "ne", "N/A"] {
            assert_eq!(Reason::answered(cell), Told::Go, "{cell}");
        }
        assert_eq!(Reason::answered("Bounced"), Told::Stop(Reason::HardBounce));
        assert_eq!(["no", "FALSE", "unsubscribed"].map(Reason::subscribed), [stop.clone(), stop.clone(), stop]);
        assert_eq!(["yes", "", "2026-01-01", "subscribed"].map(Reason::subscribed).map(|told| matches!(told, Told::Stop(_))), [false; 4]);
    }
}
