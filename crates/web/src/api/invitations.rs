//! `/api/v1/invitations` and `/api/v1/interactions`: asking one person, and telling what happened to one.

use hearback_core::{
    campaign::{Channel, Reason},
    id::{InvitationId, WaveId},
    state::InvitationState,
};
use hearback_engine::{
    campaigns::{
        ad_hoc::{self, Invited, NewInvitation},
        triggers::{self, NewInteraction},
    },
    role::Scope::{Read, Write},
};
use hearback_store::invitations::{self, InvitationFilter, Model};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    List, Time,
    words::{InvitedStatus, OneOf},
};
use crate::{
    call::{Call, Created, Json, Query, Stored, get, post},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/invitations", Read, "Invitations that fit", list),
        post("/invitations", Write, "Ask one person: now, later if they were asked lately, or not at all, with the reason", create),
        get("/invitations/{id}", Read, "One invitation", one),
        post(
            "/interactions",
            Write,
            "Something happened to a customer: campaigns that listen for it ask about it, once for each external_id",
            interact,
        ),
    ]
}

/// What became of an invitation that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InvitedView {
    id: Uuid,
    #[schemars(with = "OneOf<InvitedStatus>")]
    status: InvitationState,
    reason: Option<Reason>,
    sentence: Option<&'static str>,
    not_before: Option<Time>,
    url: Option<String>,
}

impl InvitedView {
    fn of(invited: Invited) -> Self {
        Self {
            id: invited.id.uuid(),
            status: invited.status,
            reason: invited.reason,
            sentence: invited.reason.map(Reason::sentence),
            not_before: invited.not_before.map(|at| Time(at.timestamp_millis())),
            url: invited.url,
        }
    }
}

/// `POST /invitations`: asks one person now, later if they were asked lately, or not at all, and says why.
pub(crate) async fn create(call: Call, Json(new): Json<NewInvitation>) -> Result<Created<InvitedView>, Problem> {
    let invited = ad_hoc::invite(call.cx(), call.ws(), new).await?;
    Ok(Created(InvitedView::of(invited)))
}

/// An invitation as it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InvitationView {
    id: Uuid,
    person: Uuid,
    survey_id: Uuid,
    wave: Option<Uuid>,
    campaign: Option<String>,
    account: Option<String>,
    #[schemars(with = "Channel")]
    channel: String,
    status: InvitationState,
    #[schemars(with = "Option<Reason>")]
    reason: Option<String>,
    sentence: Option<&'static str>,
    due_at: Time,
    sent_at: Option<Time>,
    answered_at: Option<Time>,
    response: Option<Uuid>,
    reminders: i64,
    expires_at: Option<Time>,
    created_at: Time,
}

impl InvitationView {
    fn of(row: Model) -> Self {
        Self {
            id: row.id,
            person: row.person_id,
            survey_id: row.survey_id,
            wave: row.wave_id,
            campaign: row.campaign,
            account: row.account_key,
            channel: row.channel,
            status: *row.state,
            sentence: row.reason.as_deref().and_then(Reason::parse).map(Reason::sentence),
            reason: row.reason,
            due_at: Time(row.due_at),
            sent_at: row.sent_at.map(Time),
            answered_at: row.answered_at.map(Time),
            response: row.response_id,
            reminders: row.reminders,
            expires_at: row.expires_at.map(Time),
            created_at: Time(row.created_at),
        }
    }
}

/// Which invitations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationsAsked {
    wave: Option<WaveId>,
    status: Option<InvitationState>,
    reason: Option<Reason>,
    person: Option<Uuid>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /invitations`: those that fit.
pub(crate) async fn list(call: Call, Query(asked): Query<InvitationsAsked>) -> Result<Json<List<InvitationView>>, Problem> {
    let filter = InvitationFilter {
        wave: asked.wave,
        person: asked.person,
        states: asked.status.into_iter().collect(),
        reason: asked.reason.map(|reason| reason.as_str().to_owned()),
    };
    Ok(Json(List::of(invitations::list(call.db(), call.ws(), &filter, asked.limit.after(asked.cursor)).await?, InvitationView::of)))
}

/// `GET /invitations/{id}`.
pub(crate) async fn one(call: Call) -> Result<Json<InvitationView>, Problem> {
    let id: InvitationId = call.id("invitation")?;
    let row = invitations::by_id(call.db(), call.ws(), id).await?;
    Ok(Json(InvitationView::of(row.ok_or_else(|| Problem::not_found("invitation", id))?)))
}

/// What followed from something that happened.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct InteractionView {
    external_id: String,
    repeated: bool,
    invitations: Vec<ByCampaign>,
}

/// The invitation of one campaign.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ByCampaign {
    campaign: String,
    #[serde(flatten)]
    invited: InvitedView,
}

/// `POST /interactions`: something happened to a customer; campaigns that listen for it ask about it, once.
pub(crate) async fn interact(call: Call, Json(new): Json<NewInteraction>) -> Result<Stored<InteractionView>, Problem> {
    let external_id = new.external_id.clone();
    let noted = triggers::note(call.cx(), call.ws(), new).await?;
    let invitations =
        noted.invitations.into_iter().map(|(campaign, invited)| ByCampaign { campaign, invited: InvitedView::of(invited) }).collect();
    Ok(Stored { is_new: noted.is_new, shown: InteractionView { external_id, repeated: !noted.is_new, invitations } })
}
