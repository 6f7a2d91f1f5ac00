//! Closed sets of words: an enum in code, a word in files, URLs and the database.

use std::{fmt::Debug, str::FromStr};

use strum::VariantArray;

/// An enum whose variants are words: derive `IntoStaticStr`, `EnumString` and `VariantArray`.
pub trait Word: Copy + Eq + Debug + Send + Sync + FromStr + Into<&'static str> + VariantArray {
    /// All of them, in their order.
    const ALL: &'static [Self] = Self::VARIANTS;

    /// The word.
    fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads the word back; `None` for any other word.
    fn parse(word: &str) -> Option<Self> {
        word.parse().ok()
    }

    /// All words.
    fn words() -> Vec<&'static str> {
        Self::ALL.iter().map(|word| word.as_str()).collect()
    }

    /// All words, as a sentence lists them: `open, done or cancelled`.
    fn list() -> String {
        let words = Self::words();
        match words.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
            _ => words.concat(),
        }
    }
}

impl<T: Copy + Eq + Debug + Send + Sync + FromStr + Into<&'static str> + VariantArray> Word for T {}

#[cfg(test)]
mod tests {
    use super::Word as _;
    use crate::state::TaskStatus;

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!(TaskStatus::parse("done"), Some(TaskStatus::Done));
        assert_eq!(TaskStatus::parse("Done"), None);
        assert_eq!(TaskStatus::list(), "open, done or cancelled");
    }
}
