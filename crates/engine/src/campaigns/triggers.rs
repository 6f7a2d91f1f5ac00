//! Something happened to a customer outside: the campaigns that listen for it ask about it, once.

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    campaign::{Plan, Reason},
    id::{InvitationId, WorkspaceId},
    state::{CampaignStatus, InvitationState},
    text::{self, MAX_LINE},
};
use hearback_store::{
    Tx, accounts, bulk, campaigns, interactions,
    invitations::{self, Model},
    persons,
    time::millis,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ad_hoc::{Invited, of_person, place, settle, url},
    eligibility::Judged,
    planning::read_audience,
};
use crate::{
    Ctx, EngineError,
    automation::facts::{account_facts, person_facts},
    customers::people::{self, NewPerson},
    error::Fields,
    invitations::row,
    reading::plan_codec,
    workspace::Workspace,
};

/// What happened to whom.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInteraction {
    /// What campaigns call it: `ticket_closed`.
    pub event: String,
    /// To whom; stored, or laid over who is stored.
    pub person: NewPerson,
    /// The sender's own id of it: the same event with the same id is asked about once for each person.
    pub external_id: String,
    /// When; now when absent. From 2000 to one day ahead.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Whether it was told for the first time.
    pub is_new: bool,
    /// The campaigns that listen for it, each with its invitation. Whoever is not in the audience of one has none.
    pub invitations: Vec<(String, Invited)>,
}

/// Notes what happened and invites the customer as far as campaigns ask for it.
pub async fn note(cx: &Ctx, ws: WorkspaceId, new: NewInteraction) -> Result<Noted, EngineError> {
    let now = cx.now();
    let (event, external_id, at) = check(&new, now)?;
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let person = people::upsert_person(cx, ws, new.person).await.map_err(of_person)?;
    let listening = listening(cx, ws, &event).await?;
    let interaction = interactions::Model {
        workspace_id: ws.uuid(),
        external_id: external_id.clone(),
        event: event.clone(),
        person_id: person.id,
        at: millis(at),
        created_at: millis(now),
    };
    let tx = cx.db.write().await?;
    let is_new = bulk::insert_missing::<interactions::Entity>(&tx, &[interaction]).await? > 0;
    let mut noted = Noted { is_new, invitations: Vec::new() };
    for (campaign, plan) in listening {
        let id = InvitationId::derived(&format!("interaction/{ws}/{}/{event}/{}/{external_id}", campaign.key, person.id));
        let invited = if is_new {
            invite(cx, &tx, &workspace, &campaign.key, &plan, &person, id, at).await?
        } else {
            invitations::by_id(&*tx, ws, id).await?.map(|row| as_it_is(cx, &row))
        };
        noted.invitations.extend(invited.map(|invited| (campaign.key, invited)));
    }
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(noted)
}

fn check(new: &NewInteraction, now: DateTime<Utc>) -> Result<(String, String, DateTime<Utc>), EngineError> {
    let mut fields = Fields::default();
    let event = fields.check("event", text::key(&new.event)).unwrap_or_default();
    let external_id = fields.check("external_id", text::line(&new.external_id, MAX_LINE)).unwrap_or_default();
    let at = new.at.unwrap_or(now);
    if at < DateTime::UNIX_EPOCH + Duration::days(10_957) || at > now + Duration::days(1) {
        fields.refuse("at", "must be from the year 2000 to one day ahead");
    }
    fields.done()?;
    Ok((event, external_id, at))
}

/// The campaigns that ask after this event.
async fn listening(cx: &Ctx, ws: WorkspaceId, event: &str) -> Result<Vec<(campaigns::Model, Plan)>, EngineError> {
    let mut listening = Vec::new();
    for row in campaigns::list(cx.db.read(), ws).await?.into_iter().filter(|row| row.status == CampaignStatus::Active) {
        let plan = match plan_codec::read(&row.body) {
            Ok(stored) => stored.plan,
            // One campaign that can't be read must not hold up the others.
            Err(why) => {
                tracing::error!(campaign = %row.key, %why, "a campaign can't be asked whether it listens");
                continue;
            }
        };
        if plan.trigger.as_ref().is_some_and(|after| after.event == event) {
            listening.push((row, plan));
        }
    }
    Ok(listening)
}

/// Invites the customer for one campaign; `None` when they are not in its audience.
#[expect(clippy::too_many_arguments, reason = "what a campaign asks whom after what")]
async fn invite(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    campaign: &str,
    plan: &Plan,
    person: &persons::Model,
    id: InvitationId,
    at: DateTime<Utc>,
) -> Result<Option<Invited>, EngineError> {
    let (ws, now) = (workspace.id, cx.now());
    let account = match &person.account_key {
        Some(key) => accounts::by_key(&**tx, ws, key).await?,
        None => None,
    };
    if !read_audience(&plan.audience)?.has(&person_facts(person), account.as_ref().map(account_facts).as_ref()) {
        return Ok(None);
    }
    let Some(survey) = workspace.surveys.get(&plan.survey) else { return Ok(None) };
    let delay = plan.trigger.as_ref().map(|after| after.delay).unwrap_or_default();
    let due = delay.after(workspace.staff.hours_of(None), at);
    let new = Model {
        campaign: Some(campaign.to_owned()),
        account_key: person.account_key.clone(),
        due_at: millis(due),
        ..row(workspace, survey, id, person.id, plan.channel, now)
    };
    let refused = if invitations::waits(&**tx, ws, campaign, person.id).await? {
        Some(Reason::AlreadyInvited)
    } else if plan.chooses(id.uuid()) {
        None
    } else {
        Some(Reason::NotInSample)
    };
    let invited = match refused {
        Some(reason) => {
            bulk::insert_missing::<invitations::Entity>(tx, std::slice::from_ref(&new)).await?;
            settle(cx, tx, workspace, survey, new, Judged::Not(reason), now).await?
        }
        None => place(cx, tx, workspace, survey, plan, new, now).await?,
    };
    Ok(Some(invited))
}

/// An invitation that was made before, as it stands.
fn as_it_is(cx: &Ctx, row: &Model) -> Invited {
    let status = match *row.state {
        InvitationState::Planned | InvitationState::Queued => InvitationState::Queued,
        InvitationState::Blocked | InvitationState::NotAsked | InvitationState::Cancelled => InvitationState::Blocked,
        InvitationState::Sent | InvitationState::Answered | InvitationState::Bounced | InvitationState::Expired => InvitationState::Sent,
    };
    let waits = row.state == InvitationState::Blocked;
    Invited {
        id: InvitationId::from_uuid(row.id),
        status,
        reason: row.reason.as_deref().and_then(Reason::parse),
        not_before: waits.then(|| hearback_store::time::from_millis(row.due_at)),
        url: (status != InvitationState::Blocked || waits).then(|| url(cx, row)),
    }
}
