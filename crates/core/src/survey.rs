//! What a survey asks, and what an answer to its further questions is.
//!
//! Owns: the questions of a survey version, their words per language, which of them are shown to whom, and the checks of
//! both. Refuses to know: pages, mails and the shipped wording (a text that is absent here is taken from the language file).

mod answers;
mod walk;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Segment,
    text::{self, MAX_LINE},
};

pub use answers::{Answer, Answers};
pub use walk::{Answering, Next, Stage};

/// Most questions after the score and its follow-up.
pub const MAX_QUESTIONS: usize = 10;
/// Most choices of one question.
pub const MAX_CHOICES: usize = 20;
/// Longest text that is asked or said, in characters.
pub const MAX_WORDS: usize = 500;
/// How long a link can be answered, in days, where a survey does not say otherwise.
const ANSWER_DAYS: u16 = 60;

/// A field that was refused: its path, and what was expected.
pub type Refusal = (String, String);

/// One text in several languages, by language code: `{"en": "How was it?", "lt": "Kaip sekėsi?"}`. Empty: the shipped words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "SurveyWords", extend("additionalProperties" = serde_json::json!({ "type": "string", "maxLength": MAX_WORDS })))]
pub struct Words(BTreeMap<String, String>);

impl Words {
    /// The same text for one language.
    pub fn of(code: &str, text: &str) -> Self {
        Self(BTreeMap::from([(code.to_owned(), text.to_owned())]))
    }

    /// Whether nothing is said here.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text in this language, else in `fallback`, else in any.
    pub fn say(&self, code: &str, fallback: &str) -> Option<&str> {
        [code, fallback].into_iter().find_map(|code| self.0.get(code)).or_else(|| self.0.values().next()).map(String::as_str)
    }

    /// The text in this language alone.
    pub fn exactly(&self, code: &str) -> Option<&str> {
        self.0.get(code).map(String::as_str)
    }

    fn check(&mut self, field: &str, wrong: &mut Vec<Refusal>) {
        for (code, words) in &mut self.0 {
            let known = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
            if !known {
                wrong.push((field.to_owned(), format!("`{}` is not a language code such as en or lt", code.escape_debug())));
            }
            match text::line(words, MAX_WORDS) {
                Ok(clean) => *words = clean,
                Err(error) => wrong.push((format!("{field}.{code}"), error.to_string())),
            }
        }
    }
}

impl FromIterator<(String, String)> for Words {
    /// Texts with their language codes.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(texts: I) -> Self {
        Self(texts.into_iter().collect())
    }
}

/// A text for each segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "SurveyWordsBySegment")]
pub struct BySegment {
    /// To the unhappy.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub detractor: Words,
    /// To those in between.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub passive: Words,
    /// To the happy.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub promoter: Words,
}

impl BySegment {
    /// What is said to this segment.
    pub const fn of(&self, segment: Segment) -> &Words {
        match segment {
            Segment::Detractor => &self.detractor,
            Segment::Passive => &self.passive,
            Segment::Promoter => &self.promoter,
        }
    }

    fn is_empty(&self) -> bool {
        self.detractor.is_empty() && self.passive.is_empty() && self.promoter.is_empty()
    }

    fn check(&mut self, field: &str, wrong: &mut Vec<Refusal>) {
        self.detractor.check(&format!("{field}.detractor"), wrong);
        self.passive.check(&format!("{field}.passive"), wrong);
        self.promoter.check(&format!("{field}.promoter"), wrong);
    }
}

/// What a survey version asks and says. Everything may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "SurveyBody")]
pub struct Body {
    /// The question that the score answers; `{company}` stands for the workspace's name.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub question: Words,
    /// Beside the lowest score.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub low: Words,
    /// Beside the highest score.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub high: Words,
    /// The follow-up question, which the comment answers.
    #[serde(skip_serializing_if = "BySegment::is_empty")]
    pub why: BySegment,
    /// Said at the end.
    #[serde(skip_serializing_if = "BySegment::is_empty")]
    pub thanks: BySegment,
    /// Up to [`MAX_QUESTIONS`] more questions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_QUESTIONS))]
    pub questions: Vec<Question>,
    /// Whether "you may contact me" is offered.
    pub ask_contact: bool,
    /// Whether anybody may answer by the public link `/p/KEY`.
    pub public: bool,
    /// How many days a link can be answered, and an answer changed: 1 to 365.
    #[schemars(range(min = 1, max = 365))]
    pub answer_days: u16,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            question: Words::default(),
            low: Words::default(),
            high: Words::default(),
            why: BySegment::default(),
            thanks: BySegment::default(),
            questions: Vec::new(),
            ask_contact: true,
            public: true,
            answer_days: ANSWER_DAYS,
        }
    }
}

