//! Lists of the words that programs write.

/// Words in lower case, divided by `|`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words(pub(super) &'static str);

impl Words {
    fn each(self) -> impl Iterator<Item = &'static str> {
        self.0.split('|')
    }

    /// Whether it is one of them.
    pub(super) fn has(self, word: &str) -> bool {
        self.each().any(|known| known == word)
    }

    /// Whether one of them stands in a text.
    pub(super) fn stand_in(self, text: &str) -> bool {
        self.each().any(|known| text.contains(known))
    }

    /// Whether a text begins with one of them.
    pub(super) fn begin(self, text: &str) -> bool {
        self.each().any(|known| text.starts_with(known))
    }
}
