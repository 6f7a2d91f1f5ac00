//! What a workspace is set up with: surveys, rules, teams, hours. Read once and kept until its
//! configuration revision changes, so that the way of a response asks for none of it again. What this version can't read of it is
//! left out and named: whoever needs it says so, everybody else goes on.

pub mod asked;
pub mod policies;
pub mod staff;

use serde::Serialize;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use hearback_core::{Calendar, Owner, id::WorkspaceId, policy::Terms, state::SurveyStatus};
use hearback_rules::{RuleVersion, Trigger};
use hearback_store::{
    ConnectionTrait, StoreError, Unreadable, cases, rule_sets, snapshot, suppressions, time::from_millis, unreadable::read_all, workspaces,
};

use crate::{
    EngineError,
    reading::{self, Survey},
    rows::{read_owner, read_segment},
    workspace::{
        asked::Asked,
        policies::{Defaults, Policies},
        staff::Staff,
    },
};

/// Key of the workspace of a fresh database.
pub(crate) const FIRST: &str = "default";

/// A workspace as the engine needs it.
#[derive(Debug)]
pub struct Workspace {
    /// Which.
    pub id: WorkspaceId,
    /// What customers know it as.
    pub name: String,
    /// Language of people whose own is not known.
    pub locale: String,
    /// Owner of what nobody else owns.
    pub default_owner: Owner,
    /// Our people, their teams, absences and working hours.
    pub staff: Staff,
    /// What closing takes.
    pub policies: Policies,
    /// Published surveys by key.
    pub surveys: HashMap<String, Survey>,
    /// Every version that was ever published: answers and links lead to these.
    versions: HashMap<uuid::Uuid, Survey>,
    /// Those that this version can't read, by id; whether they are published.
    unread_surveys: HashMap<uuid::Uuid, (SurveyStatus, Unreadable)>,
    /// Colour of buttons for customers, `#0f766e`.
    pub accent: Option<String>,
    /// A small picture as a data URI.
    pub logo: Option<String>,
    /// Enabled rules, in order of their keys.
    pub rules: Vec<RuleVersion>,
    /// Keys of the enabled rules that this version can't read: they are asked once they can be read.
    pub unread_rules: Vec<String>,
    /// The versions of `rules`, as runs name them together.
    pub rule_set: rule_sets::Model,
    /// The teams that enabled rules pick somebody from.
    pub asked: Asked,
    /// Whether an enabled rule waits in business time.
    pub counts_hours: bool,
    /// Members of each team.
    pub teams: HashMap<String, Vec<Member>>,
    /// Fingerprints of the addresses of people who were erased; see [`Workspace::was_erased`].
    erased: HashSet<String>,
    /// Since when nothing leaves, and why, if so.
    pub held: Option<SendingPause>,
    /// Whoever should have been asked before this moment is not asked any more.
    pub skipped_until: Option<DateTime<Utc>>,
    revision: i64,
}

/// Since when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendingPause {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, for people.
    pub why: String,
}

impl SendingPause {
    /// The hold of a workspace, as stored.
    pub fn of(row: &workspaces::Model) -> Option<Self> {
        let since = from_millis(row.sending_held_at?);
        Some(Self { since, why: row.sending_held_why.clone().unwrap_or_default() })
    }
}

/// Somebody in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where to write.
    pub email: String,
    /// Display name.
    pub name: String,
}

impl Workspace {
    /// One that was set up with nothing: no survey, no rule, nobody in it.
    #[cfg(test)]
    pub(crate) fn bare(settings: &crate::Settings) -> Self {
        Self {
            id: crate::fixtures::workspace_id(),
            name: "The Shop".to_owned(),
            locale: "en".to_owned(),
            default_owner: Owner::Team("support".to_owned()),
            staff: Staff::default(),
            policies: Policies::usual(settings),
            surveys: HashMap::new(),
            versions: HashMap::new(),
            unread_surveys: HashMap::new(),
            accent: None,
            logo: None,
            rules: Vec::new(),
            unread_rules: Vec::new(),
            rule_set: rule_sets::Model::of(crate::fixtures::workspace_id(), []),
            asked: asked::asked(std::iter::empty()),
            counts_hours: false,
            teams: HashMap::new(),
            erased: HashSet::new(),
            held: None,
            skipped_until: None,
            revision: 0,
        }
    }

    /// A survey version by id.
    pub fn survey(&self, id: uuid::Uuid) -> Option<&Survey> {
        self.versions.get(&id)
    }

