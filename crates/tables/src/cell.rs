//! Cells that a spreadsheet would run as a formula, and texts that would be read back as something else.
//!
//! What must stay true: what [`write()`] and [`write_value()`] made safe, [`read`] and [`read_value`] give back as it was.

use std::borrow::Cow;

/// Starts of a formula, and the white space that spreadsheets skip or split at. The wide ones are what an East Asian
/// keyboard gives.
const STARTS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|'];

/// The text with a `'` before it when a spreadsheet would run it. Numbers stay numbers.
pub fn write(text: &str) -> Cow<'_, str> {
    if runs(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text without the `'` that stands before something a spreadsheet would run.
pub fn read(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| runs(rest)).unwrap_or(text)
}

/// The same for a text in a column that holds numbers and flags too: one that looks like them gets a `'` as well.
pub fn write_value(text: &str) -> Cow<'_, str> {
    if looks_typed(text) { Cow::Owned(format!("'{text}")) } else { write(text) }
}

/// A cell of such a column; the text alone where a `'` says that it is one.
pub fn read_value(cell: &str) -> Result<&str, &str> {
    match cell.strip_prefix('\'').filter(|rest| looks_typed(rest)) {
        Some(text) => Err(text),
        None => Ok(read(cell)),
    }
}

fn runs(text: &str) -> bool {
    let first = text.trim_start_matches([' ', '\u{a0}', '\u{3000}', '\'', '"']).chars().next();
    first.is_some_and(|first| STARTS.contains(&first)) && text.parse::<f64>().is_err()
}

fn looks_typed(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    matches!(bare, "true" | "false" | "NA") || bare.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_made_text_and_come_back() {
        for text in ["=1+1", "+370 600 00000", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", " =1", "\"=1", "'=1", "＝1", "-", "''+x"] {
            let safe = write(text);
            assert!(safe.starts_with('\'') && safe.len() == text.len() + 1, "{safe}");
            assert_eq!(read(&safe), text);
        }
        for text in ["", "fine", "it's", "'quoted'", "-3", "-3.5", "+7", "a=b", "2026-01-01"] {
            assert_eq!(write(text), text);
            assert_eq!(read(text), text);
        }
    }

    #[test]
    fn texts_that_look_like_numbers_stay_texts() {
        for text in ["7", "007", "-3", "1e3", "true", "NA", "'7", "''true"] {
            assert_eq!(read_value(&write_value(text)), Err(text));
        }
        for text in ["", "gold", "=1", "'=1", "'", "it's 7", "'gold"] {
            assert_eq!(read_value(&write_value(text)), Ok(text));
        }
        assert_eq!(read_value("7"), Ok("7"), "a number is one");
    }
}
