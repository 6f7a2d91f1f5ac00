//! What people do in a case: contacts, resolving, closing, handing over, tasks.
//!
//! Owns: one transaction per step of an agent: read the case under a lock, ask `core::case::step`, write the row and
//! the timeline. Refuses to know: which steps are legal (that is `core`), who may take them (that is `web`).

use chrono::{DateTime, Utc};
use hearback_core::{
    Case, CaseEvent, LoopStatus, Owner,
    case::{self, ContactOutcome, IllegalStep},
    id::{CaseId, RecordId, TaskId, WorkspaceId},
    text::{self, MAX_COMMENT, MAX_LINE},
};
use hearback_store::{
    Tx, bulk, cases, contact_attempts, events, tasks, teams,
    time::{from_millis, millis},
    users,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Actor, Ctx, EngineError,
    error::Fields,
    facts::{read_segment, small},
};

/// One try to reach a customer, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// How: `phone`, `email`, ...; 1-64 of `a-z 0-9 - _`.
    pub channel: String,
    /// `reached`, `no_answer`, `wrong_number` or `replied`.
    pub outcome: String,
    /// What was said; at most 10,000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// What is entered when a case is resolved or closed; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseChange {
    /// Why the customer was unhappy; one line.
    #[serde(default)]
    pub root_cause: Option<String>,
    /// What was done about it; at most 10,000 characters.
    #[serde(default)]
    pub resolution: Option<String>,
    /// For the timeline; at most 10,000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// A change of a task; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskChange {
    /// `open`, `done` or `cancelled`.
    #[serde(default)]
    pub status: Option<String>,
    /// What came of it; at most 10,000 characters.
    #[serde(default)]
    pub outcome: Option<String>,
    /// Who does it now: an address or `team:KEY`.
    #[serde(default)]
    pub assignee: Option<String>,
}

/// What closing this case still lacks, in words for its owner; empty when nothing is.
pub fn lacks(case: &cases::Model) -> Vec<String> {
    core_case(case).lacks()
}

/// Logs a try to reach the customer.
pub async fn log_contact(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, contact: NewContact) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let channel = fields.check("channel", text::key(&contact.channel));
    let outcome = ContactOutcome::parse(&contact.outcome).ok_or("must be reached, no_answer, wrong_number or replied");
    let outcome = fields.check("outcome", outcome);
    let note = check_block(&mut fields, "note", contact.note);
    fields.done()?;
    let (Some(channel), Some(outcome)) = (channel, outcome) else { return Err(EngineError::field("outcome", "is missing")) };

    let mut desk = Desk::open(cx, ws, case, actor).await?;
    desk.step(&CaseEvent::Contact(outcome))?;
    desk.row.contacts += 1;
    let attempt = contact_attempts::Model {
        workspace_id: ws.uuid(),
        id: RecordId::new(desk.now).uuid(),
        case_id: case.uuid(),
        channel: channel.clone(),
        outcome: outcome.as_str().to_owned(),
        note: note.clone(),
        actor: actor.to_string(),
        at: millis(desk.now),
    };
    bulk::insert::<contact_attempts::Entity>(&desk.tx, &[attempt]).await?;
    desk.note("contact", &json!({ "channel": channel, "outcome": outcome, "note": note }));
    desk.done().await
}

/// Marks the case as resolved. A detractor's case becomes `resolved` once somebody was in touch; until then what was
/// entered is kept.
pub async fn resolve(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, change: CaseChange) -> Result<(), EngineError> {
    let (event, note) = resolution(change)?;
    let mut desk = Desk::open(cx, ws, case, actor).await?;
    desk.step(&event)?;
    let entered = json!({ "root_cause": desk.row.root_cause, "resolution": desk.row.resolution, "note": note });
    desk.note("resolved", &entered);
    desk.done().await
}

/// Closes the loop; a `Conflict` that lists what is lacking while something is missing. A root cause or resolution in the
/// change is entered first.
pub async fn close(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, change: CaseChange) -> Result<(), EngineError> {
    let enters = change.root_cause.is_some() || change.resolution.is_some();
    let (event, note) = resolution(change)?;
    let mut desk = Desk::open(cx, ws, case, actor).await?;
    if enters {
        desk.step(&event)?;
    }
    desk.step(&CaseEvent::Close)?;
    let entered = json!({ "root_cause": desk.row.root_cause, "resolution": desk.row.resolution, "note": note });
    desk.note("closed", &entered);
    desk.done().await
}

