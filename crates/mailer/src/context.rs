//! What a mail can say: the variables of a template, and their form in a language.
//!
//! Values are cleaned once more here, so that no name, comment or link can break a header, a line or an
//! attribute even when it reached the database by another way. A variable without a value is left out, and
//! strict rendering then holds the mail instead of sending "Hi ,".

use chrono::NaiveDate;
use hearback_core::{Color, Locale, text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::language::Language;

/// The names a template may use; each is filled by the field of [`MailContext`] of the same name, except
/// `lang` (the language of the wording), `comment_quoted` (the comment with `> ` before each line), `accent_color` and
/// `ink_color` (the workspace's colour, and the colour of words on it), `lowest` and `highest` (the ends of the scale).
pub const VARIABLES: [&str; 29] = [
    "accent_color",
    "agent",
    "answer_url",
    "case_url",
    "comment",
    "comment_quoted",
    "company",
    "due_date",
    "highest",
    "incentive_code",
    "ink_color",
    "lang",
    "lowest",
    "own_data_url",
    "person_name",
    "question",
    "reason",
    "referral_url",
    "review_url",
    "scale_high",
    "scale_low",
    "scheduling_url",
    "score",
    "subject",
    "task_title",
    "team",
    "testimonial_url",
    "unsubscribe_url",
    "words",
];

/// The one list: `{{#each scores}}` goes through the numbers of the scale.
pub(crate) const LIST: &str = "scores";
/// What a template may use between `{{#each scores}}` and `{{/each}}`, besides the words of the language.
pub(crate) const IN_LIST: [&str; 4] = ["accent_color", "ink_color", "number", "number_url"];

/// What one mail is about. Only `company` and `locale` are needed by every template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailContext {
    /// The name under which the workspace writes to its customers.
    pub company: String,
    /// The reader's language; without a file of it, English.
    pub locale: Locale,
    /// The customer's name. Customers are never greeted by it (two of our languages would need the vocative).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_name: Option<String>,
    /// The score as given, on the metric's own scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// The customer's comment; may have several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Display name of the person of ours who owns the case; `None` when a team does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Display name of the team that owns the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// When something is due, as a day where the reader is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<NaiveDate>,
    /// The case's page; for our people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_url: Option<String>,
    /// The page where a customer stops our mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe_url: Option<String>,
    /// Where somebody sees, takes away or deletes what we keep about them; proves their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_data_url: Option<String>,
    /// The link a promoter can share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral_url: Option<String>,
    /// Where a customer can write a public review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_url: Option<String>,
    /// Where a customer writes words that we may show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testimonial_url: Option<String>,
    /// Where a customer can choose a time for a talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling_url: Option<String>,
    /// A code given as a thank-you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incentive_code: Option<String>,
    /// What one of us has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_title: Option<String>,
    /// Why a case was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a survey asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What the lowest score means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_low: Option<String>,
    /// What the highest score means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_high: Option<String>,
    /// The page where the survey is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_url: Option<String>,
    /// The numbers of the scale, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Choice>,
    /// The workspace's colour, `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// What one of us wrote; may have several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The subject, where it is not the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// A number of the scale, and the link that chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The number.
    pub number: u8,
    /// The page, with this number chosen.
    pub url: String,
}

/// A variable whose value is not a link that may stand in a mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotALink(pub &'static str);

