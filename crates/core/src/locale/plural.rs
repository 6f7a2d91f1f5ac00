//! Which form of a word goes with a number, by CLDR's rules for English, Finnish, Lithuanian and Latvian.

use serde::{Deserialize, Serialize};

use super::Locale;

/// The categories that a language's plural strings are keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plural {
    /// Latvian 0, 10-20, 30.
    Zero,
    /// 1; in Lithuanian and Latvian also 21, 31, 101.
    One,
    /// Lithuanian 2-9, 22-29.
    Few,
    /// Lithuanian fractions.
    Many,
    /// What is left. Every language has it.
    Other,
}

impl Plural {
    /// The key in a language's file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::One => "one",
            Self::Few => "few",
            Self::Many => "many",
            Self::Other => "other",
        }
    }
}

/// A number as it is written: 1 and 1.0 can take different words. The sign plays no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    whole: u64,
    decimals: usize,
    fraction: u64,
}

impl Number {
    /// Reads digits with at most one `.` or `,` and up to 18 decimals, such as `-1.50`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['-', '\u{2212}', '+']).unwrap_or(text);
        let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 18 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let parsed = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        Some(Self { whole: whole.parse().ok()?, decimals: fraction.len(), fraction: parsed })
    }
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self { whole, decimals: 0, fraction: 0 }
    }
}

impl Locale {
    /// The category of a number in this language; a language that isn't shipped counts like English.
    pub fn plural(&self, number: impl Into<Number>) -> Plural {
        let number = number.into();
        match self.language() {
            "lt" => lithuanian(number),
            "lv" => latvian(number),
            _ => english_or_finnish(number),
        }
    }
}

const fn english_or_finnish(number: Number) -> Plural {
    if number.whole == 1 && number.decimals == 0 { Plural::One } else { Plural::Other }
}

const fn lithuanian(Number { whole, fraction, .. }: Number) -> Plural {
    match (fraction, whole % 10, whole % 100) {
        (1.., _, _) => Plural::Many,
        (_, _, 11..=19) => Plural::Other,
        (_, 1, _) => Plural::One,
        (_, 2..=9, _) => Plural::Few,
        _ => Plural::Other,
    }
}

const fn latvian(Number { whole, decimals, fraction }: Number) -> Plural {
    // What counts is the last digits: of the fraction when there is one, else of the whole number.
    let last = if fraction == 0 { whole } else { fraction };
    let teen = matches!(last % 100, 11..=19) && (fraction == 0 || decimals == 2);
    match last % 10 {
        _ if teen => Plural::Zero,
        0 if fraction == 0 => Plural::Zero,
        1 => Plural::One,
        _ => Plural::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(language: &str, number: &str) -> &'static str {
        Locale::parse(language).unwrap().plural(Number::parse(number).unwrap()).as_str()
    }

    #[test]
    fn latvian_fractions_follow_their_last_digits() {
        let cases =
            [("10.0", "zero"), ("0.11", "zero"), ("0.21", "one"), ("0.111", "one"), ("0.10", "other"), ("1.0", "one"), ("2.20", "other")];
        for (number, category) in cases {
            assert_eq!(of("lv", number), category, "{number}");
        }
    }

    #[test]
    fn the_sign_plays_no_part_and_nonsense_is_no_number() {
        assert_eq!((of("lt-LT", "-21"), of("lt", "\u{2212}2"), of("xx", "1")), ("one", "few", "one"));
        for bad in ["", "a", "1.2.3", "1e3", ".5", "99999999999999999999999"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }
}