/// Takes up a finished case again: it is open, and its clock for closing starts anew.
pub async fn reopen(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: Option<String>) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let note = check_block(&mut fields, "note", note);
    fields.done()?;
    let mut desk = Desk::open(cx, ws, case, actor).await?;
    desk.step(&CaseEvent::Reopen)?;
    let workspace = cx.workspaces.get(&*desk.tx, ws).await?;
    let close_due = workspace.calendar.add_business_days(desk.now, cx.settings.close_business_days);
    desk.row.close_due_at = Some(millis(close_due));
    desk.note("reopened", &json!({ "note": note }));
    desk.done().await
}

/// Hands the case to somebody else: an address of one of our users, or `team:KEY`.
pub async fn assign(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, owner: &str) -> Result<(), EngineError> {
    let owner = Owner::parse(owner.trim()).map_err(|error| EngineError::field("owner", error))?;
    let mut desk = Desk::open(cx, ws, case, actor).await?;
    check_owner(&desk.tx, ws, "owner", &owner).await?;
    let from = desk.row.owner.replace(owner.to_string());
    desk.note("assigned", &json!({ "from": from, "owner": owner }));
    desk.done().await
}

/// Writes a note into the timeline; at most 10,000 characters.
pub async fn add_note(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: &str) -> Result<(), EngineError> {
    let note = text::block(note, MAX_COMMENT).map_err(|error| EngineError::field("note", error))?;
    let note = note.ok_or_else(|| EngineError::field("note", "must not be empty"))?;
    let mut desk = Desk::open(cx, ws, case, actor).await?;
    desk.note("note", &json!({ "note": note }));
    desk.done().await
}

/// Finishes, reopens or hands over a task. The last one that is finished may close the loop of a thanked customer.
pub async fn update_task(cx: &Ctx, ws: WorkspaceId, task: TaskId, actor: &Actor, change: TaskChange) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let status = change.status.and_then(|word| fields.check("status", TaskStatus::parse(&word)));
    let outcome = check_block(&mut fields, "outcome", change.outcome);
    let assignee = fields.check_some("assignee", change.assignee, |text| Owner::parse(text.trim()));
    fields.done()?;

    let missing = || EngineError::not_found("task", task);
    let known = tasks::by_id(cx.db.read(), ws, task).await?.ok_or_else(missing)?;
    let mut desk = Desk::open(cx, ws, CaseId::from_uuid(known.case_id), actor).await?;
    let mut row = tasks::lock(&desk.tx, ws, task).await?.ok_or_else(missing)?;
    if let Some(owner) = assignee {
        check_owner(&desk.tx, ws, "assignee", &owner).await?;
        let from = std::mem::replace(&mut row.owner, owner.to_string());
        desk.note("task_assigned", &json!({ "task": task, "from": from, "owner": owner }));
    }
    if outcome.is_some() {
        row.outcome = outcome;
    }
    if let Some(status) = status.filter(|status| status.as_str() != row.status) {
        desk.move_task(&mut row, status)?;
    }
    tasks::save(&desk.tx, row).await?;
    desk.done().await
}

/// The word in a task's status column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TaskStatus {
    Open,
    Done,
    Cancelled,
}

impl TaskStatus {
    fn parse(word: &str) -> Result<Self, &'static str> {
        let found = [Self::Open, Self::Done, Self::Cancelled].into_iter().find(|status| status.as_str() == word);
        found.ok_or("must be open, done or cancelled")
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A case under work: its row is locked, nothing is visible before [`Desk::done`].
struct Desk<'a> {
    tx: Tx,
    row: cases::Model,
    actor: &'a Actor,
    now: DateTime<Utc>,
    timeline: Vec<events::Model>,
}

impl<'a> Desk<'a> {
    async fn open(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &'a Actor) -> Result<Self, EngineError> {
        let tx = cx.db.write().await?;
        let mut row = cases::lock(&tx, ws, case).await?.ok_or_else(|| EngineError::not_found("case", case))?;
        let now = cx.now();
        row.updated_at = millis(now);
        Ok(Self { tx, row, actor, now, timeline: Vec::new() })
    }

    fn step(&mut self, event: &CaseEvent) -> Result<(), EngineError> {
        let next = case::step(&core_case(&self.row), event, self.now).map_err(refused)?;
        write_case(next, &mut self.row);
        Ok(())
    }

