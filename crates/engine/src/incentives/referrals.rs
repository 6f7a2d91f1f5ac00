//! Links that promoters share: the page behind one, who went on from it, and what came of it.
//!
//! Owns: a visit is counted when somebody goes on from the page, never when it is looked at; a conversion counts once, by the
//! sender's id, and then the rules are asked about the promoter's case. Refuses to know: HTTP.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    Locale,
    id::{CaseId, WorkspaceId},
    text::{self, MAX_LINE},
    timeline::Entry,
};
use hearback_store::{
    bulk, conversions,
    cursor::{Listed, Page},
    events, lists, persons, referrals, snapshot,
    time::millis,
    workspaces,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Actor, Ctx, EngineError,
    error::Fields,
    rows::{event, small},
    trigger_events,
};

/// What stands for the code in the address that links lead to.
const CODE: &str = "{code}";
/// What the page says, by the last part of its key in the language files.
const WORDS: [&str; 6] = ["title", "heading", "text", "go", "mention", "quiet"];

/// The page behind a link. It tells nothing about the promoter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Landing {
    /// Language of the words.
    pub lang: String,
    /// Name under which we write.
    pub company: String,
    /// Everything that the page says, by the last part of its key.
    pub words: BTreeMap<&'static str, String>,
    /// Where it leads; `None` when the workspace has no such place.
    pub target: Option<String>,
}

/// The page behind a code, in the first of `languages` that we speak; `None` for a code that is not ours. Changes nothing.
pub async fn landing(cx: &Ctx, code: &str, languages: &[String]) -> Result<Option<Landing>, EngineError> {
    let Some(row) = lists::referral(cx.db.read(), code).await? else { return Ok(None) };
    let Some(workspace) = workspaces::by_id(cx.db.read(), WorkspaceId::from_uuid(row.workspace_id)).await? else { return Ok(None) };
    let all = cx.templates.languages();
    let known = |tag: &&String| all.all().any(|language| Locale::parse(tag).is_ok_and(|tag| tag.language() == language.code()));
    let tag = languages.iter().find(known).unwrap_or(&workspace.locale);
    let language = all.get(&Locale::parse(tag).unwrap_or_default());
    let value = |name: &str| match name {
        "company" => Some(workspace.name.as_str()),
        "code" => Some(code),
        _ => None,
    };
    let say = |key: &str| language.phrase(&format!("referral.{key}")).and_then(|phrase| phrase.fill(value).ok()).unwrap_or_default();
    Ok(Some(Landing {
        lang: language.code().to_owned(),
        words: WORDS.into_iter().map(|key| (key, say(key))).collect(),
        target: workspace.referral_url.as_ref().map(|url| url.replace(CODE, code)),
        company: workspace.name.clone(),
    }))
}

/// Somebody goes on from the page: counted. The page, with where it leads; `None` for a code that is not ours.
pub async fn visit(cx: &Ctx, code: &str, languages: &[String]) -> Result<Option<Landing>, EngineError> {
    let Some(row) = lists::referral(cx.db.read(), code).await? else { return Ok(None) };
    let tx = cx.db.write().await?;
    referrals::visit(&tx, row.workspace_id, row.id, millis(cx.now())).await?;
    tx.commit().await?;
    landing(cx, code, languages).await
}

/// A web address that links may lead to; `None` for an empty one.
pub(crate) fn check_target(url: &str) -> Result<Option<String>, String> {
    let url = url.trim();
    if url.is_empty() {
        return Ok(None);
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\'' | b'\\' | b'`' | b';' | b',');
    if text::is_host(host) && url.len() <= 500 && url.bytes().all(plain) {
        Ok(Some(url.to_owned()))
    } else {
        Err("must be a web address of at most 500 visible ASCII characters, such as https://shop.example/?ref={code}".to_owned())
    }
}

