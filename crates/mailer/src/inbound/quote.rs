//! What a person wrote anew: without what was quoted, the signature and what a telephone adds.

/// "wrote" as mail programs write it above what they quote.
const WROTE: [&str; 13] = [
    "wrote",
    "rašė",
    "parašė",
    "rakstīja",
    "kirjoitti",
    "schrieb",
    "kirjutas",
    "skrev",
    "napisał",
    "a écrit",
    "escribió",
    "пишет",
    "написал",
];
/// Above what is quoted, between dashes.
const ORIGINAL: [&str; 12] = [
    "original message",
    "forwarded message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "alkuperäinen viesti",
    "pradinis laiškas",
    "pradinis pranešimas",
    "originalus laiškas",
    "sākotnējais ziņojums",
    "oriģinālais ziņojums",
    "sākotnējā ziņa",
    "исходное сообщение",
];
/// The names of fields in the block that Outlook puts above what it quotes: from, and what comes soon after.
const FROM: [&str; 7] = ["from:", "von:", "nuo:", "no:", "lähettäjä:", "saatja:", "от:"];
const SOON_AFTER: [&str; 18] = [
    "sent:",
    "date:",
    "to:",
    "gesendet:",
    "datum:",
    "an:",
    "išsiųsta:",
    "data:",
    "kam:",
    "nosūtīts:",
    "datums:",
    "lähetetty:",
    "päivämäärä:",
    "vastaanottaja:",
    "saadetud:",
    "kuupäev:",
    "отправлено:",
    "дата:",
];
/// What telephones and programs write below, in lower case.
const SENT_BY: [&str; 12] = [
    "sent from my ",
    "sent from mail for ",
    "sent from outlook",
    "get outlook for ",
    "von meinem ",
    "gesendet von ",
    "lähetetty ",
    "hae outlook",
    "išsiųsta iš ",
    "siųsta iš ",
    "nosūtīts no ",
    "sūtīts no ",
];
/// Lines over which the sentence above a quote may be wrapped.
const WRAPPED: usize = 4;

/// Why a piece of a mail was not written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// A mail that it answers, with the line that introduces it.
    Quote,
    /// Who writes.
    Signature,
    /// What a mail program, a telephone or a mailing list adds.
    Footer,
}

impl Fold {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Signature => "signature",
            Self::Footer => "footer",
        }
    }
}

/// A piece of a mail that was not written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Why it is folded away.
    pub fold: Fold,
    /// Its lines as they stand.
    pub text: String,
}

/// What was written anew, and the rest.
pub(super) fn split(text: &str) -> (String, Vec<Folded>) {
    (said(text), Vec::new())
}

/// Only what is new; everything when nothing would be left.
fn said(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let end = (0..lines.len()).find(|at| begins_quote(lines.get(*at..).unwrap_or_default())).unwrap_or(lines.len());
    let own: Vec<&str> = lines.iter().take(end).filter(|line| !line.trim_start().starts_with('>')).copied().collect();
    let signature = own.iter().position(|line| matches!(*line, "--" | "—")).unwrap_or(own.len());
    let mut own: Vec<&str> = own.into_iter().take(signature).collect();
    while let Some(last) = own.last().map(|line| line.trim().to_lowercase()) {
        if !(last.is_empty() || last.len() < 80 && SENT_BY.iter().any(|known| last.starts_with(known))) {
            break;
        }
        own.pop();
    }
    let own = own.join("\n").trim().to_owned();
    if own.is_empty() { text.trim().to_owned() } else { own }
}

/// Whether everything from here on was quoted.
fn begins_quote(lines: &[&str]) -> bool {
    let Some(first) = lines.first().map(|line| line.trim().trim_matches('*')) else { return false };
    if first.is_empty() {
        return false;
    }
    let lower = first.to_lowercase();
    let dashed = first.starts_with("--") && ORIGINAL.contains(&lower.trim_matches(['-', ' ']));
    let ruled = first.len() >= 20 && first.bytes().all(|byte| byte == b'_') && has_fields(lines.get(1..).unwrap_or_default());
    dashed || ruled || has_fields(lines) || is_attribution(lines)
}

