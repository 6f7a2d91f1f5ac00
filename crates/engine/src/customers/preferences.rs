//! What the page behind the link in a mail says: what a customer wants, and the words for it in their language. Reads only.

use std::collections::BTreeMap;

use hearback_core::{
    Locale,
    id::{PersonId, WorkspaceId},
    state::SurveyStatus,
};
use hearback_mailer::Language;
use hearback_store::{lists, persons, preferences, suppressions, workspaces};
use serde::Serialize;

use crate::{Ctx, EngineError, customers::suppressions::Reason};

/// The page behind a link, in the language of the person it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Language of the words.
    pub lang: String,
    /// Name under which we write.
    pub company: String,
    /// What was just done; empty when somebody only looks.
    pub done: String,
    /// Whether no mail is sent to this person at all.
    pub stopped: bool,
    /// Whether the person can change that back.
    pub can_resume: bool,
    /// Whether we know an address of them, to which what we keep can be told.
    pub has_address: bool,
    /// The surveys, by name.
    pub surveys: Vec<SurveyChoice>,
    /// The languages that can be chosen.
    pub languages: Vec<LanguageChoice>,
    /// Everything that the page says, by the last part of its key.
    pub words: BTreeMap<&'static str, String>,
}

/// One survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SurveyChoice {
    /// Its key.
    pub key: String,
    /// Whether mail about it is stopped.
    pub stopped: bool,
    /// What the button says.
    pub label: String,
}

/// One language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LanguageChoice {
    /// Its code.
    pub code: String,
    /// Its own name.
    pub name: String,
    /// Whether it is the present one.
    pub chosen: bool,
}

/// What the page says, by the last part of its key in the language files.
const WORDS: [&str; 12] =
    ["title", "question", "confirm", "only", "language", "save", "resume", "stopped", "blocked", "own_title", "own_export", "own_erase"];

/// Names of the published surveys, by key.
pub(crate) async fn surveys(cx: &Ctx, ws: WorkspaceId) -> Result<BTreeMap<String, String>, EngineError> {
    let rows = lists::surveys(cx.db.read(), ws).await?;
    Ok(rows.into_iter().filter(|row| row.status == SurveyStatus::Published).map(|row| (row.key, row.name)).collect())
}

/// The page, with the word for what was just done; `None` when the workspace is gone.
pub(crate) async fn view(cx: &Ctx, ws: WorkspaceId, id: PersonId, done: &str) -> Result<Option<View>, EngineError> {
    let Some(workspace) = workspaces::by_id(cx.db.read(), ws).await? else { return Ok(None) };
    let person = persons::resolved(cx.db.read(), ws, id).await?;
    let id = person.as_ref().map_or(id, |person| PersonId::from_uuid(person.id));
    let tag = person.as_ref().and_then(|person| person.locale.clone()).unwrap_or(workspace.locale);
    let language = cx.templates.languages().get(&Locale::parse(&tag).unwrap_or_default());
    let reason = match person.as_ref() {
        Some(person) => suppressions::of_person(cx.db.read(), person).await?,
        None => None,
    };
    // Whoever has no address is not mailed either.
    let reason = reason.or_else(|| person.as_ref().is_none_or(|person| person.email.is_none()).then(String::new));
    let stopped_surveys: Vec<String> = preferences::of_person(cx.db.read(), ws, id).await?.into_iter().map(|row| row.survey_key).collect();
    let surveys = surveys(cx, ws).await?.into_iter().map(|(key, name)| {
        let stopped = stopped_surveys.contains(&key);
        SurveyChoice { label: say(language, if stopped { "survey_resume" } else { "survey_stop" }, &name), key, stopped }
    });
    let languages = cx.templates.languages().all().map(|other| LanguageChoice {
        code: other.code().to_owned(),
        name: other.name().to_owned(),
        chosen: other.code() == language.code(),
    });
    let is_blocked = reason.as_deref().is_some_and(|reason| reason != Reason::Unsubscribed.as_str());
    // Who is still blocked for another reason is not told otherwise.
    let done = if done == "resumed" && reason.is_some() { "blocked" } else { done };
    Ok(Some(View {
        lang: language.code().to_owned(),
        company: workspace.name,
        done: if done.is_empty() { String::new() } else { say(language, done, "") },
        stopped: reason.is_some(),
        can_resume: reason.is_some() && !is_blocked,
        has_address: person.is_some_and(|person| person.email.is_some()),
        surveys: surveys.collect(),
        languages: languages.collect(),
        words: WORDS.into_iter().map(|key| (key, say(language, key, ""))).collect(),
    }))
}

fn say(language: &Language, key: &str, survey: &str) -> String {
    let phrase = language.phrase(&format!("unsubscribe.{key}"));
    phrase.and_then(|phrase| phrase.fill(|name| (name == "survey").then_some(survey)).ok()).unwrap_or_default()
}
