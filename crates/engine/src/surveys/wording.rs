//! What a survey says in one language: its own words, else those that come with its metric, else English.
//!
//! Owns: which text stands where, with its placeholders filled. Plain text: whoever shows it escapes it. Refuses to know:
//! pages, mails and widgets, which all take their words from here.

use hearback_core::{
    Locale, Metric, Segment, Span,
    survey::{BySegment, Words},
};
use hearback_mailer::Language;
use serde::Serialize;

use crate::{Ctx, reading::Survey, workspace::Workspace};

/// Everything that is said around one survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wording {
    /// Code of the language.
    pub lang: String,
    /// Who asks.
    pub company: String,
    /// The question that the score answers.
    pub question: String,
    /// Beside the lowest score.
    pub low: String,
    /// Beside the highest score.
    pub high: String,
    /// Every score, from the lowest.
    pub scores: Vec<ScoreWord>,
    /// The follow-up question, which the comment answers.
    pub why: Said,
    /// Said at the end.
    pub thanks: Said,
    /// In the empty comment field.
    pub comment_placeholder: String,
    /// On the button.
    pub send: String,
    /// Beside a question that may stay without an answer.
    pub skip: String,
    /// The tick "you may contact me"; `None` where the survey does not offer it.
    pub consent: Option<String>,
    /// What becomes of an answer.
    pub privacy: String,
    /// Said of a survey that takes no answers any more.
    pub closed: String,
}

/// One score that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScoreWord {
    /// The score.
    pub value: u8,
    /// What a screen reader says: the ends of the scale with what they mean.
    pub label: String,
    /// The segment that it leads to.
    pub segment: Segment,
}

/// A text for each segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// To the unhappy.
    pub detractor: String,
    /// To those in between.
    pub passive: String,
    /// To the happy.
    pub promoter: String,
}

impl Said {
    /// What is said to this segment.
    pub fn of(&self, segment: Segment) -> &str {
        match segment {
            Segment::Detractor => &self.detractor,
            Segment::Passive => &self.passive,
            Segment::Promoter => &self.promoter,
        }
    }
}

/// What a survey says to somebody who speaks `locale`; the workspace's language where that is not known.
pub fn wording(cx: &Ctx, workspace: &Workspace, survey: &Survey, locale: Option<&str>) -> Wording {
    Speaker::new(cx, workspace, survey, locale).wording()
}

/// One survey, about to be said in one language.
pub(crate) struct Speaker<'a> {
    pub(crate) language: &'a Language,
    /// The language of the workspace: second choice for what somebody wrote into the survey.
    fallback: &'a str,
    workspace: &'a Workspace,
    survey: &'a Survey,
}

impl<'a> Speaker<'a> {
    pub(crate) fn new(cx: &'a Ctx, workspace: &'a Workspace, survey: &'a Survey, locale: Option<&str>) -> Self {
        let languages = cx.templates.languages();
        let get = |tag: &str| languages.get(&Locale::parse(tag).unwrap_or_default());
        let fallback = get(&workspace.locale);
        Self { language: locale.map_or(fallback, get), fallback: fallback.code(), workspace, survey }
    }

    /// The question, and what the lowest and the highest score mean.
    pub(crate) fn asked(&self) -> [String; 3] {
        let body = &self.survey.body;
        let (question, low, high) = match self.survey.scale.metric {
            Metric::Nps => ("nps.question", "nps.scale.low", "nps.scale.high"),
            Metric::Csat => ("csat.question", "csat.low", "csat.high"),
            Metric::Ces => ("ces.statement", "ces.low", "ces.high"),
        };
        [self.text(&body.question, question), self.text(&body.low, low), self.text(&body.high, high)]
    }

    pub(crate) fn wording(&self) -> Wording {
        let body = &self.survey.body;
        let [question, low, high] = self.asked();
        Wording {
            lang: self.language.code().to_owned(),
            company: self.workspace.name.clone(),
            question,
            scores: self.scores(&low, &high),
            low,
            high,
            why: self.said(&body.why, "why"),
            thanks: self.said(&body.thanks, "thanks"),
            comment_placeholder: self.shipped("comment.placeholder", ""),
            send: self.shipped("action.send", ""),
            skip: self.shipped("action.skip", ""),
            consent: body.ask_contact.then(|| self.shipped("consent.contact", "")),
            privacy: self.shipped("privacy.note", ""),
            closed: self.shipped("survey.closed", ""),
        }
    }

    fn scores(&self, low: &str, high: &str) -> Vec<ScoreWord> {
        let scale = self.survey.scale;
        let word = |value: u8| {
            let label = match value {
                _ if value == scale.min() => format!("{value}: {low}"),
                _ if value == scale.max => format!("{value}: {high}"),
                _ => value.to_string(),
            };
            let score = hearback_core::Score::new(scale, i64::from(value)).ok()?;
            Some(ScoreWord { value, label, segment: score.segment() })
        };
        (scale.min()..=scale.max).filter_map(word).collect()
    }

    fn said(&self, own: &BySegment, shipped: &str) -> Said {
        let say = |segment: Segment| {
            let hours = hours(self.workspace.policies.of(&self.survey.key, segment).first_contact).to_string();
            match self.own(own.of(segment), &hours) {
                Some(text) => text,
                None => self.shipped(&format!("{shipped}.{}", segment.as_str()), &hours),
            }
        };
        Said { detractor: say(Segment::Detractor), passive: say(Segment::Passive), promoter: say(Segment::Promoter) }
    }

    fn text(&self, own: &Words, shipped: &str) -> String {
        self.own(own, "").unwrap_or_else(|| self.shipped(shipped, ""))
    }

    /// What somebody wrote into the survey.
    pub(crate) fn own(&self, words: &Words, hours: &str) -> Option<String> {
        let said = words.say(self.language.code(), self.fallback)?;
        Some(said.replace("{company}", &self.workspace.name).replace("{hours}", hours))
    }

    fn shipped(&self, key: &str, hours: &str) -> String {
        self.say(key, &[("hours", hours)])
    }

    /// A string of the language files.
    pub(crate) fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let value = |name: &str| match name {
            "company" => Some(self.workspace.name.as_str()),
            _ => values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value),
        };
        self.language.phrase(key).and_then(|phrase| phrase.fill(value).ok()).unwrap_or_default()
    }
}

/// A span as a customer counts it: two working days are 48 hours.
const fn hours(span: Span) -> u32 {
    match span {
        Span::Minutes(minutes) => minutes.div_ceil(60),
        Span::BusinessHours(hours) => hours,
        Span::BusinessDays(days) => days * 24,
    }
}
