//! Finding what may be a mark of ours: the letters behind `+` in an address.

use super::{head::Head, part::Part};

/// Letters of a mark, as `hearback_core::token` makes them.
const LETTERS: usize = 42;
/// Where servers write whom a mail was for, the surest first.
const RECIPIENTS: [&str; 7] = ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc", "resent-to"];
/// Where a mail of ours that comes back has an address of ours, the surest first.
const OF_OURS: [&str; 4] = ["return-path", "reply-to", "from", "list-unsubscribe"];
/// Where the report itself says which mail it is about.
const OF_REPORT: [&str; 1] = ["original-mail-from"];
/// Most that are looked at: each costs a signature.
const MOST: usize = 20;

/// Those in the addresses that the mail came to.
pub(super) fn of(head: &Head<'_>, recipient: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = recipient.into_iter().filter_map(|address| in_address(address.trim())).collect();
    for name in RECIPIENTS {
        add(&mut found, head.addresses(name).iter().filter_map(|address| in_address(address)));
    }
    found
}

/// Those in the mail of ours that a report brings back.
pub(super) fn of_original(head: &Head<'_>) -> Vec<String> {
    in_fields(head, &OF_OURS)
}

/// Those in what a complaint itself says about the mail.
pub(super) fn of_complaint(part: &Part<'_>) -> Vec<String> {
    if part.media.kind != "message/feedback-report" {
        return Vec::new();
    }
    Head::split(&part.bytes()).map(|(head, _)| in_fields(&head, &OF_REPORT)).unwrap_or_default()
}

fn in_fields(head: &Head<'_>, names: &[&'static str]) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        // Addresses in links and in brackets alike: whatever looks like one is cut out.
        let values = head.raw(name).map(|value| String::from_utf8_lossy(value).into_owned());
        let words: Vec<String> =
            values.flat_map(|value| value.split(['<', '>', ',', ' ', ':', '?']).map(str::to_owned).collect::<Vec<_>>()).collect();
        add(&mut found, words.iter().filter_map(|word| in_address(word.trim())));
    }
    found
}

fn add(found: &mut Vec<String>, marks: impl Iterator<Item = String>) {
    for mark in marks {
        if found.len() < MOST && !found.contains(&mark) {
            found.push(mark);
        }
    }
}

/// `local+MARK@domain`
fn in_address(address: &str) -> Option<String> {
    let (local, _) = address.rsplit_once('@')?;
    let (_, mark) = local.rsplit_once('+')?;
    let plain = mark.len() == LETTERS && mark.bytes().all(|byte| matches!(byte.to_ascii_lowercase(), b'a'..=b'z' | b'2'..=b'7'));
    plain.then(|| mark.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_what_stands_behind_the_last_plus() {
        let mark = "a2".repeat(21);
        assert_eq!(in_address(&format!("care+{}@x.lt", mark.to_uppercase())).as_ref(), Some(&mark));
        assert_eq!(in_address(&format!("prvs=12ab=care+team+{mark}@x.lt")).as_ref(), Some(&mark));
        for no in ["care@x.lt", "care+abc@x.lt", &format!("{mark}@x.lt"), &format!("care+{mark}1@x.lt"), &format!("care+{mark}")] {
            assert_eq!(in_address(no), None, "{no}");
        }
    }
}