    fn move_task(&mut self, task: &mut tasks::Model, status: TaskStatus) -> Result<(), EngineError> {
        let was_open = task.status == TaskStatus::Open.as_str();
        let (event, kind) = match status {
            TaskStatus::Open => (Some(CaseEvent::TaskOpened), "task_reopened"),
            TaskStatus::Done => (was_open.then_some(CaseEvent::TaskFinished), "task_done"),
            TaskStatus::Cancelled => (was_open.then_some(CaseEvent::TaskFinished), "task_cancelled"),
        };
        status.as_str().clone_into(&mut task.status);
        task.finished_at = (status != TaskStatus::Open).then(|| millis(self.now));
        self.note(kind, &json!({ "task": task.id, "title": task.title, "outcome": task.outcome }));
        let before = self.row.loop_status.clone();
        if let Some(event) = event {
            self.step(&event)?;
        }
        if self.row.loop_status != before {
            let entry = json!({ "why": "task_finished" });
            self.timeline.push(self.entry(&self.row.loop_status, &Actor::System, &entry));
        }
        Ok(())
    }

    fn note(&mut self, kind: &str, data: &Value) {
        self.timeline.push(self.entry(kind, self.actor, data));
    }

    fn entry(&self, kind: &str, actor: &Actor, data: &Value) -> events::Model {
        let (ws, case) = (WorkspaceId::from_uuid(self.row.workspace_id), CaseId::from_uuid(self.row.id));
        events::row(ws, case, kind, &actor.to_string(), data, self.now)
    }

    async fn done(self) -> Result<(), EngineError> {
        cases::save(&self.tx, self.row).await?;
        bulk::insert::<events::Entity>(&self.tx, &self.timeline).await?;
        Ok(self.tx.commit().await?)
    }
}

fn resolution(change: CaseChange) -> Result<(CaseEvent, Option<String>), EngineError> {
    let mut fields = Fields::default();
    let filled = change.root_cause.filter(|text| !text.trim().is_empty());
    let root_cause = fields.check_some("root_cause", filled, |text| text::line(&text, MAX_LINE));
    let resolution = check_block(&mut fields, "resolution", change.resolution);
    let note = check_block(&mut fields, "note", change.note);
    fields.done()?;
    Ok((CaseEvent::Resolve { root_cause, resolution }, note))
}

fn check_block(fields: &mut Fields, field: &str, text: Option<String>) -> Option<String> {
    fields.check_some(field, text, |text| text::block(&text, MAX_COMMENT)).flatten()
}

/// Only somebody who exists here can own something.
async fn check_owner(tx: &Tx, ws: WorkspaceId, field: &str, owner: &Owner) -> Result<(), EngineError> {
    let known = match owner {
        Owner::User(email) => users::by_email(&**tx, ws, email.as_str()).await?.is_some(),
        Owner::Team(key) => teams::by_key(&**tx, ws, key).await?.is_some(),
    };
    match owner {
        _ if known => Ok(()),
        Owner::User(email) => Err(EngineError::field(field, format!("there is no user {email}; add one first"))),
        Owner::Team(key) => Err(EngineError::field(field, format!("there is no team {key}"))),
    }
}

fn refused(step: IllegalStep) -> EngineError {
    let message = step.to_string();
    match step {
        IllegalStep::Lacks(lacks) => EngineError::Conflict { message, lacks },
        IllegalStep::NotNow { .. } => EngineError::conflict(message),
    }
}

/// The row as the state machine sees it. A status that is no word of ours reads as open, so that somebody looks.
pub(crate) fn core_case(row: &cases::Model) -> Case {
    Case {
        segment: read_segment(&row.segment),
        status: LoopStatus::parse(&row.loop_status).unwrap_or(LoopStatus::Open),
        attempts: small(row.attempts),
        open_tasks: small(row.open_tasks),
        first_contact_at: row.first_contact_at.map(from_millis),
        resolved_at: row.resolved_at.map(from_millis),
        closed_at: row.closed_at.map(from_millis),
        root_cause: row.root_cause.clone(),
        resolution: row.resolution.clone(),
        acknowledged: row.acknowledged_at.is_some(),
    }
}

/// Writes what the state machine decided into the row. When the acknowledgement was accepted is for the caller to say.
pub(crate) fn write_case(case: Case, row: &mut cases::Model) {
    case.segment.as_str().clone_into(&mut row.segment);
    case.status.as_str().clone_into(&mut row.loop_status);
    row.attempts = i64::from(case.attempts);
    row.open_tasks = i64::from(case.open_tasks);
    row.first_contact_at = case.first_contact_at.map(millis);
    row.resolved_at = case.resolved_at.map(millis);
    row.closed_at = case.closed_at.map(millis);
    row.root_cause = case.root_cause;
    row.resolution = case.resolution;
    row.acknowledged_at = row.acknowledged_at.filter(|_| case.acknowledged);
}
