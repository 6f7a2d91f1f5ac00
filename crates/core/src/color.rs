//! A colour of a workspace, and what can be read on it.
//!
//! Owns: the form `#rrggbb` and contrast. Refuses to know: pages, mails and how a colour is stored.

use std::fmt;

/// A colour that can stand in a style sheet and in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Where a workspace has chosen none.
    pub const STANDARD: Self = Self([0x0f, 0x76, 0x6e]);
    const BLACK: Self = Self([0; 3]);
    const WHITE: Self = Self([255; 3]);

    /// Reads `#0f766e`, in either case of letters; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// The colour of words on it: black or white, whichever is read more easily. The contrast is never below 4.5 to 1.
    pub fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// The contrast to another colour by WCAG 2.2, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_written() {
        assert_eq!(Color::parse("#0F766E"), Some(Color::STANDARD));
        assert_eq!(Color::STANDARD.to_string(), "#0f766e");
        for bad in ["", "#fff", "0f766e", "#0f766g", "#0f766e;", "red", "#+f766e", "#é0f76"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_can_be_read_on_every_colour() {
        assert_eq!(Color::STANDARD.ink(), Color::WHITE);
        assert_eq!(Color([0xff, 0xd4, 0]).ink(), Color::BLACK);
        assert!((Color::BLACK.contrast(Color::WHITE) - 21.0).abs() < 0.001);
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let color = Color([red, green, blue]);
                    assert!(color.contrast(color.ink()) >= 4.5, "{color}");
                }
            }
        }
    }
}
