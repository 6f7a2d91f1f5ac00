//! Stored set-up as values: rules, surveys, policies, calendars, plans of campaigns.
//!
//! What must stay true: a row that this version can't read is left as it is, named, and stops nothing that does not need it
//! ([`read_all`]). Each kind of row is read here and nowhere else.

pub(crate) mod plan_codec;

use std::sync::Arc;

use hearback_core::{
    Calendar, Metric, Policy, Scale, Segment,
    id::{RuleVersionId, SurveyId, WorkspaceId},
    state::SurveyStatus,
    survey::Body,
};
use hearback_rules::RuleVersion;
use hearback_store::{
    ConnectionTrait, StoreError, Unreadable, calendars, campaigns, policies, rule_versions, snapshot, surveys, unreadable::read_all, waves,
};

/// A survey version that is or was published.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Which version.
    pub id: SurveyId,
    /// Its key.
    pub key: String,
    /// What our people call it.
    pub name: String,
    /// What its answers look like.
    pub scale: Scale,
    /// What it asks and says.
    pub body: Arc<Body>,
    /// Since when it takes no answers any more.
    pub closed: bool,
}

/// A rule version.
pub fn rule(row: &rule_versions::Model) -> Result<RuleVersion, Unreadable> {
    let unreadable = |why: String| Unreadable::new("rule_versions", row.id, why).called(&row.key);
    Ok(RuleVersion {
        id: RuleVersionId::from_uuid(row.id),
        version: u32::try_from(row.version).map_err(|error| unreadable(error.to_string()))?,
        rule: serde_json::from_str(&row.body).map_err(|error| unreadable(error.to_string()))?,
    })
}

/// Rule versions by their ids, in that order; and those of them that can't be read.
pub async fn rules_of_set(
    conn: &impl ConnectionTrait,
    ws: uuid::Uuid,
    ids: &[uuid::Uuid],
) -> Result<(Vec<RuleVersion>, Vec<Unreadable>), StoreError> {
    let rows = snapshot::rule_versions(conn, ws, ids).await?;
    let (mut versions, unreadable) = read_all(&rows, rule);
    versions.sort_by_key(|version| ids.iter().position(|id| *id == version.id.uuid()));
    Ok((versions, unreadable))
}

/// The enabled rules of a workspace, by key.
pub async fn enabled_rules(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<(Vec<RuleVersion>, Vec<Unreadable>), StoreError> {
    Ok(read_all(&rule_versions::enabled(conn, ws).await?, rule))
}

/// A survey version.
pub fn survey(row: &surveys::Model) -> Result<Survey, Unreadable> {
    let unreadable = |why: String| Unreadable::new("surveys", row.id, why).called(&row.key);
    let scale = scale(row)?;
    let body = row.body.as_deref().map_or(Ok(hearback_core::survey::Body::default()), serde_json::from_str);
    Ok(Survey {
        id: SurveyId::from_uuid(row.id),
        key: row.key.clone(),
        name: row.name.clone(),
        scale,
        body: Arc::new(body.map_err(|error| unreadable(error.to_string()))?),
        closed: row.status == SurveyStatus::Closed,
    })
}

/// What scores a survey version takes.
pub fn scale(row: &surveys::Model) -> Result<Scale, Unreadable> {
    let unreadable = |why: String| Unreadable::new("surveys", row.id, why).called(&row.key);
    let metric = Metric::parse(&row.metric).ok_or_else(|| unreadable(format!("there is no metric `{}`", row.metric)))?;
    Scale::new(metric, u8::try_from(row.scale_max).unwrap_or(0)).map_err(|error| unreadable(error.to_string()))
}

/// A policy, with the survey (empty: every survey) and the segment that it is for.
pub fn policy(row: &policies::Model) -> Result<(String, Segment, Policy), Unreadable> {
    let survey = if row.survey.is_empty() { "every survey" } else { &row.survey };
    let unreadable = |why: String| Unreadable::new("policies", format!("{survey}, {}", row.segment), why);
    let segment = Segment::parse(&row.segment).ok_or_else(|| unreadable("there is no such segment".to_owned()))?;
    let policy = serde_json::from_str(&row.body).map_err(|error| unreadable(error.to_string()))?;
    Ok((row.survey.clone(), segment, policy))
}

/// A calendar with its key.
pub fn calendar(row: &calendars::Model) -> Result<(String, Calendar), Unreadable> {
    let calendar = serde_json::from_str(&row.body).map_err(|error| Unreadable::new("calendars", &row.key, error))?;
    Ok((row.key.clone(), calendar))
}

/// All of a workspace that this version can't read: what is in use, and plans of campaigns and of waves that have not ended.
pub async fn unreadable(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Unreadable>, StoreError> {
    let mut found = enabled_rules(conn, ws).await?.1;
    found.extend(read_all(&snapshot::public_surveys(conn, ws.uuid()).await?, survey).1);
    found.extend(read_all(&policies::all(conn, ws).await?, policy).1);
    found.extend(read_all(&calendars::all(conn, ws).await?, calendar).1);
    let plan = |table, id: String, body: &str| plan_codec::read(body).map(drop).map_err(|why| Unreadable::new(table, id, why));
    found.extend(campaigns::list(conn, ws).await?.iter().filter_map(|row| plan("campaigns", row.key.clone(), &row.body).err()));
    for row in waves::open(conn, ws).await? {
        found.extend(
            plan("waves", row.id.to_string(), &row.body).err().map(|wave| wave.called(format!("{} of {}", row.name, row.campaign))),
        );
    }
    Ok(found)
}
