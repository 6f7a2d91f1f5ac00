//! What a widget says to a visitor, and what it does with an answer.

use chrono::Duration;
use hearback_core::{Locale, id::ResponseId};
use hearback_store::{responses, time::from_millis};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Claim, Widget,
    visitor::{is_left_alone, stored},
};
use crate::{
    Ctx, EngineError,
    customers::people::NewPerson,
    responses::{
        Responses,
        correct::correct_response,
        intake::Entry,
        submit::{CheckedResponse, Correction, FollowUp, NewResponse, Receipt, Settles, check},
    },
    surveys::wording::{self, Said, ScoreWord},
};

/// How long after an answer its visitor may add to it.
const CHANGES_FOR: Duration = Duration::hours(1);
/// Where these answers come from.
const CHANNEL: &str = "widget";

/// Everything that the script on the page says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Language of the words.
    pub lang: String,
    /// The question that the score answers.
    pub question: String,
    /// Beside the lowest score.
    pub low: String,
    /// Beside the highest score.
    pub high: String,
    /// Every score, from the lowest.
    pub scores: Vec<ScoreWord>,
    /// What the comment answers.
    pub why: Said,
    /// Said at the end.
    pub thanks: Said,
    /// What is on buttons and beside them.
    pub words: Words,
    /// Colour of the workspace.
    pub accent: Option<String>,
    /// Days until this visitor may be asked again.
    pub days: u16,
}

/// See [`Question`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// In the empty comment field.
    pub placeholder: String,
    /// Sends the comment.
    pub send: String,
    /// Closes the question.
    pub close: String,
    /// Closes it for good.
    pub never: String,
    /// Said when an answer did not arrive.
    pub failed: String,
}

/// What to ask this visitor; `None` when they are left alone, or the survey takes no answers. Changes nothing.
pub async fn ask(cx: &Ctx, widget: &Widget, claim: &Claim, locale: Option<&str>) -> Result<Option<Question>, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), widget.ws()).await?;
    let Some(survey) = workspace.surveys.get(&widget.row.survey) else { return Ok(None) };
    let proven = claim.proven(cx, widget)?;
    // Somebody who was erased is not asked, though nobody is stored any more.
    if proven.iter().filter_map(|person| person.email.as_deref()).any(|address| workspace.was_erased(address)) {
        return Ok(None);
    }
    let person = match &proven {
        Some(proven) => stored(cx, widget, proven).await?,
        None => None,
    };
    if let Some(person) = &person
        && is_left_alone(cx, &workspace, widget, person).await?
    {
        return Ok(None);
    }
    // The page that a visitor reads has its language; what we know of them comes second.
    let known = person.and_then(|person| person.locale);
    let locale = locale.filter(|tag| Locale::parse(tag).is_ok()).or(known.as_deref());
    let said = wording::wording(cx, &workspace, survey, locale);
    let language = cx.templates.languages().get(&Locale::parse(&said.lang).unwrap_or_default());
    let say = |key: &str| language.phrase(key).and_then(|phrase| phrase.fill(|_| None).ok()).unwrap_or_default();
    Ok(Some(Question {
        words: Words {
            placeholder: said.comment_placeholder,
            send: said.send,
            close: say("widget.close"),
            never: say("widget.never"),
            failed: say("page.try_later"),
        },
        lang: said.lang,
        question: said.question,
        low: said.low,
        high: said.high,
        scores: said.scores,
        why: said.why,
        thanks: said.thanks,
        accent: workspace.accent.clone(),
        days: widget.recontact_days,
    }))
}

/// What a visitor sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Made by the page: the same answer comes under the same id, also when it is sent twice or grows.
    pub id: Uuid,
    /// On the survey's scale.
    pub score: i64,
    /// In the visitor's words.
    #[serde(default)]
    pub comment: Option<String>,
    /// The language in which they were asked.
    #[serde(default)]
    pub lang: Option<String>,
}

/// Stores an answer; one that came before under the same id becomes this one, as a new revision.
pub async fn answer(cx: &Responses, widget: &Widget, claim: &Claim, given: Given) -> Result<Receipt, EngineError> {
    let key = format!("widget/{}/{}", widget.row.id, given.id);
    match put(cx, widget, claim, &given, &key).await {
        // Both came at the same time, and the other one was first.
        Err(EngineError::Conflict { .. }) => put(cx, widget, claim, &given, &key).await,
        result => result,
    }
}

async fn put(cx: &Responses, widget: &Widget, claim: &Claim, given: &Given, key: &str) -> Result<Receipt, EngineError> {
    // A click may be followed by words; who wrote them is done.
    let settles = if given.comment.is_some() { Settles::AtOnce } else { Settles::Later };
    if let Some(row) = responses::by_key(cx.db.read(), widget.ws(), key).await? {
        if cx.now() - from_millis(row.created_at) > CHANGES_FOR {
            return Err(EngineError::conflict("this answer can't be changed any more"));
        }
        let change = Correction { score: Some(given.score), comment: given.comment.clone(), ..Correction::default() };
        return correct_response(cx, widget.ws(), ResponseId::from_uuid(row.id), change, settles).await;
    }
    let workspace = cx.workspaces.get(cx.db.read(), widget.ws()).await?;
    let new = check(&workspace, new(cx, widget, claim, given).await?, cx.now())?;
    let new = CheckedResponse { idem_key: Some(key.to_owned()), settles, ..new };
    cx.intake.store(vec![Entry::new(widget.ws(), new, FollowUp::On)]).await.pop().unwrap_or(Err(EngineError::Busy))
}

async fn new(cx: &Ctx, widget: &Widget, claim: &Claim, given: &Given) -> Result<NewResponse, EngineError> {
    let person = match claim.proven(cx, widget)? {
        // What we know of somebody is not changed by the language of one page.
        Some(proven) if stored(cx, widget, &proven).await?.is_some() => proven,
        Some(proven) => NewPerson { locale: language(given), ..proven },
        None => NewPerson { locale: language(given), ..NewPerson::default() },
    };
    Ok(NewResponse {
        survey: widget.row.survey.clone(),
        score: given.score,
        comment: given.comment.clone(),
        person,
        channel: Some(CHANNEL.to_owned()),
        ..NewResponse::default()
    })
}

fn language(given: &Given) -> Option<String> {
    given.lang.clone().filter(|tag| Locale::parse(tag).is_ok())
}
