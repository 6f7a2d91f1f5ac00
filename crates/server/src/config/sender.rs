//! Who mail is from, as people write it: an address, or `Name <address>`.

use hearback_core::{
    Email,
    text::{self, MAX_LINE},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Mail;

/// Who mail is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The address.
    pub email: Email,
    /// The name that stands before it, if one does.
    pub name: Option<String>,
}

impl Sender {
    fn parse(text: &str) -> Result<Self, String> {
        let told = |why: String| format!("{why}; write care@example.com, or Name <care@example.com>");
        let Some((name, address)) = text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
            return Ok(Self { email: Email::parse(text).map_err(|error| told(error.to_string()))?, name: None });
        };
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).map_or_else(|| name.to_owned(), unescaped);
        let name = if name.trim().is_empty() {
            None
        } else {
            Some(text::line(&name, MAX_LINE).map_err(|error| told(format!("the name {error}")))?)
        };
        Ok(Self { email: Email::parse(address).map_err(|error| told(error.to_string()))?, name })
    }
}

/// A quoted name, without the backslashes before its quotes.
fn unescaped(name: &str) -> String {
    let mut letters = name.chars();
    std::iter::from_fn(|| letters.next().map(|letter| if letter == '\\' { letters.next().unwrap_or(letter) } else { letter })).collect()
}

impl Mail {
    /// The sender's name: the one that stands with the address, or that of the setting of its own.
    pub fn sender_name(&self) -> &str {
        self.from.name.as_deref().unwrap_or(&self.from_name)
    }
}

/// As it is shown: the address. The name is shown as a setting of its own.
impl Serialize for Sender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.email.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_name_before_it() {
        for (written, name) in [
            ("care@rida.example", None),
            (" <Care@Rida.Example> ", None),
            ("Rida Bikes <care@rida.example>", Some("Rida Bikes")),
            ("Rida Bikes<care@rida.example>", Some("Rida Bikes")),
            ("\"Rida, \\\"Bikes\\\"\" <care@rida.example>", Some("Rida, \"Bikes\"")),
            ("Dviračių <3 namai <care@rida.example>", Some("Dviračių <3 namai")),
        ] {
            let sender = Sender::parse(written).unwrap();
            assert_eq!((sender.email.as_str(), sender.name.as_deref()), ("care@rida.example", name), "{written}");
        }
        for wrong in ["", "Rida Bikes", "Rida Bikes <care>", "Rida <care@rida.example", "care@rida.example>", "a@rida.example <b"] {
            let error = Sender::parse(wrong).unwrap_err();
            assert!(error.contains("Name <care@example.com>"), "{wrong}: {error}");
        }
        assert!(Sender::parse(&format!("{} <care@rida.example>", "x".repeat(300))).is_err());
    }
}