/// What came of a link, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversion {
    /// The sender's id: the same again is the same conversion.
    #[schemars(length(min = 1, max = MAX_LINE))]
    pub external_id: String,
    /// What it is worth, in the smallest unit of your currency.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub value: Option<i64>,
    /// When it happened; now when left out.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

/// Notes a conversion, once, and whether it is new. The rules are asked about the case of the promoter.
pub async fn convert(cx: &Ctx, ws: WorkspaceId, code: &str, new: NewConversion) -> Result<(conversions::Model, bool), EngineError> {
    let mut fields = Fields::default();
    let external_id = fields.check("external_id", text::line(&new.external_id, MAX_LINE)).unwrap_or_default();
    if new.value.is_some_and(|value| !(0..=1_000_000_000_000).contains(&value)) {
        fields.refuse("value", "must be a whole number from 0 to 1000000000000, in the smallest unit of your currency");
    }
    fields.done()?;
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let referral = referrals::lock(&tx, ws, code).await?.ok_or_else(|| EngineError::not_found("referral link", code))?;
    if let Some(known) = conversions::one(&*tx, ws.uuid(), referral.id, &external_id).await? {
        let same = known.value == new.value && new.at.is_none_or(|at| millis(at) == known.at);
        let message = "another conversion is stored under this external_id; send a new one under a new id";
        return if same { Ok((known, false)) } else { Err(EngineError::conflict(message)) };
    }
    let row = conversions::Model {
        workspace_id: ws.uuid(),
        referral_id: referral.id,
        external_id: external_id.clone(),
        at: millis(new.at.unwrap_or(now)),
        created_at: millis(now),
        value: new.value,
    };
    bulk::insert::<conversions::Entity>(&tx, std::slice::from_ref(&row)).await?;
    if let Some(case) = snapshot::case(&*tx, ws.uuid(), referral.case_id).await?.map(|rows| rows.case) {
        let entry = event(&case, &Actor::System, &Entry::Converted { value: new.value }, now);
        bulk::insert::<events::Entity>(&tx, &[entry]).await?;
        let about = (CaseId::from_uuid(case.id), small(case.revision));
        let job = trigger_events::converted(&workspace, about, &format!("{}/{external_id}", referral.id), now);
        hearback_store::outbox::enqueue(&tx, job.as_slice()).await?;
    }
    tx.commit().await?;
    cx.wake.notify_one();
    Ok((row, true))
}

/// One link with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The link.
    pub referral: referrals::Model,
    /// The promoter; `None` when they are gone.
    pub person: Option<persons::Model>,
    /// How many conversions.
    pub conversions: i64,
    /// What they are worth together.
    pub value: i64,
}

/// One page of the links, the newest first.
pub async fn list(cx: &Ctx, ws: WorkspaceId, page: Page) -> Result<Listed<Shared>, EngineError> {
    let links = referrals::page(cx.db.read(), ws, page).await?;
    let ids: Vec<uuid::Uuid> = links.items.iter().map(|row| row.id).collect();
    let converted = referrals::converted(cx.db.read(), ws, &ids).await?;
    let people = lists::persons(cx.db.read(), ws, links.items.iter().map(|row| row.person_id)).await?;
    Ok(links.map(|referral| {
        let (conversions, value) = converted.get(&referral.id).copied().unwrap_or_default();
        Shared { person: people.get(&referral.person_id).cloned(), referral, conversions, value }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_targets() {
        assert_eq!(check_target(" https://shop.example/?ref={code} "), Ok(Some("https://shop.example/?ref={code}".to_owned())));
        assert_eq!(check_target(" "), Ok(None));
        for bad in [
            "shop.example",
            "javascript:alert(1)",
            "https://",
            "https://a b",
            "https://x;y/",
            "https://{code}/",
            "https://x/\ny",
            "//x",
            "https://shop.example@evil.example/",
            "https://shop.example:99999/",
            "https://.../",
        ] {
            assert!(check_target(bad).is_err(), "{bad}");
        }
    }
}
