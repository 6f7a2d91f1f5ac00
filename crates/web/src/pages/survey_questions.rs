//! The further questions of a survey as rows of a form: read as they were entered, shown again with what was refused beside the
//! field.
//!
//! Owns: the names of the fields, and how choices stand one a line. Refuses to know: what a question may be (that is
//! `core::survey`).

use std::collections::BTreeMap;

use hearback_core::{
    Segment,
    survey::{Choice, MAX_QUESTIONS, Question, QuestionType, Words},
    text,
};
use hearback_engine::FieldError;

use super::session::Input;

/// Empty rows behind the questions that there are.
const SPARE: usize = 2;
/// How a question is answered: the word, and what people call it.
pub(super) const KINDS: [(&str, &str); 4] = [
    ("text", "In their own words"),
    ("single_choice", "One of the choices"),
    ("multiple_choice", "Any of the choices"),
    ("scale", "A number"),
];
/// Whom a question is for.
pub(super) const SEGMENTS: [(Segment, &str); 3] =
    [(Segment::Detractor, "the unhappy"), (Segment::Passive, "those in between"), (Segment::Promoter, "the happy")];

/// One row as it was entered; nobody has checked it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub key: String,
    pub kind: String,
    /// By language.
    pub text: BTreeMap<String, String>,
    /// By language, one a line: `key: words`.
    pub choices: BTreeMap<String, String>,
    pub min: String,
    pub max: String,
    pub segments: Vec<Segment>,
}

/// The questions of a survey as rows.
pub(super) fn rows(questions: &[Question], codes: &[String]) -> Vec<Row> {
    questions.iter().map(|question| Row::of(question, codes)).collect()
}

/// The rows that say something and were not ticked to be left out. They are numbered anew, from 1.
pub(super) fn read(input: &Input, codes: &[String]) -> Vec<Row> {
    let is_out = |number: &usize| input.text(&name(*number, "out")).is_some();
    let rows = (1..=MAX_QUESTIONS).filter(|number| !is_out(number)).map(|number| Row::read(input, number, codes));
    rows.filter(Row::says_something).collect()
}

/// How many rows a form has.
pub(super) fn shown(rows: usize) -> usize {
    rows.saturating_add(SPARE).min(MAX_QUESTIONS)
}

/// The rows as questions, or each field that can't be read.
pub(super) fn questions(rows: &[Row], codes: &[String]) -> Result<Vec<Question>, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let questions = rows.iter().zip(1..).map(|(row, number)| row.question(number, codes, &mut wrong)).collect();
    if wrong.is_empty() { Ok(questions) } else { Err(wrong) }
}

/// Name of a field of a row.
pub(super) fn name(number: usize, field: &str) -> String {
    format!("q.{number}.{field}")
}

/// The field of the form that a refusal of `core::survey` is about, and what is told there.
pub(super) fn place(refused: &FieldError) -> (String, String) {
    let field = refused.field.strip_prefix("body.").unwrap_or(&refused.field);
    let Some((at, rest)) = field.strip_prefix("questions[").and_then(|rest| rest.split_once("].")) else {
        return (field.to_owned(), refused.message.clone());
    };
    let number = at.parse::<usize>().unwrap_or_default().saturating_add(1);
    match rest.strip_prefix("choices[").and_then(|rest| rest.split_once(']')) {
        Some((choice, _)) => {
            let choice = choice.parse::<usize>().unwrap_or_default().saturating_add(1);
            (name(number, "choices"), format!("choice {choice} {}", refused.message))
        }
        None => (name(number, rest), refused.message.clone()),
    }
}

impl Row {
    fn of(question: &Question, codes: &[String]) -> Self {
        let (kind, choices, min, max) = match &question.ask {
            QuestionType::Text => ("text", &[][..], None, None),
            QuestionType::SingleChoice { choices } => ("single_choice", choices.as_slice(), None, None),
            QuestionType::MultipleChoice { choices } => ("multiple_choice", choices.as_slice(), None, None),
            QuestionType::Scale { min, max } => ("scale", &[][..], Some(min), Some(max)),
        };
        let in_each = |said: &dyn Fn(&str) -> String| codes.iter().map(|code| (code.clone(), said(code))).collect();
        Self {
            key: question.key.clone(),
            kind: kind.to_owned(),
            text: in_each(&|code| question.text.exactly(code).unwrap_or_default().to_owned()),
            choices: in_each(&|code| lines(choices, code)),
            min: min.map(ToString::to_string).unwrap_or_default(),
            max: max.map(ToString::to_string).unwrap_or_default(),
            segments: question.segments.clone(),
        }
    }

    fn read(input: &Input, number: usize, codes: &[String]) -> Self {
        let field = |field: &str| input.required(&name(number, field)).trim().to_owned();
        let in_each = |part: &str| codes.iter().map(|code| (code.clone(), field(&format!("{part}.{code}")))).collect();
        let is_for = |segment: &Segment| input.text(&name(number, &format!("for.{}", segment.as_str()))).is_some();
        Self {
            key: field("key"),
            kind: field("kind"),
            text: in_each("text"),
            choices: in_each("choices"),
            min: field("min"),
            max: field("max"),
            segments: Segment::ALL.into_iter().filter(is_for).collect(),
        }
    }

    fn says_something(&self) -> bool {
        let said = self.text.values().chain(self.choices.values()).chain([&self.key]);
        said.into_iter().any(|text| !text.is_empty())
    }