impl MailContext {
    /// The variables that have a value, in the form they are printed in. A score is text, since `0` would
    /// count as "none" in a template's `if`.
    pub(crate) fn values(&self, language: &Language) -> Result<Map<String, Value>, NotALink> {
        let mut values = Values(Map::new());
        values.set("lang", language.code().to_owned());
        values.line("company", Some(&self.company));
        values.line("person_name", self.person_name.as_deref());
        values.line("agent", self.agent.as_deref());
        values.line("team", self.team.as_deref());
        values.line("incentive_code", self.incentive_code.as_deref());
        values.line("task_title", self.task_title.as_deref());
        values.line("reason", self.reason.as_deref());
        values.line("question", self.question.as_deref());
        values.line("scale_low", self.scale_low.as_deref());
        values.line("scale_high", self.scale_high.as_deref());
        values.line("subject", self.subject.as_deref());
        values.link("answer_url", self.answer_url.as_deref())?;
        values.link("case_url", self.case_url.as_deref())?;
        values.link("unsubscribe_url", self.unsubscribe_url.as_deref())?;
        values.link("own_data_url", self.own_data_url.as_deref())?;
        values.link("referral_url", self.referral_url.as_deref())?;
        values.link("review_url", self.review_url.as_deref())?;
        values.link("testimonial_url", self.testimonial_url.as_deref())?;
        values.link("scheduling_url", self.scheduling_url.as_deref())?;
        if let Some(score) = self.score {
            values.set("score", score.to_string());
        }
        if let Some(date) = self.due_date {
            values.set("due_date", language.date(date));
        }
        if let Some(comment) = block(self.comment.as_deref()) {
            values.set("comment_quoted", quoted(&comment));
            values.set("comment", comment);
        }
        if let Some(words) = block(self.words.as_deref()) {
            values.set("words", words);
        }
        self.scale(&mut values)?;
        Ok(values.0)
    }

    /// The links of a mail that says nothing else about its reader; `None` when it does.
    pub(crate) fn only_links(&self) -> Option<Vec<&str>> {
        let Self {
            company: _,
            locale: _,
            question: _,
            scale_low: _,
            scale_high: _,
            accent: _,
            answer_url,
            unsubscribe_url,
            scores,
            person_name: None,
            score: None,
            comment: None,
            agent: None,
            team: None,
            due_date: None,
            case_url: None,
            own_data_url: None,
            referral_url: None,
            review_url: None,
            testimonial_url: None,
            scheduling_url: None,
            incentive_code: None,
            task_title: None,
            reason: None,
            words: None,
            subject: None,
        } = self
        else {
            return None;
        };
        Some(answer_url.iter().chain(unsubscribe_url).chain(scores.iter().map(|choice| &choice.url)).map(String::as_str).collect())
    }

    /// The same with other links, by their numbers in [`Self::only_links`].
    pub(crate) fn with_links(&self, link: impl Fn(usize) -> String) -> Self {
        let mut other = self.clone();
        let links =
            other.answer_url.iter_mut().chain(&mut other.unsubscribe_url).chain(other.scores.iter_mut().map(|choice| &mut choice.url));
        links.enumerate().for_each(|(number, place)| *place = link(number));
        other
    }

    /// Whether two mails that are known by [`Self::only_links`] say the same.
    pub(crate) fn differs_in_links_only(&self, other: &Self) -> bool {
        let said = |mail: &Self| (mail.answer_url.is_some(), mail.unsubscribe_url.is_some(), mail.scores.len());
        said(self) == said(other)
            && self.scores.iter().zip(&other.scores).all(|(one, other)| one.number == other.number)
            && (&self.question, &self.company, &self.locale) == (&other.question, &other.company, &other.locale)
            && (&self.scale_low, &self.scale_high, &self.accent) == (&other.scale_low, &other.scale_high, &other.accent)
    }

    /// The numbers of the scale with their colours.
    fn scale(&self, values: &mut Values) -> Result<(), NotALink> {
        let accent = self.accent.as_deref().and_then(Color::parse).unwrap_or(Color::STANDARD);
        let (accent, ink) = (accent.to_string(), accent.ink().to_string());
        if let [lowest, .., highest] = self.scores.as_slice() {
            values.set("lowest", lowest.number.to_string());
            values.set("highest", highest.number.to_string());
            let mut scores = Vec::with_capacity(self.scores.len());
            for choice in &self.scores {
                let url = Some(choice.url.as_str()).filter(|url| is_link(url)).ok_or(NotALink(LIST))?;
                scores.push(json!({ "number": choice.number.to_string(), "number_url": url, "accent_color": accent, "ink_color": ink }));
            }
            values.0.insert(LIST.to_owned(), Value::Array(scores));
        }
        values.set("accent_color", accent);
        values.set("ink_color", ink);
        Ok(())
    }
}

struct Values(Map<String, Value>);

