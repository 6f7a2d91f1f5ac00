//! What a screen says and offers, ready for a template.

use std::collections::BTreeMap;

use hearback_core::{
    Score, Segment,
    survey::{Answer, Answers, Question, QuestionType},
};
use serde::Serialize;

use super::{
    door::{Asked, Who},
    form::{Form, Part},
    keep::Stored,
    ticket::Ticket,
};
use crate::{
    Ctx,
    surveys::wording::{Speaker, Wording},
};

/// Which screen, with what it is about.
pub(super) enum Screen<'a> {
    Score { chosen: Option<Score>, with_why: bool, problem: bool },
    Confirm { score: Score, form: &'a Form },
    Why { score: Score },
    Question { score: Score, question: &'a Question },
    Thanks { score: Score },
}

/// One screen. Plain text: the template escapes it.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// `score`, `confirm`, `why`, `question`, `thanks` or `closed`.
    pub screen: &'static str,
    /// Everything that the survey says.
    #[serde(flatten)]
    pub wording: Wording,
    /// What the page says besides, by the last part of its key in the language files.
    pub words: BTreeMap<&'static str, String>,
    /// The heading.
    pub heading: String,
    /// Where the visitor stands: answered before, not confirmed, nothing chosen.
    pub note: String,
    /// Something is missing.
    pub problem: String,
    /// The scores, with the chosen one.
    pub choices: Vec<ScoreChoice>,
    /// The score that later screens carry on.
    pub score: Option<u8>,
    /// Whether the follow-up question stands on this screen.
    pub with_why: bool,
    /// The follow-up question for each segment, with the one that fits the chosen score.
    pub whys: Vec<Why>,
    /// What was written before.
    pub comment: String,
    /// The tick "you may contact me".
    pub contact: Option<Contact>,
    /// The further question on this screen.
    pub ask: Option<Asking>,
    /// What the form carries back.
    pub page: String,
    /// Which screen the form stands on.
    pub part: String,
    /// Whether this is a preview.
    pub is_preview: bool,
    /// Where a kiosk goes by itself.
    pub home: Option<Home>,
    /// Where the answer can be changed.
    pub can_change: bool,
    /// The workspace's colour, without the `#`.
    pub accent: Option<String>,
    /// The workspace's picture.
    pub logo: Option<String>,
}

/// A score that can be chosen.
#[derive(Debug, Clone, Serialize)]
pub struct ScoreChoice {
    /// The score.
    pub value: u8,
    /// For a screen reader.
    pub label: String,
    /// The segment that it leads to.
    pub segment: Segment,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// The follow-up question for one segment.
#[derive(Debug, Clone, Serialize)]
pub struct Why {
    segment: Segment,
    text: String,
    fits: bool,
}

/// The tick.
#[derive(Debug, Clone, Serialize)]
pub struct Contact {
    label: String,
    is_ticked: bool,
}

/// A further question.
#[derive(Debug, Clone, Serialize)]
pub struct Asking {
    /// `choice`, `choices`, `text` or `scale`.
    kind: &'static str,
    choices: Vec<Offer>,
    text: String,
}

/// A choice of a further question.
#[derive(Debug, Clone, Serialize)]
pub struct Offer {
    key: String,
    text: String,
    is_chosen: bool,
}

/// Where a kiosk goes, and when.
#[derive(Debug, Clone, Serialize)]
pub struct Home {
    address: String,
    seconds: u32,
}

/// What the page says besides the survey's own words.
const WORDS: [&str; 6] = ["next", "yes", "change", "again", "preview", "several"];
/// How long a kiosk shows its thanks, and waits for somebody who went away, in seconds.
const THANKED: u32 = 6;
const LEFT_ALONE: u32 = 90;

/// A survey that takes no answers.
pub(super) fn closed(cx: &Ctx, asked: &Asked) -> View {
    let speaker = asked.speaker(cx);
    let view = blank(asked, &speaker, "closed");
    View { heading: view.wording.closed.clone(), ..view }
}

/// A screen, with what was said before.
pub(super) fn show(cx: &Ctx, asked: &Asked, before: &Stored, ticket: &Ticket, screen: &Screen<'_>) -> View {
    let speaker = asked.speaker(cx);
    let view = blank(asked, &speaker, screen.name());
    let page = ticket.write(cx, asked);
    let view = View { page, part: screen.part(), score: screen.score().map(Score::value), home: home(asked, screen), ..view };
    match screen {
        Screen::Score { chosen, with_why, problem } => View {
            heading: view.wording.question.clone(),
            note: if before.is_kept { until(asked, &speaker, "survey.edit_until") } else { String::new() },
            problem: if *problem { speaker.say("page.choose", &[]) } else { String::new() },
            choices: choices(&view.wording, *chosen),
            with_why: *with_why && chosen.is_some(),
            ..view.with_why(asked, before, *chosen)
        },
        Screen::Why { score } => {
            let view = view.with_why(asked, before, Some(*score));
            View { heading: view.wording.why.of(score.segment()).to_owned(), with_why: true, ..view }
        }
        Screen::Confirm { score, form } => View {
            heading: speaker.say("page.confirm", &[("score", &score.value().to_string())]),
            with_why: form.says_why(),
            comment: form.comment.clone().unwrap_or_default(),
            contact: asked.contact(&view.wording, form.may_contact),
            ..view
        },
        Screen::Question { question, .. } => View {
            heading: speaker.own(&question.text, "").unwrap_or_default(),
            ask: Some(asking(&speaker, question, &before.answers)),
            ..view
        },
        Screen::Thanks { score } => View {
            heading: view.wording.thanks.of(score.segment()).to_owned(),
            note: until(asked, &speaker, "page.change_until"),
            can_change: matches!(asked.who, Who::Invited { .. }),
            ..view
        },
    }
}

impl Screen<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Score { .. } => "score",
            Self::Confirm { .. } => "confirm",
            Self::Why { .. } => "why",
            Self::Question { .. } => "question",
            Self::Thanks { .. } => "thanks",
        }
    }

    fn part(&self) -> String {
        match self {
            Self::Score { .. } | Self::Thanks { .. } => Part::Score.write(),
            Self::Confirm { form, .. } => form.part.write(),
            Self::Why { .. } => Part::Why.write(),
            Self::Question { question, .. } => Part::Question(question.key.clone()).write(),
        }
    }

    const fn score(&self) -> Option<Score> {
        match self {
            Self::Score { .. } => None,
            Self::Confirm { score, .. } | Self::Why { score } | Self::Question { score, .. } | Self::Thanks { score } => Some(*score),
        }
    }
}

