//! Which form of a word goes with a number: a language's rules as CLDR writes them, read and asked.
//!
//! `n % 10 = 1 and n % 100 != 11..19`: `n` is the number, `i` its whole part, `v` how many decimals are written, `f` these decimals.

use std::{collections::BTreeMap, ops::RangeInclusive};

/// The form that every language has.
const OTHER: &str = "other";
/// The forms that have a rule, in the order in which they are asked.
const CATEGORIES: [&str; 5] = ["zero", "one", "two", "few", "many"];

/// When each form of a language is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluralRules(Vec<(&'static str, Alternatives)>);

/// One of them must hold, of which every comparison.
type Alternatives = Vec<Vec<Relation>>;

/// `n % 10 = 2..9, 12`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Relation {
    operand: char,
    modulus: Option<u64>,
    is_among: bool,
    ranges: Vec<RangeInclusive<u64>>,
}

impl PluralRules {
    /// Reads the rule of each form; `other` has none. The error says what is wrong with which.
    pub fn parse(rules: &BTreeMap<String, String>) -> Result<Self, String> {
        if let Some(unknown) = rules.keys().find(|form| !CATEGORIES.contains(&form.as_str())) {
            return Err(format!("`{unknown}` is no form with a rule; there are {}", CATEGORIES.join(", ")));
        }
        let read = |(form, text): (&'static str, &String)| {
            let alternatives =
                text.split(" or ").map(|all| all.split(" and ").map(Relation::parse).collect::<Option<_>>()).collect::<Option<_>>();
            let problem = || format!("`{form}`: `{text}` is not a rule; write for example `n % 10 = 1 and n % 100 != 11..19`");
            Ok((form, alternatives.ok_or_else(problem)?))
        };
        CATEGORIES.into_iter().filter_map(|form| Some((form, rules.get(form)?))).map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The form that goes with a number.
    pub fn form(&self, number: Number) -> &'static str {
        let holds = |all: &Vec<Relation>| all.iter().all(|relation| relation.holds(number));
        self.0.iter().find(|(_, alternatives)| alternatives.iter().any(holds)).map_or(OTHER, |(form, _)| form)
    }

    /// All forms of the language.
    pub fn forms(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(form, _)| *form).chain([OTHER])
    }
}

impl Relation {
    fn parse(text: &str) -> Option<Self> {
        let (left, right) = text.split_once('=')?;
        let (left, is_among) = left.strip_suffix('!').map_or((left, true), |left| (left, false));
        let (operand, modulus) = match left.split_once('%') {
            Some((operand, modulus)) => (operand, Some(modulus.trim().parse().ok().filter(|modulus| *modulus > 0)?)),
            None => (left, None),
        };
        let operand = operand.trim().parse().ok().filter(|operand| "nivf".contains(*operand))?;
        let range = |text: &str| {
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        };
        Some(Self { operand, modulus, is_among, ranges: right.split(',').map(range).collect::<Option<_>>()? })
    }

    fn holds(&self, number: Number) -> bool {
        let value = match self.operand {
            // A number with a fraction is among no whole numbers.
            'n' => (number.fraction == 0).then_some(number.whole),
            'i' => Some(number.whole),
            'v' => Some(number.decimals),
            _ => Some(number.fraction),
        };
        let value = value.map(|value| self.modulus.map_or(value, |modulus| value % modulus));
        value.is_some_and(|value| self.ranges.iter().any(|range| range.contains(&value))) == self.is_among
    }
}

/// A number as it is written: 1 and 1.0 can take different words. The sign plays no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    whole: u64,
    decimals: u64,
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
        Some(Self { whole: whole.parse().ok()?, decimals: fraction.len() as u64, fraction: parsed })
    }
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self { whole, decimals: 0, fraction: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(pairs: &[(&str, &str)]) -> Result<PluralRules, String> {
        PluralRules::parse(&pairs.iter().map(|(form, rule)| ((*form).to_owned(), (*rule).to_owned())).collect())
    }

    #[test]
    fn rules_are_asked_in_order_and_other_is_what_is_left() {
        let arabic =
            rules(&[("zero", "n = 0"), ("one", "n = 1"), ("two", "n = 2"), ("few", "n % 100 = 3..10"), ("many", "n % 100 = 11..99")]);
        let arabic = arabic.unwrap();
        assert_eq!(arabic.forms().collect::<Vec<_>>(), ["zero", "one", "two", "few", "many", "other"]);
        for (number, form) in
            [("0", "zero"), ("2", "two"), ("103", "few"), ("111", "many"), ("100", "other"), ("1.5", "other"), ("-1", "one")]
        {
            assert_eq!(arabic.form(Number::parse(number).unwrap()), form, "{number}");
        }
        assert_eq!(PluralRules::default().form(1.into()), "other");
    }

    #[test]
    fn a_fraction_is_among_no_whole_numbers() {
        let rules = rules(&[("one", "n != 1..3 and v = 1"), ("few", "i = 0,1 and f % 10 = 5")]).unwrap();
        assert_eq!(
            ["2.5", "2.0", "1.15", "1.51"].map(|number| rules.form(Number::parse(number).unwrap())),
            ["one", "other", "few", "other"]
        );
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for bad in ["", "n", "n = ", "n = x", "x = 1", "n % 0 = 1", "n = 1..", "n == 1", "n = 1 and", "n is 1"] {
            assert!(rules(&[("one", bad)]).unwrap_err().contains("is not a rule"), "{bad}");
        }
        assert!(rules(&[("some", "n = 1")]).unwrap_err().contains("`some` is no form"));
    }

    #[test]
    fn nonsense_is_no_number() {
        for bad in ["", "a", "1.2.3", "1e3", ".5", "99999999999999999999999"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }
}
