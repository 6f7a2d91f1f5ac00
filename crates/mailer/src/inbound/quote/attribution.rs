//! The sentence by which a mail program introduces a quote: `On Tue, 3 Nov 2026 at 10:00, Anna <anna@example.com> wrote:`.
//!
//! Known by what it is made of, a date, a time, an address, a verb of writing, a colon, in whichever language and order, over
//! one line or several.

use super::{is_quoted, line, words::Words};

/// Lines over which it may be wrapped.
const MOST_LINES: usize = 6;
/// Longest line of it, in bytes.
const MOST_BYTES: usize = 400;
/// Words before the date or the address at which it begins.
const FEW_WORDS: usize = 4;
const WORDS_OF_A_NAME: usize = 8;
/// "wrote" as mail programs say it.
const VERBS: Words = Words(
    "wrote|writes|rašė|parašė|rašo|rakstīja|raksta|kirjoitti|kirjoittaa|schrieb|schreibt|geschrieben|kirjutas|skrev|\
     skrifaði|reit|napisał|napisała|napisali|pisze|écrit|scritto|scrive|escribió|escribio|escreveu|escrigué|\
     geschreven|schreef|пишет|написал|написала|написав|пише|писал|написа|напісаў|napsal|napsala|napísal|napísala|\
     napisao|napisala|napisal|írta|scris|yazdı|έγραψε|menulis|viết|skrifar|כתב|كتب",
);
/// The same in scripts without spaces.
const VERBS_IN_SCRIPTS: Words = Words("写道|寫道|书写|書きました|のメール|작성|씀|เขียน");

/// First line, and the one behind the last, of each in a text.
pub(super) fn all(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for end in 0..lines.len() {
        if let Some(start) = start(lines, end, false).filter(|start| found.last().is_none_or(|(_, before)| before <= start)) {
            found.push((start, end + 1));
        }
    }
    found
}

/// The first line of the one that ends here: the fewest lines that are a whole one. `before_quote` says that a quote follows.
pub(super) fn start(lines: &[&str], end: usize, before_quote: bool) -> Option<usize> {
    let last = line(lines, end).trim();
    if last.is_empty() || last.len() > MOST_BYTES {
        return None;
    }
    let next = lines.iter().skip(end + 1).find(|line| !line.trim().is_empty());
    let before_quote = before_quote || next.is_some_and(|line| is_quoted(line) && !is_bracket(line) || line.trim_start().starts_with('|'));
    let could_end = last.ends_with([':', '：', '-', '*', '>']) || before_quote || ends_with_verb(last) || has_offset(last);
    if !could_end {
        return None;
    }
    let (mut best, mut says_when_or_who) = (None, false);
    for first in (end.saturating_sub(MOST_LINES - 1)..=end).rev() {
        let top = line(lines, first).trim();
        let below = line(lines, first + 1).trim();
        let is_within = first < end && below.starts_with(['<', '>', ':']);
        if top.len() > MOST_BYTES || top.is_empty() && !is_within || is_quoted(top) && first < end {
            break;
        }
        says_when_or_who |= top.bytes().any(|byte| byte == b'@' || byte.is_ascii_digit());
        if !says_when_or_who {
            continue;
        }
        let sentence = Sentence::of(lines.get(first..=end).unwrap_or_default());
        if sentence.leads && sentence.introduces(before_quote, is_apart(lines, first, end)) {
            if sentence.is_whole() {
                return Some(first);
            }
            best = best.or(Some(first));
        }
    }
    best
}

/// The end of an address and of its sentence, `> wrote:`, that looks like a quoted line.
fn is_bracket(line: &str) -> bool {
    let line = line.trim();
    line.ends_with(':') && line.split_whitespace().count() <= 4 && (line == ">:" || has_verb(line))
}

/// Whether empty lines stand above and below.
fn is_apart(lines: &[&str], first: usize, end: usize) -> bool {
    let is_empty = |at: Option<usize>| at.is_none_or(|at| line(lines, at).trim().is_empty());
    is_empty(first.checked_sub(1)) && is_empty(Some(end + 1))
}

/// What a sentence is made of.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says of one thing whether it is there")]
struct Sentence {
    date: bool,
    time: bool,
    /// A mail address.
    address: bool,
    /// A mail address, and nothing but a colon behind it.
    ends_with_address: bool,
    verb: bool,
    ends_with_verb: bool,
    colon: bool,
    /// A time with its distance to Greenwich, after a date: no person writes that.
    offset: bool,
    /// It begins with a date or with whose address it is, behind a few words at the most.
    leads: bool,
    /// It begins with a date.
    dated_first: bool,
    /// It stands between dashes.
    dashed: bool,
}

impl Sentence {
    fn of(lines: &[&str]) -> Self {
        let joined = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let text = joined.trim_matches(|c: char| is_dash(c) || matches!(c, '*' | ' ' | '_')).to_lowercase();
        let bare = without_addresses(&text);
        let first = lines.first().map(|line| line.trim().trim_matches(|c: char| is_dash(c) || matches!(c, '*' | ' '))).unwrap_or_default();
        let first = first.to_lowercase();
        let colon = text.ends_with([':', '：']);
        let open = text.trim_end_matches([':', '：', ' ']);
        let dated_first = words_before_date(&first).is_some_and(|words| words <= FEW_WORDS);
        let named_first = bracketed(&first).is_some_and(|name| name.split_whitespace().count() <= WORDS_OF_A_NAME);
        let ends_with_verb = ends_with_verb(&bare);
        Self {
            date: has_date(&bare),
            time: has_time(&bare),
            address: bracketed(&text).is_some() || ends_with_verb && text.contains('@'),
            ends_with_address: open.ends_with(['>', ')', ']']) && open.rsplit(' ').take(2).any(|word| word.contains('@')),
            verb: has_verb(&bare),
            ends_with_verb,
            colon,
            offset: has_offset(&bare),
            leads: dated_first || named_first,
            dated_first,
            dashed: joined.starts_with("--") && joined.ends_with("--"),
        }
    }