    /// The same for who can't go on without it; one that this version can't read is another error than none.
    pub fn needed_survey(&self, id: uuid::Uuid) -> Result<&Survey, EngineError> {
        if let Some((_, unreadable)) = self.unread_surveys.get(&id) {
            return Err(StoreError::from(unreadable.clone()).into());
        }
        self.survey(id).ok_or_else(|| EngineError::not_found("survey", id))
    }

    /// Whether a survey version is there and can't be read by this version.
    pub fn is_unread(&self, survey: uuid::Uuid) -> bool {
        self.unread_surveys.contains_key(&survey)
    }

    /// Refuses what needs the published version of a survey that this version can't read.
    pub fn can_read(&self, survey: &str) -> Result<(), StoreError> {
        let is_it = |(status, row): &&(SurveyStatus, Unreadable)| *status == SurveyStatus::Published && row.key == survey;
        self.unread_surveys.values().find(is_it).map_or(Ok(()), |(_, unreadable)| Err(unreadable.clone().into()))
    }

    /// The last version of a survey that takes no answers any more.
    pub fn closed(&self, key: &str) -> Option<&Survey> {
        self.versions.values().filter(|survey| survey.closed && survey.key == key).max_by_key(|survey| survey.id)
    }

    /// Whether any enabled rule wants to know when this happens, or may want to.
    pub fn listens(&self, trigger: Trigger) -> bool {
        !self.unread_rules.is_empty() || self.rules.iter().any(|version| version.rule.on.contains(&trigger))
    }

    /// What this case is worked under now.
    pub fn terms(&self, case: &cases::Model) -> Terms<'_> {
        let survey = self.survey(case.survey_id).map_or("", |survey| survey.key.as_str());
        let owner = read_owner(case.owner.as_deref());
        Terms { policy: self.policies.of(survey, read_segment(&case.segment)), calendar: self.staff.hours_of(owner.as_ref()) }
    }

    /// The working hours that go into the facts of a case: none where no rule counts in them, or where they are those that
    /// are meant without any.
    pub fn hours_for_facts(&self, case: &cases::Model) -> Option<Calendar> {
        let hours = self.counts_hours.then(|| self.staff.hours_of(read_owner(case.owner.as_deref()).as_ref()));
        hours.filter(|hours| **hours != Calendar::default()).cloned()
    }

    /// Whether somebody with this address was erased: it must not be mailed, whoever brought it back.
    pub fn was_erased(&self, address: &str) -> bool {
        !self.erased.is_empty() && self.erased.contains(&suppressions::erased(self.id, address))
    }

    /// Who gets mail for this owner.
    pub fn addresses(&self, owner: &Owner) -> Vec<Member> {
        match owner {
            Owner::User(email) => {
                let known = self.teams.values().flatten().find(|member| member.email == email.as_str());
                vec![known.cloned().unwrap_or_else(|| Member { email: email.to_string(), name: String::new() })]
            }
            Owner::Team(key) => self.teams.get(key).cloned().unwrap_or_default(),
        }
    }
}

/// Workspaces read so far.
#[derive(Debug)]
pub struct WorkspaceCache {
    rows: Mutex<HashMap<WorkspaceId, Seen>>,
    defaults: Defaults,
}

/// A workspace, and when it was last known to be set up like this.
#[derive(Debug, Clone)]
struct Seen {
    workspace: Arc<Workspace>,
    looked: Instant,
}

/// How long a set-up is believed where a change may take effect this much later.
const RECENT: Duration = Duration::from_secs(1);

impl WorkspaceCache {
    /// None yet; `defaults` holds where a workspace has no policy of its own.
    pub fn new(defaults: Defaults) -> Self {
        Self { rows: Mutex::default(), defaults }
    }

    /// The workspace as it is set up now: one small query, unless something changed.
    pub async fn get(&self, connection: &impl ConnectionTrait, id: WorkspaceId) -> Result<Arc<Workspace>, EngineError> {
        let row = workspaces::by_id(connection, id).await?;
        let row = row.ok_or_else(|| EngineError::not_found("workspace", id))?;
        match self.at(id, row.config_revision) {
            Some(workspace) => Ok(workspace),
            None => self.load(connection, row).await,
        }
    }

    /// The workspace at a revision that was just read: no query, unless something changed.
    pub async fn at_revision(
        &self,
        connection: &impl ConnectionTrait,
        id: WorkspaceId,
        revision: i64,
    ) -> Result<Arc<Workspace>, EngineError> {
        match self.at(id, revision) {
            Some(workspace) => Ok(workspace),
            None => Box::pin(self.get(connection, id)).await,
        }
    }

    /// The workspace as it was set up within the last second.
    pub async fn recent(&self, connection: &impl ConnectionTrait, id: WorkspaceId) -> Result<Arc<Workspace>, EngineError> {
        let recent = self.lock().get(&id).filter(|seen| seen.looked.elapsed() < RECENT).map(|seen| Arc::clone(&seen.workspace));
        match recent {
            Some(workspace) => Ok(workspace),
            None => self.get(connection, id).await,
        }
    }