    fn question(&self, number: usize, codes: &[String], wrong: &mut Vec<FieldError>) -> Question {
        let choices = || choices(&self.choices, codes);
        let ask = match self.kind.as_str() {
            "text" => QuestionType::Text,
            "single_choice" => QuestionType::SingleChoice { choices: choices() },
            "multiple_choice" => QuestionType::MultipleChoice { choices: choices() },
            "scale" => {
                QuestionType::Scale { min: whole(&self.min, 0, number, "min", wrong), max: whole(&self.max, 10, number, "max", wrong) }
            }
            _ => {
                wrong.push(FieldError { field: name(number, "kind"), message: "must be one of those in the list".to_owned() });
                QuestionType::Text
            }
        };
        let said = codes.iter().filter_map(|code| self.text.get(code).filter(|text| !text.is_empty()).map(|text| (code, text)));
        let text: Vec<(String, String)> = said.map(|(code, text)| (code.clone(), text.clone())).collect();
        let key = if self.key.is_empty() {
            key_of(text.first().map_or("", |(_, text)| text), &format!("question-{number}"))
        } else {
            self.key.clone()
        };
        Question { key, text: text.into_iter().collect(), ask, segments: self.segments.clone() }
    }
}

/// A small number; what is left empty is the usual one.
fn whole(entered: &str, usual: u8, number: usize, field: &str, wrong: &mut Vec<FieldError>) -> u8 {
    if entered.is_empty() {
        return usual;
    }
    entered.parse().unwrap_or_else(|_| {
        wrong.push(FieldError { field: name(number, field), message: "must be a whole number from 0 to 10".to_owned() });
        usual
    })
}

/// Choices as lines of one language, each with its key, so that its words can be changed and it stays the same choice.
fn lines(choices: &[Choice], code: &str) -> String {
    let said = choices.iter().filter_map(|choice| choice.text.exactly(code).map(|text| format!("{}: {text}", choice.key)));
    said.collect::<Vec<_>>().join("\n")
}

/// Lines of each language as choices. A line without a key is the choice that stands at the same place in the language before; where
/// there is none, its words give the key.
fn choices(entered: &BTreeMap<String, String>, codes: &[String]) -> Vec<Choice> {
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for code in codes {
        let lines = entered.get(code).map(String::as_str).unwrap_or_default();
        for (place, line) in lines.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let (key, words) = match line.split_once(": ") {
                Some((key, words)) if text::key(key).is_ok() => (key.to_owned(), words.trim()),
                _ => {
                    let known = found.get(place).filter(|(_, said)| !said.contains_key(code)).map(|(key, _)| key.clone());
                    (known.unwrap_or_else(|| key_of(line, &format!("choice-{}", place + 1))), line)
                }
            };
            match found.iter_mut().find(|(known, said)| *known == key && !said.contains_key(code)) {
                Some((_, said)) => drop(said.insert(code.clone(), words.to_owned())),
                None => found.push((key, BTreeMap::from([(code.clone(), words.to_owned())]))),
            }
        }
    }
    found.into_iter().map(|(key, said)| Choice { key, text: said.into_iter().collect::<Words>() }).collect()
}

/// A key made of words: their small letters and digits, the first 40 of them.
fn key_of(words: &str, otherwise: &str) -> String {
    let mut key = String::new();
    for letter in words.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => key.push(letter),
            _ if !key.is_empty() && !key.ends_with('-') => key.push('-'),
            _ => {}
        }
    }
    let key: String = key.chars().take(40).collect();
    let key = key.trim_end_matches('-');
    if key.is_empty() { otherwise.to_owned() } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> Vec<String> {
        ["en", "lt"].map(str::to_owned).to_vec()
    }

    fn entered(en: &str, lt: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("en".to_owned(), en.to_owned()), ("lt".to_owned(), lt.to_owned())])
    }

    fn said(choices: &[Choice]) -> Vec<(&str, Option<&str>, Option<&str>)> {
        choices.iter().map(|choice| (choice.key.as_str(), choice.text.exactly("en"), choice.text.exactly("lt"))).collect()
    }

    #[test]
    fn choices_are_one_a_line_and_keep_their_keys() {
        let read = choices(&entered("The price\n\n service: How we were\nDelivery: late", "Kaina\nservice: Aptarnavimas"), &codes());
        let wanted = [
            ("the-price", Some("The price"), Some("Kaina")),
            ("service", Some("How we were"), Some("Aptarnavimas")),
            ("delivery-late", Some("Delivery: late"), None),
        ];
        assert_eq!(said(&read), wanted);
        let again = choices(&entered(&lines(&read, "en"), &lines(&read, "lt")), &codes());
        assert_eq!(again, read, "what is shown is read back as it was");
        let moved = choices(&entered("service: How we were\nthe-price: Price", "Visai kas kita"), &codes());
        assert_eq!(said(&moved)[0], ("service", Some("How we were"), Some("Visai kas kita")));
        assert_eq!(said(&choices(&entered("a: one\na: two", ""), &codes())).len(), 2, "twice is told, not merged");
        assert_eq!(said(&choices(&entered("", "ąžč"), &codes()))[0].0, "choice-1");
    }

    #[test]
    fn refusals_stand_beside_their_field() {
        let told = |field: &str| place(&FieldError { field: field.to_owned(), message: "is wrong".to_owned() });
        assert_eq!(told("body.questions[1].text.en"), ("q.2.text.en".to_owned(), "is wrong".to_owned()));
        assert_eq!(told("body.questions[0].choices[2].key"), ("q.1.choices".to_owned(), "choice 3 is wrong".to_owned()));
        assert_eq!(told("body.questions[0].choices").0, "q.1.choices");
        assert_eq!(told("body.question.en").0, "question.en");
        assert_eq!(told("name").0, "name");
    }
}
