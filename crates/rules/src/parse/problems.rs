//! The mistakes found so far, and the nearest word to a mistyped one.

use super::{RuleError, tree::At};

/// Most mistakes that are told one by one.
const MAX_TOLD: usize = 100;

/// Collects mistakes; the reader goes on after each.
#[derive(Debug, Default)]
pub struct Problems {
    told: Vec<(At, String)>,
    more: usize,
}

impl Problems {
    pub fn add(&mut self, at: At, message: impl Into<String>) {
        if self.told.len() < MAX_TOLD {
            self.told.push((at, message.into()));
        } else {
            self.more += 1;
        }
    }

    /// A key that `what` does not have.
    pub fn unknown(&mut self, at: At, key: &str, what: &str, allowed: &[&str]) {
        let guess = closest(key, allowed).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
        self.add(at, format!("unknown key `{}`{guess} ({what} has: {})", cut(key), allowed.join(", ")));
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// In the order of the file.
    pub fn into_errors(mut self, file: &str) -> Vec<RuleError> {
        self.told.sort();
        if let (Some((at, _)), true) = (self.told.last(), self.more > 0) {
            self.told.push((*at, format!("and {} more mistakes; correct these first", self.more)));
        }
        let error = |(at, message): (At, String)| RuleError { file: file.to_owned(), line: at.line, column: at.column, message };
        self.told.into_iter().map(error).collect()
    }
}

/// The start of a text, short enough for a message.
pub fn cut(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The word that was probably meant: the nearest one within a third of its length in typing slips.
pub fn closest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let slips_allowed = |candidate: &str| (candidate.chars().count() / 3).clamp(1, 3);
    let distance = |candidate: &str| slips(&word.to_lowercase(), candidate);
    words
        .iter()
        .map(|candidate| (distance(candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= slips_allowed(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters are missing, extra, wrong or swapped with their neighbour. Words that are far apart in
/// length count as far apart without a closer look.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let cell = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = cell(&above, j) + usize::from(from != to);
            let mut least = replaced.min(cell(&above, j + 1) + 1).min(cell(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from) {
                least = least.min(cell(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    cell(&above, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_word() {
        let words = ["segment", "score", "survey", "detractor", "if"];
        for (typed, meant) in [("segmnet", "segment"), ("Segment", "segment"), ("scor", "score"), ("detracter", "detractor"), ("iff", "if")]
        {
            assert_eq!(closest(typed, &words), Some(meant), "{typed}");
        }
        for typed in ["", "x", "colour", "segmentation of everything"] {
            assert_eq!(closest(typed, &words), None, "{typed}");
        }
    }

    #[test]
    fn slips_count_letters() {
        for (a, b, count) in [("", "", 0), ("ab", "ba", 1), ("abc", "abd", 1), ("abc", "ab", 1), ("kitten", "sitting", 3)] {
            assert_eq!(slips(a, b), count, "{a} {b}");
        }
    }
}