    fn at(&self, id: WorkspaceId, revision: i64) -> Option<Arc<Workspace>> {
        let mut known = self.lock();
        let seen = known.get_mut(&id).filter(|seen| seen.workspace.revision == revision)?;
        seen.looked = Instant::now();
        Some(Arc::clone(&seen.workspace))
    }

    async fn load(&self, connection: &impl ConnectionTrait, row: workspaces::Model) -> Result<Arc<Workspace>, EngineError> {
        let workspace = Arc::new(load(connection, row, self.defaults.clone()).await?);
        self.lock().insert(workspace.id, Seen { workspace: Arc::clone(&workspace), looked: Instant::now() });
        Ok(workspace)
    }

    /// The workspace as it would be with these rules, in the order of their keys. Kept nowhere.
    pub async fn with_rules(
        &self,
        connection: &impl ConnectionTrait,
        id: WorkspaceId,
        rules: Vec<RuleVersion>,
    ) -> Result<Workspace, EngineError> {
        let row = workspaces::by_id(connection, id).await?;
        let row = row.ok_or_else(|| EngineError::not_found("workspace", id))?;
        load_with(connection, row, self.defaults.clone(), rules).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, Seen>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load(connection: &impl ConnectionTrait, row: workspaces::Model, defaults: Defaults) -> Result<Workspace, EngineError> {
    let (rules, unread) = reading::enabled_rules(connection, WorkspaceId::from_uuid(row.id)).await?;
    let unread_rules = unread.into_iter().map(|rule| rule.key).collect();
    Ok(Workspace { unread_rules, ..load_with(connection, row, defaults, rules).await? })
}

async fn load_with(
    connection: &impl ConnectionTrait,
    row: workspaces::Model,
    defaults: Defaults,
    rules: Vec<RuleVersion>,
) -> Result<Workspace, EngineError> {
    let id = WorkspaceId::from_uuid(row.id);
    let rule_set = rule_sets::Model::of(id, rules.iter().map(|rule| rule.id.uuid()));
    let (held, skipped_until) = (SendingPause::of(&row), row.skipped_until.map(from_millis));
    let rows = snapshot::public_surveys(connection, id.uuid()).await?;
    let (versions, unread) = read_all(&rows, |row| reading::survey(row).map(|survey| (*row.status, survey)).map_err(|error| (row, error)));
    let unread_surveys = unread.into_iter().map(|(row, error)| (row.id, (*row.status, error))).collect();
    Ok(Workspace {
        id,
        name: row.name,
        locale: row.locale,
        default_owner: Owner::Team(row.default_team),
        staff: Staff::load(connection, id).await?,
        policies: Policies::load(connection, id, defaults).await?,
        surveys: published(&versions),
        versions: versions.into_iter().map(|(_, survey)| (survey.id.uuid(), survey)).collect(),
        unread_surveys,
        accent: row.accent,
        logo: row.logo,
        asked: asked::asked(rules.iter().map(|version| &version.rule)),
        counts_hours: rules.iter().flat_map(|version| &version.rule.then).any(|step| step.after.is_business()),
        rules,
        unread_rules: Vec::new(),
        rule_set,
        teams: load_teams(connection, id).await?,
        erased: suppressions::all_erased(connection, id).await?.into_iter().map(|(address, _)| address).collect(),
        held,
        skipped_until,
        revision: row.config_revision,
    })
}

/// Those that can be answered now, by key.
fn published(versions: &[(SurveyStatus, Survey)]) -> HashMap<String, Survey> {
    let published = versions.iter().filter(|(status, _)| *status == SurveyStatus::Published);
    published.map(|(_, survey)| (survey.key.clone(), survey.clone())).collect()
}

async fn load_teams(connection: &impl ConnectionTrait, id: WorkspaceId) -> Result<HashMap<String, Vec<Member>>, StoreError> {
    let mut found: HashMap<String, Vec<Member>> = HashMap::new();
    let (all_teams, members, users) = snapshot::teams(connection, id.uuid()).await?;
    let users: HashMap<_, _> = users.into_iter().map(|user| (user.id, user)).collect();
    for team in all_teams {
        found.insert(team.key, team.email.map(|email| Member { email, name: team.name }).into_iter().collect());
    }
    for member in members {
        if let (Some(team), Some(user)) = (found.get_mut(&member.team_key), users.get(&member.user_id)) {
            team.push(Member { email: user.email.clone(), name: user.name.clone() });
        }
    }
    Ok(found)
}
