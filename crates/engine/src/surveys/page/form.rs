//! What comes back from a screen.

use hearback_core::{
    Segment,
    survey::{Answer, Answering, Answers, Body, QuestionType},
    text::{MAX_COMMENT, clean_block},
};

/// A form as it was sent, read but not believed.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// The ticket of the page that it stood on.
    pub(super) page: String,
    pub(super) part: Part,
    pub(super) score: Option<i64>,
    /// `None` where the screen did not ask for one.
    pub(super) comment: Option<String>,
    pub(super) may_contact: bool,
    /// What was entered or chosen for a further question.
    pub(super) given: Vec<String>,
    /// The page saw a key, a finger or a mouse.
    pub(super) is_touched: bool,
    /// "No, I want to change that".
    pub(super) goes_back: bool,
}

/// Which screen it stood on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Score,
    Why,
    Question(String),
}

impl Form {
    /// Reads the fields of a form. Unknown ones are left out; text is cleaned of what could not be shown and cut to size.
    pub fn read(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let (mut form, mut skips, mut proof) = (Self::default(), false, String::new());
        for (name, value) in fields {
            match name.as_str() {
                "page" => form.page = value,
                "proof" => proof = value,
                "part" => form.part = Part::read(&value),
                "score" => form.score = value.parse().ok(),
                "comment" => form.comment = Some(words(&value)),
                "contact" => form.may_contact = true,
                "given" => form.given.push(words(&value)),
                "change" => form.goes_back = true,
                "skip" => skips = true,
                _ => {}
            }
        }
        if skips {
            form.given.clear();
            form.comment = form.comment.map(|_| String::new());
        }
        form.is_touched = !form.page.is_empty() && form.page.chars().rev().eq(proof.chars());
        form
    }

    /// Whether the follow-up question was on the screen.
    pub(super) const fn says_why(&self) -> bool {
        self.comment.is_some()
    }
}

fn words(text: &str) -> String {
    clean_block(text).chars().take(MAX_COMMENT).collect()
}

impl Part {
    fn read(text: &str) -> Self {
        match text {
            "why" => Self::Why,
            _ => text.strip_prefix("q-").map_or(Self::Score, |key| Self::Question(key.to_owned())),
        }
    }

    /// As the form carries it.
    pub(super) fn write(&self) -> String {
        match self {
            Self::Score => "score".to_owned(),
            Self::Why => "why".to_owned(),
            Self::Question(key) => format!("q-{key}"),
        }
    }

    pub(super) fn answering(&self, says_why: bool) -> Answering<'_> {
        match self {
            Self::Score if !says_why => Answering::Score,
            Self::Score | Self::Why => Answering::Why,
            Self::Question(key) => Answering::Question(key),
        }
    }

    /// The answer to a further question, if it was on the screen; what can't be one is none.
    pub(super) fn answers(&self, body: &Body, segment: Segment, given: &[String]) -> Option<Answers> {
        let Self::Question(key) = self else { return None };
        let question = body.questions_for(segment).find(|question| question.key == *key)?;
        let answer = match question.ask {
            QuestionType::MultipleChoice { .. } => Answer::Several(given.to_vec()),
            QuestionType::SingleChoice { .. } | QuestionType::Scale { .. } | QuestionType::Text => {
                Answer::Text(given.first().cloned().unwrap_or_default())
            }
        };
        let checked = question.check_answer(answer).ok().flatten().unwrap_or(Answer::Text(String::new()));
        Some(Answers::from([(key.clone(), checked)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::read(text.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn a_hand_leaves_a_mark_that_a_copied_form_lacks() {
        assert!(form("page=abc&proof=cba").is_touched);
        assert!(!form("page=abc&proof=abc").is_touched);
        assert!(!form("page=&proof=").is_touched && !form("score=3").is_touched);
    }

    #[test]
    fn what_was_not_asked_is_not_said() {
        assert_eq!(form("score=3").comment, None);
        assert_eq!(form("score=3&comment=").comment.as_deref(), Some(""));
        assert_eq!(form("part=why&comment=late&skip=1").comment.as_deref(), Some(""));
        assert_eq!(form("part=q-which&given=a&given=b").given, ["a", "b"]);
        assert_eq!(form("part=q-which").part, Part::Question("which".to_owned()));
        assert_eq!(form("score=3.5").score, None);
    }
}
