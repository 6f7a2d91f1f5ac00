//! Codes as people have them: one a line, or a CSV with the columns `code` and `expires_at`. Pure.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use hearback_core::text::{MAX_LINE, line};

/// A code on its way into a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// 1-255 characters in one line.
    pub code: String,
    /// From this moment on it is not given any more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A line that is no code, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// From 1.
    pub line: u64,
    /// What is wrong and what was expected.
    pub why: String,
}

/// Reads a text with one code a line, or a CSV whose first line has the column `code`, and may have `expires_at` (a time such as
/// 2026-12-31T18:00:00Z, or a date, which is the last day on which the code is good, in UTC). `expires_at` is for codes without
/// their own. Empty lines are passed over.
pub fn read_codes(text: &str, expires_at: Option<DateTime<Utc>>) -> (Vec<NewCode>, Vec<Unread>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = if first.contains(';') { ';' } else { ',' };
    let columns: Vec<String> = first.split(delimiter).map(|cell| unquoted(cell).to_ascii_lowercase()).collect();
    let place = |name: &str| columns.iter().position(|column| column == name);
    let (mut codes, mut unread) = (Vec::new(), Vec::new());
    let header = place("code");
    let numbered = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()).skip(usize::from(header.is_some()));
    for (number, row) in numbered {
        let cell = |place: usize| row.split(delimiter).nth(place).map(unquoted).unwrap_or_default();
        let code = header.map_or(row.trim(), cell);
        let own = header.and(place("expires_at")).map(cell).filter(|text| !text.is_empty());
        let read = line(code, MAX_LINE).map_err(|error| format!("the code {error}")).and_then(|code| {
            let expires_at = own.map(read_expiry).transpose()?.or(expires_at);
            Ok(NewCode { code, expires_at })
        });
        match read {
            Ok(code) => codes.push(code),
            Err(why) => unread.push(Unread { line: number, why }),
        }
    }
    (codes, unread)
}

/// A time, or a date: the last day on which something is good.
pub fn read_expiry(text: &str) -> Result<DateTime<Utc>, String> {
    let end_of_day = |date: NaiveDate| Some((date + Days::new(1)).and_time(NaiveTime::MIN).and_utc());
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .ok()
        .or_else(|| text.parse().ok().and_then(end_of_day))
        .ok_or_else(|| format!("expires_at must be a time such as 2026-12-31T18:00:00Z or a date such as 2026-12-31, got `{text}`"))
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn plain_lines_are_codes() {
        let (codes, unread) = read_codes("\u{feff}A-1\r\n\n  B 2 \nC;3\n", None);
        assert_eq!(codes.iter().map(|code| code.code.as_str()).collect::<Vec<_>>(), ["A-1", "B 2", "C;3"]);
        assert!(unread.is_empty() && codes.iter().all(|code| code.expires_at.is_none()));
    }

    #[test]
    fn a_header_names_the_columns() {
        let text = "note;Code;expires_at\nx;\"A\";2026-12-31\ny;B;\nz;C;soon\n;D;2026-12-31T18:00:00+02:00";
        let (codes, unread) = read_codes(text, Some(time("2030-01-01T00:00:00Z")));
        let expiry = |code: &str| codes.iter().find(|one| one.code == code).unwrap().expires_at;
        assert_eq!(expiry("A"), Some(time("2027-01-01T00:00:00Z")), "good to the end of its day");
        assert_eq!(expiry("B"), Some(time("2030-01-01T00:00:00Z")));
        assert_eq!(expiry("D"), Some(time("2026-12-31T16:00:00Z")));
        assert_eq!(unread.len(), 1);
        assert_eq!((unread[0].line, unread[0].why.contains("`soon`")), (4, true));
    }

    #[test]
    fn what_is_no_code_is_told_with_its_line() {
        let long = "x".repeat(300);
        let (codes, unread) = read_codes(&format!("A\n{long}\nB"), None);
        assert_eq!((codes.len(), unread.len(), unread[0].line), (2, 1, 2));
    }
}
