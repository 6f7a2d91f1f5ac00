//! Words and phrases in a comment. A comment is folded to its lower-case words, each between two
//! spaces; a whole-word search is then a plain search. The phrase is folded the same way, so that
//! typographic apostrophes, line ends and punctuation never stand between a customer and a rule.

/// Whether the text contains one of the phrases; an empty phrase is never contained.
pub fn contains_any(text: &str, phrases: &[String]) -> bool {
    let text = fold(text);
    phrases.iter().any(|phrase| has_word(phrase) && text.contains(needle(phrase).as_str()))
}

/// Whether there is anything to search for: at least one letter or digit.
pub fn has_word(phrase: &str) -> bool {
    phrase.contains(char::is_alphanumeric)
}

/// The folded phrase; with a `*` at the end it may stop in the middle of a word.
fn needle(phrase: &str) -> String {
    let mut folded = fold(phrase);
    if phrase.trim_end().ends_with('*') {
        folded.pop();
    }
    folded
}

/// ` word word `: lower case, one space before, between and after.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for c in text.chars() {
        if c.is_alphanumeric() {
            folded.extend(c.to_lowercase());
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, phrase: &str) -> bool {
        contains_any(text, &[phrase.to_owned()])
    }

    #[test]
    fn whole_words_whatever_stands_around_them() {
        for text in ["late", "Late!", "too late, sorry", "(LATE)", "it was\nlate"] {
            assert!(found(text, "late"), "{text}");
        }
        for text in ["lately", "chocolate", "la te", ""] {
            assert!(!found(text, "late"), "{text}");
        }
        assert!(found("lately", "late*") && !found("chocolate", "late*"));
    }

    #[test]
    fn phrases_ignore_case_punctuation_and_kinds_of_apostrophe() {
        assert!(found("I will NEVER,\n again!", "never again"));
        assert!(found("it doesn\u{2019}t work", "doesn't work"));
        assert!(found("Pristatymas VĖLAVO tris dienas", "vėlav*"));
        assert!(!found("never and again", "never again"));
        assert!(found("xa b a b a", "a b a"));
    }

    #[test]
    fn a_phrase_without_a_word_is_never_found() {
        for phrase in ["", "  ", "?!", "*"] {
            assert!(!found("why?! * ", phrase), "{phrase:?}");
        }
    }
}
