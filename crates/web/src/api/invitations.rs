//! `/api/v1/invitations` and `/api/v1/interactions`: asking one person, and telling what happened to one.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_core::{Word as _, campaign::Reason, id::InvitationId};
use hearback_engine::asking::{
    single::{self, Invited, NewInvitation},
    triggers::{self, NewInteraction},
};
use hearback_store::invitations::{self, InvitationFilter, Model};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/invitations", Key(Read), "Invitations that fit", list),
        post("/invitations", Key(Write), "Ask one person: now, later if they were asked lately, or not at all, with the reason", create),
        get("/invitations/{id}", Key(Read), "One invitation", one),
        post(
            "/interactions",
            Key(Write),
            "Something happened to a customer: campaigns that listen for it ask about it, once for each external_id",
            interact,
        ),
    ]
}

/// What became of an invitation that was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct InvitedView {
    id: Uuid,
    status: &'static str,
    reason: Option<Reason>,
    sentence: Option<&'static str>,
    not_before: Option<Time>,
    url: Option<String>,
}

impl InvitedView {
    fn of(invited: Invited) -> Self {
        Self {
            id: invited.id.uuid(),
            status: invited.status.as_str(),
            reason: invited.reason,
            sentence: invited.reason.map(Reason::sentence),
            not_before: invited.not_before.map(|at| Time(at.timestamp_millis())),
            url: invited.url,
        }
    }
}

/// `POST /invitations`: asks one person now, later if they were asked lately, or not at all, and says why.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewInvitation>,
) -> Result<(StatusCode, Json<InvitedView>), Problem> {
    let invited = single::invite(&app.cx, caller.0.ws, new).await?;
    Ok((StatusCode::CREATED, Json(InvitedView::of(invited))))
}

/// An invitation as it stands.
#[derive(Debug, Serialize)]
pub(crate) struct InvitationView {
    id: Uuid,
    person: Uuid,
    survey_id: Uuid,
    wave: Option<Uuid>,
    campaign: Option<String>,
    account: Option<String>,
    channel: String,
    status: &'static str,
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
            status: row.state.as_str(),
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

/// `GET /invitations`: those that fit.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<InvitationView>>, Problem> {
    let params = Params::read(&uri, &["wave", "status", "reason", "person", "limit", "cursor"])?;
    let reason = params.parse("reason", "a reason such as asked_lately", Reason::parse)?;
    let filter = InvitationFilter {
        wave: params.id("wave")?,
        person: params.id("person")?,
        states: params.word("status")?.into_iter().collect(),
        reason: reason.map(|reason| reason.as_str().to_owned()),
    };
    Ok(Json(List::of(invitations::list(app.cx.db.read(), caller.0.ws, &filter, params.page()?).await?, InvitationView::of)))
}

/// `GET /invitations/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<InvitationView>, Problem> {
    Params::read(&uri, &[])?;
    let id: InvitationId = path_id("invitation", &id)?;
    let row = invitations::by_id(app.cx.db.read(), caller.0.ws, id).await?;
    Ok(Json(InvitationView::of(row.ok_or_else(|| Problem::not_found("invitation", id))?)))
}

/// What followed from something that happened.
#[derive(Debug, Serialize)]
pub(crate) struct NotedView {
    external_id: String,
    repeated: bool,
    invitations: Vec<ByCampaign>,
}

/// The invitation of one campaign.
#[derive(Debug, Serialize)]
pub(crate) struct ByCampaign {
    campaign: String,
    #[serde(flatten)]
    invited: InvitedView,
}

/// `POST /interactions`: something happened to a customer; campaigns that listen for it ask about it, once.
pub(crate) async fn interact(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewInteraction>,
) -> Result<(StatusCode, Json<NotedView>), Problem> {
    let external_id = new.external_id.clone();
    let noted = triggers::note(&app.cx, caller.0.ws, new).await?;
    let status = if noted.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let invitations =
        noted.invitations.into_iter().map(|(campaign, invited)| ByCampaign { campaign, invited: InvitedView::of(invited) }).collect();
    Ok((status, Json(NotedView { external_id, repeated: !noted.is_new, invitations })))
}
