//! Text as it is compared when somebody looks for it: in any case, with or without its accents, in any script.
//!
//! Done here and not by the database: SQLite knows the case of ASCII alone, and PostgreSQL what its locale knows. Pure.

use unicode_normalization::{UnicodeNormalization as _, char::canonical_combining_class};

/// The text without case, accents and the forms of letters that only look different. What is found by a folded text is found by each of
/// its parts.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_accent(*c)).flat_map(char::to_lowercase).filter(|c| !is_accent(*c)) {
        match plain(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    folded
}

/// Marks above, below and through a letter, and the vowel points that Hebrew and Arabic may leave out. Marks that make another letter,
/// as in Japanese and the scripts of India, stay.
fn is_accent(c: char) -> bool {
    matches!(canonical_combining_class(c), 1 | 10..=36 | 200..)
}

/// Letters that Unicode takes for letters of their own, and people write without their stroke.
const fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ł' => "l",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ŋ' => "n",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        'þ' => "th",
        'ς' => "σ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_script_and_without_accents() {
        for (name, looked_for) in [
            ("Živilė Ąžuolė", "zivile azuole"),
            ("ŽIVILĖ", "živilė"),
            ("Z\u{30C}ivile\u{307}", "Živilė"),
            ("ÕNNE Ööbik", "õnne ööbik"),
            ("Łukasz Świątek", "lukasz swiatek"),
            ("Søren Æbelø", "soren aebelo"),
            ("Straße", "STRASSE"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσεύς"),
            ("Ёлкина", "елкина"),
            ("İSTANBUL", "istanbul"),
            ("Nguyễn", "nguyen"),
            ("ＡＢＣ", "abc"),
            ("שָׁלוֹם", "שלום"),
        ] {
            assert_eq!(fold(name), fold(looked_for), "{name}");
        }
        for (name, other) in [("が", "か"), ("कि", "कु"), ("안녕", "안경"), ("Anna", "Annu")] {
            assert_ne!(fold(name), fold(other), "{name}");
        }
    }

    #[test]
    fn what_is_folded_stays_as_it_is() {
        for text in ["Živilė", "ΟΔΥΣΣΕΥΣ", "İ", "ŉ", "ǅ", "ﬁ", "a@x.lt", "客户"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }
}
