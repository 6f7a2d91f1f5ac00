//! What can be read of a mail: of several forms of the same words the plain one, of pieces that follow each other all.

use std::collections::HashSet;

use hearback_core::text;

use super::{html, part::Part};

/// The words of a mail.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// All of its text.
    pub(super) text: String,
    /// What a server on the way has put below the encoded text.
    pub(super) footer: String,
    /// Why nothing can be read, where something was written.
    pub(super) unread: Option<&'static str>,
}

pub(super) fn of(parts: &[Part<'_>]) -> Body {
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = parts;
    while let Some((first, after)) = rest.split_first() {
        // Forms of the same words stand next to each other.
        let count = first.form.map_or(1, |(all, _)| rest.iter().take_while(|part| part.form.is_some_and(|(of, _)| of == all)).count());
        let (forms, others) = rest.split_at_checked(count).unwrap_or((&[], after));
        pieces.extend(best(forms));
        rest = others;
    }
    // Some programs send both forms one after the other.
    let mut known = HashSet::new();
    pieces.retain(|piece| {
        let squeezed: String = piece.chars().filter(|c| c.is_alphanumeric()).collect();
        squeezed.is_empty() || known.insert(squeezed)
    });
    let found = pieces.join("\n");
    let text = clean(&found);
    let footer = parts.iter().filter(|part| is_text(part)).filter_map(Part::below).collect::<Vec<_>>().join("\n");
    let unread = parts.iter().find_map(closed).or_else(|| text.contains("-----BEGIN PGP MESSAGE-----").then_some(ENCRYPTED));
    Body { text, footer: clean(&footer), unread }
}

/// Of the forms of the same words the first plain one that has any, else the first that has any.
fn best(forms: &[Part<'_>]) -> Option<String> {
    let shown = || forms.iter().filter(|part| part.is_shown() && is_text(part));
    let mut branches: Vec<usize> = shown().map(|part| part.form.map_or(0, |(_, branch)| branch)).collect();
    branches.dedup();
    let mut all = branches.into_iter().filter_map(|branch| {
        let of = || shown().filter(move |part| part.form.is_none_or(|(_, known)| known == branch));
        let words = of().map(readable).filter(|words| !words.trim().is_empty()).collect::<Vec<_>>().join("\n");
        (!words.is_empty()).then(|| (of().any(|part| part.media.kind == "text/plain"), words))
    });
    let first = all.next()?;
    Some(if first.0 { first.1 } else { all.find(|(is_plain, _)| *is_plain).unwrap_or(first).1 })
}

fn is_text(part: &Part<'_>) -> bool {
    matches!(part.media.kind.as_str(), "text/plain" | "text/html")
}

fn readable(part: &Part<'_>) -> String {
    if part.media.kind == "text/html" { html::to_text(&part.text()) } else { part.text() }
}

fn clean(text: &str) -> String {
    text::clean_block(text)
}

const ENCRYPTED: &str = "[This mail is encrypted and can't be read here. Ask its writer to send it again without encryption.]";
const OF_OUTLOOK: &str =
    "[This mail is in a form that only Outlook reads (winmail.dat). Ask its writer to send it again as plain text or HTML.]";

/// Of a part that holds words which nobody else than its reader can open: what to do.
fn closed(part: &Part<'_>) -> Option<&'static str> {
    let is_winmail = || part.file_name().is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"));
    match part.media.kind.as_str() {
        "application/pkcs7-mime" | "application/x-pkcs7-mime" | "application/pgp-encrypted" => Some(ENCRYPTED),
        "application/ms-tnef" | "application/vnd.ms-tnef" => Some(OF_OUTLOOK),
        "application/octet-stream" if is_winmail() => Some(OF_OUTLOOK),
        _ => None,
    }
}
