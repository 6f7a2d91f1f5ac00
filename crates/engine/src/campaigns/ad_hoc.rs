//! Asking one person because somebody says so: `POST /invitations`.

use chrono::{DateTime, Utc};
use hearback_core::{
    campaign::{Channel, Plan, Reason},
    id::{InvitationId, WorkspaceId},
    state::InvitationState,
    token::Purpose,
};
use hearback_store::{
    Tx, audience, bulk,
    invitations::{self, Model},
    outbox::{self, Job},
    time::{from_millis, millis},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    eligibility::{Judged, Moment},
    invite::plan_alone,
    planning::blocked,
};
use crate::{
    Ctx, EngineError,
    customers::people::{self, NewPerson},
    invitations::row,
    reading::Survey,
    workspace::Workspace,
};

/// Whom to ask about what.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// Key of a published survey.
    pub survey: String,
    /// Who; stored, or laid over who is stored.
    pub person: NewPerson,
    /// `email` when absent; a `link` is for you to hand over.
    #[serde(default)]
    pub channel: Channel,
    /// Ask although they were asked lately. Nobody is asked who does not want to be.
    #[serde(default)]
    pub ignore_limits: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The invitation.
    pub id: InvitationId,
    /// `queued`, `sent` (the link may be handed over) or `blocked`.
    pub status: InvitationState,
    /// Why it is blocked.
    pub reason: Option<Reason>,
    /// When a blocked one is looked at again; never when absent.
    pub not_before: Option<DateTime<Utc>>,
    /// Where it is answered; absent when it must not be.
    pub url: Option<String>,
}

/// Invites somebody: now, later if they were asked lately, or not at all, with the reason.
pub async fn invite(cx: &Ctx, ws: WorkspaceId, new: NewInvitation) -> Result<Invited, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let survey = workspace.surveys.get(&new.survey);
    let survey = survey.ok_or_else(|| EngineError::field("survey", format!("there is no published survey `{}`", new.survey)))?;
    let person = people::upsert_person(cx, ws, new.person).await.map_err(of_person)?;
    let now = cx.now();
    let id = InvitationId::new(now);
    let row = Model { ignores_limits: new.ignore_limits, ..row(&workspace, survey, id, person.id, new.channel, now) };
    let tx = cx.db.write().await?;
    let plan = plan_alone(&survey.key);
    let invited = place(cx, &tx, &workspace, survey, &plan, Model { account_key: person.account_key, ..row }, now).await?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(invited)
}

/// The fields of a person, named as they were sent.
pub(super) fn of_person(error: EngineError) -> EngineError {
    let EngineError::Invalid(mut fields) = error else { return error };
    for field in &mut fields {
        field.field = format!("person.{}", field.field);
    }
    EngineError::Invalid(fields)
}

/// Writes an invitation with the job that sees to it, as far as it can be said what stands in the way when it is due.
pub(super) async fn place(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    survey: &Survey,
    plan: &Plan,
    row: Model,
    now: DateTime<Utc>,
) -> Result<Invited, EngineError> {
    let due = now.max(from_millis(row.due_at));
    audience::one_at_a_time(tx, workspace.id).await?;
    bulk::insert_missing::<invitations::Entity>(tx, std::slice::from_ref(&row)).await?;
    let people = audience::invited(&**tx, workspace.id, &survey.key, &[row.id]).await?;
    let who = people.first().ok_or_else(|| EngineError::not_found("person", row.person_id))?;
    let mut moment = Moment::new(plan, due, plan.zone(workspace.staff.hours_of(None).zone()));
    let judged = moment.judge(&row, who, blocked(workspace, who));
    settle(cx, tx, workspace, survey, row, judged, now).await
}

/// Writes what was decided about a new invitation.
pub(super) async fn settle(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    survey: &Survey,
    row: Model,
    judged: Judged,
    now: DateTime<Utc>,
) -> Result<Invited, EngineError> {
    let id = InvitationId::from_uuid(row.id);
    let is_link = row.channel == Channel::Link.as_str();
    let blocked =
        |row: Model, state: InvitationState, reason: Reason| Model { state: state.into(), reason: Some(reason.as_str().to_owned()), ..row };
    let (row, mut invited) = match judged {
        Judged::Ask if is_link => {
            let expires = now + chrono::Duration::days(i64::from(survey.body.answer_days));
            let row = Model { state: InvitationState::Sent.into(), sent_at: Some(millis(now)), expires_at: Some(millis(expires)), ..row };
            (row, Invited { id, status: InvitationState::Sent, reason: None, not_before: None, url: None })
        }
        Judged::Ask => (row, Invited { id, status: InvitationState::Queued, reason: None, not_before: None, url: None }),
        // Nobody would hand the link over later.
        Judged::Later(at, reason) if is_link => (
            blocked(row, InvitationState::NotAsked, reason),
            Invited { id, status: InvitationState::Blocked, reason: Some(reason), not_before: Some(at), url: None },
        ),
        Judged::Later(at, reason @ Reason::OutsideWindow) => {
            let row = Model { due_at: millis(at), reason: Some(reason.as_str().to_owned()), ..row };
            (row, Invited { id, status: InvitationState::Queued, reason: Some(reason), not_before: Some(at), url: None })
        }
        Judged::Later(at, reason) => {
            let row = Model { due_at: millis(at), ..blocked(row, InvitationState::Blocked, reason) };
            (row, Invited { id, status: InvitationState::Blocked, reason: Some(reason), not_before: Some(at), url: None })
        }
        Judged::Not(reason) => (
            blocked(row, InvitationState::NotAsked, reason),
            Invited { id, status: InvitationState::Blocked, reason: Some(reason), not_before: None, url: None },
        ),
    };
    if row.state != InvitationState::NotAsked {
        invited.url = Some(url(cx, &row));
        let at = row.expires_at.unwrap_or(row.due_at);
        let job = Job::Invite { invitation: id };
        let cause = format!("invitation/{id}/job");
        outbox::enqueue(tx, &[outbox::row(workspace.id, &job, &cause, from_millis(at), now, None)]).await?;
    }
    invitations::save(tx, row).await?;
    Ok(invited)
}

/// Where an invitation is answered.
pub fn url(cx: &Ctx, row: &Model) -> String {
    let token = cx.settings.secret_key.sign(Purpose::Survey, row.workspace_id, row.id);
    format!("{}/s/{token}", cx.settings.survey_url)
}
