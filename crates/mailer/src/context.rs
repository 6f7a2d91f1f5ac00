//! What a mail can say: the variables of a template, and their form in a language.
//!
//! Values are cleaned once more here, so that no name, comment or link can break a header, a line or an
//! attribute even when it reached the database by another way. A variable without a value is left out, and
//! strict rendering then holds the mail instead of sending "Hi ,".

use chrono::NaiveDate;
use hearback_core::{Locale, text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::language::Language;

/// The names a template may use; each is filled by the field of [`MailContext`] of the same name, except
/// `lang` (the language of the wording) and `comment_quoted` (the comment with `> ` before each line).
pub const VARIABLES: [&str; 18] = [
    "agent",
    "case_url",
    "comment",
    "comment_quoted",
    "company",
    "due_date",
    "incentive_code",
    "lang",
    "person_name",
    "reason",
    "referral_url",
    "review_url",
    "scheduling_url",
    "score",
    "task_title",
    "team",
    "testimonial_url",
    "unsubscribe_url",
];

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
        values.link("case_url", self.case_url.as_deref())?;
        values.link("unsubscribe_url", self.unsubscribe_url.as_deref())?;
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
        let comment = self.comment.as_deref().map(|comment| text::clean_block(comment).replace("\r\n", "\n").replace('\r', "\n"));
        if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
            values.set("comment_quoted", quoted(&comment));
            values.set("comment", comment);
        }
        Ok(values.0)
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
        let mut names: Vec<_> = values.keys().map(String::as_str).collect();
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
        assert_eq!(values["company"], "Evil  Bcc: v@x.com");
        assert_eq!(values["score"], "0");
        assert!(!values.contains_key("comment") && !values.contains_key("person_name"));
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