impl Asked {
    fn speaker<'a>(&'a self, cx: &'a Ctx) -> Speaker<'a> {
        Speaker::new(cx, &self.workspace, &self.survey, self.lang.as_deref())
    }

    fn contact(&self, wording: &Wording, is_ticked: bool) -> Option<Contact> {
        let label = wording.consent.clone().filter(|_| self.offers_contact())?;
        Some(Contact { label, is_ticked })
    }
}

impl View {
    fn with_why(self, asked: &Asked, before: &Stored, score: Option<Score>) -> Self {
        let fits = |segment| score.is_some_and(|score| score.segment() == segment);
        let why = |segment| Why { segment, text: self.wording.why.of(segment).to_owned(), fits: fits(segment) };
        Self {
            whys: Segment::ALL.map(why).into(),
            comment: before.comment.clone(),
            contact: asked.contact(&self.wording, before.may_contact),
            ..self
        }
    }
}

fn blank(asked: &Asked, speaker: &Speaker<'_>, screen: &'static str) -> View {
    View {
        screen,
        wording: speaker.wording(),
        words: WORDS.into_iter().map(|key| (key, speaker.say(&format!("page.{key}"), &[]))).collect(),
        heading: String::new(),
        note: String::new(),
        problem: String::new(),
        choices: Vec::new(),
        score: None,
        with_why: false,
        whys: Vec::new(),
        comment: String::new(),
        contact: None,
        ask: None,
        page: String::new(),
        part: String::new(),
        is_preview: asked.is_preview(),
        home: None,
        can_change: false,
        accent: asked.workspace.accent.as_deref().map(|accent| accent.trim_start_matches('#').to_owned()),
        logo: asked.workspace.logo.clone(),
    }
}

fn choices(wording: &Wording, chosen: Option<Score>) -> Vec<ScoreChoice> {
    let is_chosen = |value| chosen.is_some_and(|score| score.value() == value);
    let choice = |word: &crate::surveys::wording::ScoreWord| ScoreChoice {
        value: word.value,
        label: word.label.clone(),
        segment: word.segment,
        is_chosen: is_chosen(word.value),
    };
    wording.scores.iter().map(choice).collect()
}

/// Until when the answer can be changed, as the workspace counts days.
fn until(asked: &Asked, speaker: &Speaker<'_>, key: &str) -> String {
    let Who::Invited { person, until, .. } = &asked.who else { return String::new() };
    let zone = person.timezone.as_deref().and_then(|name| hearback_core::wall::zone(name).ok());
    let day = zone.map_or_else(|| until.date_naive(), |zone| until.with_timezone(&zone).date_naive());
    speaker.say(key, &[("date", &speaker.language.date(day))])
}

/// A kiosk goes back to its start after the thanks, and when somebody left in the middle.
fn home(asked: &Asked, screen: &Screen<'_>) -> Option<Home> {
    let Who::Passerby { kiosk: Some(address), .. } = &asked.who else { return None };
    let seconds = match screen {
        Screen::Score { chosen: None, .. } => return None,
        Screen::Thanks { .. } => THANKED,
        Screen::Score { .. } | Screen::Confirm { .. } | Screen::Why { .. } | Screen::Question { .. } => LEFT_ALONE,
    };
    Some(Home { address: address.clone(), seconds })
}

fn asking(speaker: &Speaker<'_>, question: &Question, answers: &Answers) -> Asking {
    let before = answers.get(&question.key);
    let is_chosen = |key: &str| match before {
        Some(Answer::Text(chosen)) => chosen == key,
        Some(Answer::Several(chosen)) => chosen.iter().any(|chosen| chosen == key),
        Some(Answer::Number(chosen)) => chosen.to_string() == key,
        None => false,
    };
    let offer = |key: String, text: String| Offer { is_chosen: is_chosen(&key), key, text };
    let (kind, choices) = match &question.ask {
        QuestionType::SingleChoice { choices } => ("choice", choices.as_slice()),
        QuestionType::MultipleChoice { choices } => ("choices", choices.as_slice()),
        QuestionType::Text => {
            let text = if let Some(Answer::Text(text)) = before { text.clone() } else { String::new() };
            return Asking { kind: "text", choices: Vec::new(), text };
        }
        QuestionType::Scale { min, max } => {
            let choices = (*min..=*max).map(|value| offer(value.to_string(), value.to_string())).collect();
            return Asking { kind: "scale", choices, text: String::new() };
        }
    };
    let choices = choices.iter().map(|choice| offer(choice.key.clone(), speaker.own(&choice.text, "").unwrap_or_default())).collect();
    Asking { kind, choices, text: String::new() }
}