/// One further question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SurveyQuestion")]
pub struct Question {
    /// Its name in answers and exports: `a-z 0-9 - _`.
    pub key: String,
    /// What is asked.
    pub text: Words,
    /// How it is answered.
    #[serde(flatten)]
    pub ask: QuestionType,
    /// Whom it is shown to; empty for everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QuestionType {
    /// One of the choices.
    SingleChoice {
        /// In the order shown.
        choices: Vec<Choice>,
    },
    /// Any of the choices.
    MultipleChoice {
        /// In the order shown.
        choices: Vec<Choice>,
    },
    /// The customer's own words.
    Text,
    /// A number from `min` to `max`, 0 to 10.
    Scale {
        /// Lowest.
        min: u8,
        /// Highest.
        max: u8,
    },
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SurveyChoice")]
pub struct Choice {
    /// Its name in answers and exports.
    pub key: String,
    /// What is shown.
    pub text: Words,
}

impl Body {
    /// Checks and cleans everything that somebody wrote; every refused field at once.
    pub fn checked(mut self) -> Result<Self, Vec<Refusal>> {
        let mut wrong = Vec::new();
        self.question.check("question", &mut wrong);
        self.low.check("low", &mut wrong);
        self.high.check("high", &mut wrong);
        self.why.check("why", &mut wrong);
        self.thanks.check("thanks", &mut wrong);
        if self.questions.len() > MAX_QUESTIONS {
            wrong.push(("questions".to_owned(), format!("at most {MAX_QUESTIONS} are asked, got {}", self.questions.len())));
        }
        for (at, question) in self.questions.iter_mut().enumerate() {
            question.check(&format!("questions[{at}]"), &mut wrong);
        }
        refuse_doubles(self.questions.iter().map(|question| question.key.as_str()), "questions", &mut wrong);
        if !(1..=365).contains(&self.answer_days) {
            wrong.push(("answer_days".to_owned(), format!("must be from 1 to 365, got {}", self.answer_days)));
        }
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }

    /// The further questions that this segment is asked, in order.
    pub fn questions_for(&self, segment: Segment) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |question| question.is_for(segment))
    }
}

impl Question {
    /// Whether this segment is asked.
    pub fn is_for(&self, segment: Segment) -> bool {
        self.segments.is_empty() || self.segments.contains(&segment)
    }

    fn check(&mut self, field: &str, wrong: &mut Vec<Refusal>) {
        if let Err(error) = text::key(&self.key) {
            wrong.push((format!("{field}.key"), error.to_string()));
        }
        if self.text.is_empty() {
            wrong.push((format!("{field}.text"), "must be given in at least one language".to_owned()));
        }
        self.text.check(&format!("{field}.text"), wrong);
        match &mut self.ask {
            QuestionType::SingleChoice { choices } | QuestionType::MultipleChoice { choices } => check_choices(choices, field, wrong),
            QuestionType::Scale { min, max } if *min >= *max || *max > 10 => {
                wrong.push((format!("{field}.max"), "must be more than min and at most 10".to_owned()));
            }
            QuestionType::Scale { .. } | QuestionType::Text => {}
        }
    }
}

fn check_choices(choices: &mut [Choice], field: &str, wrong: &mut Vec<Refusal>) {
    let field = format!("{field}.choices");
    if !(2..=MAX_CHOICES).contains(&choices.len()) {
        wrong.push((field.clone(), format!("must be from 2 to {MAX_CHOICES}, got {}", choices.len())));
    }
    for (at, choice) in choices.iter_mut().enumerate() {
        if let Err(error) = text::line(&choice.key, MAX_LINE).and_then(|key| text::key(&key)) {
            wrong.push((format!("{field}[{at}].key"), error.to_string()));
        }
        if choice.text.is_empty() {
            wrong.push((format!("{field}[{at}].text"), "must be given in at least one language".to_owned()));
        }
        choice.text.check(&format!("{field}[{at}].text"), wrong);
    }
    refuse_doubles(choices.iter().map(|choice| choice.key.as_str()), &field, wrong);
}

fn refuse_doubles<'k>(keys: impl Iterator<Item = &'k str>, field: &str, wrong: &mut Vec<Refusal>) {
    let mut seen = std::collections::BTreeSet::new();
    for key in keys {
        if !seen.insert(key) {
            wrong.push((field.to_owned(), format!("the key `{}` stands twice", key.escape_debug())));
        }
    }
}

#[cfg(test)]
mod tests;
