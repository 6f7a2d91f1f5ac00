//! Whether a new password is good enough: its length, and how many guesses it would take. No rules about its characters.

use zxcvbn::{Score, zxcvbn};

/// Shortest password, in characters (code points).
pub const LEAST: usize = 12;
/// Longest password, in characters (code points).
pub const MOST: usize = 128;
/// What everybody here would try first.
const PRODUCT: &str = "hearback";
/// So much must be left of a password without the product's name and the address.
const REST: usize = 8;
/// What to do instead.
const ADVICE: &str = "take three or four words that have nothing to do with each other or with you, or let a password manager make one up";

/// Says why a password can't be taken and what to do. `email` and `name` are whose it would be.
pub fn check(password: &str, email: &str, name: &str) -> Result<(), String> {
    let length = password.chars().count();
    if length < LEAST {
        return Err(format!("must have at least {LEAST} characters, this has {length}: {ADVICE}"));
    }
    if length > MOST {
        return Err(format!("must have at most {MOST} characters, this has {length}"));
    }
    let lower = password.to_lowercase();
    let own = own_words(email, name);
    let rest = own.iter().chain([&PRODUCT.to_owned()]).fold(lower, |rest, word| rest.replace(word, ""));
    if rest.chars().filter(|letter| letter.is_alphanumeric()).count() < REST {
        return Err(format!("must not be made of your address, your name or the name of this product: {ADVICE}"));
    }
    let words: Vec<&str> = own.iter().map(String::as_str).chain([PRODUCT]).collect();
    let judged = zxcvbn(password, &words);
    if judged.score() < Score::Three {
        let why = judged.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
        let why =
            why.map_or_else(|| "is too easy to guess".to_owned(), |why| format!("is too easy to guess ({})", why.trim_end_matches('.')));
        return Err(format!("{why}: {ADVICE}"));
    }
    Ok(())
}

/// The address, its parts and the parts of the name, the longest first; nothing so short that it stands in every sentence.
fn own_words(email: &str, name: &str) -> Vec<String> {
    let email = email.to_lowercase();
    let parts = email.split(['@', '.', '-', '_', '+']).chain(email.split('@')).map(str::to_owned);
    let names = name.split_whitespace().map(str::to_lowercase);
    let mut words: Vec<String> = parts.chain(names).chain([email.clone()]).filter(|word| word.chars().count() >= 4).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), String> {
        check(password, "anna.kazlauskiene@shop.example", "Anna Kazlauskienė")
    }

    #[test]
    fn long_and_unexpected_passwords_are_taken_whatever_they_are_made_of() {
        let long = "ž".repeat(6) + " mėlynas dviratis";
        for good in ["correct horse battery", "seven green lanterns hum", "Zx9-qwop-Lm2-vvty", "трамвай любит снег", long.as_str()]
        {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn short_common_and_own_words_are_refused_with_advice() {
        for (bad, why) in [
            ("", "at least 12 characters, this has 0"),
            ("zx9-qwop-lm", "at least 12 characters, this has 11"),
            ("ąčęėįšųūž12", "at least 12 characters, this has 11"),
            ("passwordpassword", "easy to guess"),
            ("123456789012", "easy to guess"),
            ("qwertyuiopasdf", "easy to guess"),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "easy to guess"),
            ("password12345", "easy to guess"),
            ("anna.kazlauskiene@shop.example", "your address"),
            ("kazlauskiene1", "your address"),
            ("Hearback2026!", "name of this product"),
            ("hearback hearback", "name of this product"),
        ] {
            let error = judge(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        let long: String = (0..129_u32).filter_map(|n| char::from_u32(0x4e00 + n * 37)).collect();
        assert!(judge(&long).unwrap_err().contains("at most 128 characters, this has 129"));
        assert_eq!(judge(&long.chars().take(128).collect::<String>()), Ok(()));
    }
}