/// Outlook's block of fields.
fn has_fields(lines: &[&str]) -> bool {
    let field = |line: &str, names: &[&str]| {
        let line = line.trim().replace('*', "").to_lowercase();
        names.iter().any(|name| line.starts_with(name))
    };
    let mut filled = lines.iter().filter(|line| !line.trim().is_empty());
    let from = filled.next().is_some_and(|line| field(line, &FROM));
    from && filled.take(3).filter(|line| field(line, &SOON_AFTER)).count() >= 2
}

/// `On Tue, 3 Nov 2026 at 10:00, Anna <anna@example.com> wrote:`, over one line or several.
fn is_attribution(lines: &[&str]) -> bool {
    let mut sentence = String::new();
    for line in lines.iter().take(WRAPPED) {
        if line.trim().is_empty() || line.trim_start().starts_with('>') {
            return false;
        }
        sentence.push_str(line.trim());
        sentence.push(' ');
        if line.trim_end().ends_with(':') {
            break;
        }
    }
    let sentence = sentence.trim().to_lowercase();
    // A date or an address has to be in it: people write "she wrote:" as well.
    let dated = sentence.contains('@') || sentence.chars().filter(char::is_ascii_digit).count() >= 4;
    let wrote = sentence.split(|c: char| !c.is_alphabetic() && c != ' ').any(|words| WROTE.iter().any(|verb| has_word(words, verb)));
    sentence.ends_with(':') && dated && wrote && sentence.len() < 300
}

fn has_word(words: &str, verb: &str) -> bool {
    words.trim() == verb || words.split_whitespace().any(|word| word == verb) || (verb.contains(' ') && words.contains(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_stays_and_what_was_quoted_goes() {
        for (text, new) in [
            ("Thanks!\n\nOn Tue, Nov 3, 2026 at 10:00 AM Rida Bikes <care@rida.example>\nwrote:\n\n> Dear Anna\n> hello", "Thanks!"),
            ("Ačiū\n\n2026-11-03, an 10:00, Rida <care@rida.example> rašė:\n> labas", "Ačiū"),
            ("Paldies!\n\notrd., 2026. g. 3. nov., plkst. 10:00 — lietotājs Rida (<care@rida.example>) rakstīja:\n\n> sveiki", "Paldies!"),
            ("Kiitos\n\nti 3. marrask. 2026 klo 10.00 Rida (care@rida.example) kirjoitti:\n> hei", "Kiitos"),
            ("Danke\n\nAm 03.11.2026 um 10:00 schrieb Rida <care@rida.example>:\n> hallo", "Danke"),
            (
                "Yes.\n\n________________________________\nFrom: Rida <care@rida.example>\nSent: Tuesday\nTo: Anna\nSubject: Hi\n\nDear Anna",
                "Yes.",
            ),
            ("Ja.\n\nVon: Rida\nGesendet: Dienstag\nAn: Anna\nBetreff: Hallo\n\nLiebe Anna", "Ja."),
            ("Taip\n\nNuo: Rida\nIšsiųsta: antradienis\nKam: Anna\nTema: Labas", "Taip"),
            ("No\n\n-----Original Message-----\nFrom: x", "No"),
            ("> first question\nyes\n> second\nno", "yes\nno"),
            ("Hello\n-- \nAnna\nCEO", "Hello"),
            ("Sure\n\nSent from my iPhone", "Sure"),
            ("She wrote: call me", "She wrote: call me"),
            ("From: here to there\nit is far", "From: here to there\nit is far"),
            ("> only quoted", "> only quoted"),
        ] {
            assert_eq!(said(text), new, "{text}");
        }
    }
}