impl Values {
    fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), Value::String(value));
    }

    fn line(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(text::clean_line).unwrap_or_default();
        if !value.is_empty() {
            self.set(name, value);
        }
    }

    fn link(&mut self, name: &'static str, value: Option<&str>) -> Result<(), NotALink> {
        match value {
            None => Ok(()),
            Some(url) if is_link(url) => {
                self.set(name, url.to_owned());
                Ok(())
            }
            Some(_) => Err(NotALink(name)),
        }
    }
}

/// Longest link: leaves room for the header's name in a line of 998 bytes.
const MAX_LINK: usize = 900;

/// `http` or `https` and only visible ASCII: what can stand in an attribute, a header and a line of text.
pub(crate) fn is_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\' | b'`');
    rest.is_some_and(|rest| !rest.is_empty()) && url.len() <= MAX_LINK && url.bytes().all(plain)
}

/// Several lines, cleaned; `None` when nothing is left.
fn block(text: Option<&str>) -> Option<String> {
    let text = text::clean_block(text?);
    (!text.is_empty()).then_some(text)
}

fn quoted(comment: &str) -> String {
    comment.split('\n').map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Languages;

    #[test]
    fn the_sample_fills_exactly_the_declared_variables() {
        let languages = Languages::load(None).unwrap();
        let locale = Locale::parse("lt-LT").unwrap();
        let values = MailContext::sample(locale.clone()).values(languages.get(&locale)).unwrap();
        let mut names: Vec<_> = values.keys().map(String::as_str).filter(|name| *name != LIST).collect();
        names.sort_unstable();
        assert_eq!(names, VARIABLES);
        assert_eq!(values["due_date"], "2026-03-09");
        assert_eq!(values["comment_quoted"], "> The parcel came late.\n> Nobody answered the phone.");
    }

    #[test]
    fn values_are_cleaned_and_absent_ones_left_out() {
        let languages = Languages::load(None).unwrap();
        let context = MailContext {
            company: "Evil\r\nBcc: v@x.com".to_owned(),
            score: Some(0),
            comment: Some(" \r\n ".to_owned()),
            person_name: Some("\u{202E}".to_owned()),
            ..MailContext::default()
        };
        let values = context.values(languages.get(&context.locale)).unwrap();
        assert_eq!(values["company"], "Evil Bcc: v@x.com");
        assert_eq!(values["score"], "0");
        assert!(!values.contains_key("comment") && !values.contains_key("person_name"));
    }

    #[test]
    fn the_numbers_of_a_scale_carry_all_that_a_button_needs() {
        let languages = Languages::load(None).unwrap();
        let locale = Locale::default();
        let sample = MailContext { accent: Some("#FFD400".to_owned()), ..MailContext::sample(locale.clone()) };
        let values = sample.values(languages.get(&locale)).unwrap();
        assert_eq!((&values["lowest"], &values["highest"], &values["ink_color"]), (&json!("0"), &json!("10"), &json!("#000000")));
        for button in values[LIST].as_array().unwrap() {
            let names: Vec<&str> = button.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, IN_LIST);
        }
        let odd = MailContext { accent: Some("red;x:y".to_owned()), ..MailContext::default() };
        assert_eq!(odd.values(languages.get(&locale)).unwrap()["accent_color"], Color::STANDARD.to_string());
        let bad = MailContext {
            scores: vec![Choice { number: 0, url: "https://x".to_owned() }, Choice { number: 1, url: "x".to_owned() }],
            ..odd
        };
        assert_eq!(bad.values(languages.get(&locale)), Err(NotALink(LIST)));
    }

    #[test]
    fn only_plain_web_links_pass() {
        let languages = Languages::load(None).unwrap();
        for bad in ["javascript:alert(1)", "https://", "https://x\r\n", "https://x/\"onclick", "https://x y", "https://näide.ee", ""] {
            let context = MailContext { case_url: Some(bad.to_owned()), ..MailContext::default() };
            assert_eq!(context.values(languages.get(&context.locale)), Err(NotALink("case_url")), "{bad}");
        }
        assert!(is_link("https://hearback.example/u/a-b_c?x=1&y=%20"));
    }
}
