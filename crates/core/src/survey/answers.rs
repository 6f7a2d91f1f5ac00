//! Answers to further questions, by the key of the question.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Body, Question, QuestionType, Refusal};
use crate::{
    Segment,
    text::{self, MAX_COMMENT},
};

/// One answer: a number, the key of a choice or free text, or the keys of several choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// On a scale.
    Number(i64),
    /// A choice, or own words.
    Text(String),
    /// Several choices, in the order of the question.
    Several(Vec<String>),
}

/// What somebody answered, by question.
pub type Answers = BTreeMap<String, Answer>;

impl Body {
    /// Checks answers of somebody in this segment. An empty text or list is no answer and is left out; an answer to a question
    /// that this segment is not asked is refused, as is one to a question that does not exist.
    pub fn check_answers(&self, segment: Segment, answers: Answers) -> Result<Answers, Vec<Refusal>> {
        self.check(|question| self.questions_for(segment).any(|asked| asked.key == question.key), answers)
    }

    /// The same for what was answered some time, whatever the score is by now.
    pub fn check_past_answers(&self, answers: Answers) -> Result<Answers, Vec<Refusal>> {
        self.check(|_| true, answers)
    }

    fn check(&self, is_asked: impl Fn(&Question) -> bool, answers: Answers) -> Result<Answers, Vec<Refusal>> {
        let mut wrong = Vec::new();
        let mut checked = Answers::new();
        for (key, answer) in answers {
            let field = format!("answers.{}", key.escape_debug());
            let Some(question) = self.questions.iter().find(|question| question.key == key && is_asked(question)) else {
                wrong.push((field, "is not a question of this survey for this score".to_owned()));
                continue;
            };
            match question.check_answer(answer) {
                Ok(Some(answer)) => drop(checked.insert(key, answer)),
                Ok(None) => {}
                Err(why) => wrong.push((field, why)),
            }
        }
        if wrong.is_empty() { Ok(checked) } else { Err(wrong) }
    }
}

impl Body {
    /// Answers as people read them: each question, and what was chosen or written, in the order asked.
    pub fn in_words<'b>(&'b self, answers: &'b Answers, code: &'b str) -> impl Iterator<Item = (String, String)> + 'b {
        self.questions.iter().filter_map(move |question| {
            let said = question.in_words(answers.get(&question.key)?, code);
            Some((question.text.say(code, code).unwrap_or(&question.key).to_owned(), said))
        })
    }
}

impl Question {
    fn in_words(&self, answer: &Answer, code: &str) -> String {
        let choices = match &self.ask {
            QuestionType::SingleChoice { choices } | QuestionType::MultipleChoice { choices } => choices.as_slice(),
            QuestionType::Text | QuestionType::Scale { .. } => &[],
        };
        let word = |key: &String| {
            let choice = choices.iter().find(|choice| choice.key == *key);
            choice.and_then(|choice| choice.text.say(code, code)).unwrap_or(key).to_owned()
        };
        match answer {
            Answer::Number(number) => number.to_string(),
            Answer::Text(text) => word(text),
            Answer::Several(keys) => keys.iter().map(word).collect::<Vec<_>>().join(", "),
        }
    }

    /// The answer cleaned; `None` when it says nothing.
    pub fn check_answer(&self, answer: Answer) -> Result<Option<Answer>, String> {
        match (&self.ask, answer) {
            (_, Answer::Text(text)) if text.trim().is_empty() => Ok(None),
            (QuestionType::Text, Answer::Text(text)) => {
                text::block(&text, MAX_COMMENT).map(|text| text.map(Answer::Text)).map_err(|error| error.to_string())
            }
            (QuestionType::SingleChoice { choices }, Answer::Text(key)) => {
                let known = choices.iter().any(|choice| choice.key == key);
                if known { Ok(Some(Answer::Text(key))) } else { Err(expected(choices.iter().map(|choice| choice.key.as_str()))) }
            }
            (QuestionType::MultipleChoice { choices }, Answer::Text(key)) => several(choices, &[key]),
            (QuestionType::MultipleChoice { choices }, Answer::Several(keys)) => several(choices, &keys),
            (QuestionType::Scale { min, max }, Answer::Number(number)) => on_scale(*min, *max, Some(number)),
            (QuestionType::Scale { min, max }, Answer::Text(number)) => on_scale(*min, *max, number.trim().parse().ok()),
            (QuestionType::Text | QuestionType::SingleChoice { .. }, _) => Err("must be text".to_owned()),
            (QuestionType::MultipleChoice { .. }, _) => Err("must be a list of choices".to_owned()),
            (QuestionType::Scale { min, max }, _) => Err(format!("must be a whole number from {min} to {max}")),
        }
    }
}

fn several(choices: &[super::Choice], keys: &[String]) -> Result<Option<Answer>, String> {
    if keys.iter().any(|key| !choices.iter().any(|choice| choice.key == *key)) {
        return Err(expected(choices.iter().map(|choice| choice.key.as_str())));
    }
    let chosen: Vec<String> = choices.iter().map(|choice| choice.key.clone()).filter(|key| keys.contains(key)).collect();
    Ok((!chosen.is_empty()).then_some(Answer::Several(chosen)))
}

fn on_scale(min: u8, max: u8, number: Option<i64>) -> Result<Option<Answer>, String> {
    match number.filter(|number| (i64::from(min)..=i64::from(max)).contains(number)) {
        Some(number) => Ok(Some(Answer::Number(number))),
        None => Err(format!("must be a whole number from {min} to {max}")),
    }
}

fn expected<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    format!("must be one of {}", keys.collect::<Vec<_>>().join(", "))
}