    /// Whether it introduces a quote. More is asked of it where no quote follows that is marked as one.
    fn introduces(&self, before_quote: bool, is_apart: bool) -> bool {
        let closed = self.colon || self.ends_with_verb;
        if before_quote {
            return closed && self.address && (self.verb || self.date || self.time)
                || closed && self.verb && self.date
                || self.date && (self.ends_with_address && self.dated_first || self.colon && self.time);
        }
        closed && self.address && self.verb && (self.colon || self.date)
            || self.colon && self.ends_with_address && self.dated_first && self.date && self.time
            || closed && self.verb && self.date && self.time && self.dated_first && (is_apart || self.dashed)
            || self.offset && self.date && self.dated_first && is_apart
    }

    /// Whether nothing of it can stand on the line above.
    fn is_whole(&self) -> bool {
        self.date && (self.address || self.verb || self.offset)
    }
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}')
}

/// The words without those that are addresses, whose digits say nothing.
fn without_addresses(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']'));
    words.filter(|word| !(word.contains('@') || word.contains("://"))).collect::<Vec<_>>().join(" ")
}

/// What stands before a mail address in brackets, as programs write one: `Anna <anna@example.com>`.
fn bracketed(text: &str) -> Option<&str> {
    let opens = ['<', '(', '[', ';'];
    text.match_indices('@').find_map(|(at, _)| {
        let before = text.get(..at)?;
        let before = before.trim_end_matches(|c: char| !(c.is_whitespace() || opens.contains(&c) || matches!(c, ':' | '"' | ',')));
        let name = before.trim_end_matches("mailto:").trim_end();
        (name.ends_with(opens) || name.len() < before.trim_end().len()).then(|| name.trim_end_matches(opens))
    })
}

fn ends_with_verb(text: &str) -> bool {
    has_verb(text.trim_end_matches(|c: char| !c.is_alphabetic()).rsplit(' ').next().unwrap_or_default())
}

fn has_verb(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| VERBS.has(word)) || VERBS_IN_SCRIPTS.stand_in(text)
}

/// Groups of digits: value, length, place behind.
fn numbers(text: &str) -> impl Iterator<Item = (u32, usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let digits = rest.get(start..)?;
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = digits.split_at(length);
        rest = after;
        Some((number.parse().unwrap_or(u32::MAX), length, after))
    })
}

/// A year with a day, `3.11.2026`, `2026-11-03`, `11/3/26`.
pub(super) fn has_date(text: &str) -> bool {
    let all: Vec<(u32, usize, &str)> = timed(text).into_iter().filter(|(_, of_time)| !of_time).map(|(number, _)| number).collect();
    let is_day = |value: u32, length: usize| length <= 2 && (1..=31).contains(&value);
    let year = all.iter().any(|(value, length, _)| *length == 4 && (1970..2100).contains(value));
    let day = all.iter().any(|(value, length, _)| is_day(*value, *length));
    let short = all.windows(3).any(|three| match three {
        [(a, la, after_a), (b, lb, after_b), (_, lc, _)] => {
            is_day(*a, *la) && is_day(*b, *lb) && *lc == 2 && goes_on(after_a) && goes_on(after_b)
        }
        _ => false,
    });
    year && day || short
}

/// Whether a number is followed by the next one of a date.
fn goes_on(after: &str) -> bool {
    after.starts_with(['.', '/', '-']) && after.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The numbers of a text, and whether each is of a time.
fn timed(text: &str) -> Vec<((u32, usize, &str), bool)> {
    let mut all: Vec<((u32, usize, &str), bool)> = Vec::new();
    let mut minutes_follow = false;
    for number in numbers(text) {
        let in_date = all.last().is_some_and(|((_, _, after), _)| goes_on(after));
        let is_hour = !in_date && is_time(number);
        all.push((number, is_hour || minutes_follow));
        minutes_follow = is_hour;
    }
    all
}

/// `10:00`, `10.00`, `10h00`.
fn has_time(text: &str) -> bool {
    timed(text).iter().any(|(_, of_time)| *of_time)
}

/// Whether it is the hour of a time; `3.11.` and `3.11.2026` are none.
fn is_time((value, length, after): (u32, usize, &str)) -> bool {
    let Some(rest) = after.strip_prefix([':', '.', 'h']) else { return false };
    let minutes = rest.bytes().take_while(u8::is_ascii_digit).count();
    let behind = rest.get(minutes..).unwrap_or_default();
    length <= 2 && value < 25 && minutes == 2 && !(after.starts_with('.') && behind.starts_with(['.', '/', '-']))
}

/// `GMT+01:00` behind a time.
fn has_offset(text: &str) -> bool {
    ["GMT+", "GMT-", "UTC+", "UTC-", "gmt+", "gmt-", "utc+", "utc-"].iter().any(|known| text.contains(known)) && has_time(text)
}

/// How many words stand before the number with which a date or a time begins; `None` where the first number is neither.
fn words_before_date(text: &str) -> Option<usize> {
    let (value, length, after) = numbers(text).next()?;
    let before = text.len() - after.len() - length;
    let fits = length <= 2 && value <= 31 || length == 4 && (1970..2100).contains(&value);
    let words = text.get(..before)?;
    (fits && !words.contains('@')).then(|| words.split_whitespace().count())
}
