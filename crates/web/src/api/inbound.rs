//! `/api/v1/inbound` takes in a mail as it came; `/api/v1/messages` is what came in.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, Uri},
};
use hearback_core::id::MessageId;
use hearback_engine::inbound::{self, Door, MAX_BYTES, Taken};
use hearback_store::messages::{self, Attachment};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/inbound", Key(Write), "Take in a mail as it came: a bounce, a complaint, an automatic answer, a reply", create),
        get("/messages", Key(Read), "What came in by mail, the newest first", list),
        get("/messages/{id}", Key(Read), "One message", one),
    ]
}

/// What a message can be.
pub(crate) const KINDS: [&str; 8] = ["reply", "auto_reply", "bounce", "delayed", "delivered", "complaint", "opt_out", "unknown"];
/// What becomes of one.
pub(crate) const STATES: [&str; 3] = ["done", "muted", "quarantined"];

/// What became of a mail.
#[derive(Debug, Serialize)]
pub(crate) struct TakenView {
    id: MessageId,
    kind: String,
    state: String,
    reason: Option<String>,
    case: Option<Uuid>,
}

/// `POST /inbound?recipient=`: a mail as it came, `message/rfc822`. 200 for one that was taken before.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    request: Request,
) -> Result<(StatusCode, Json<TakenView>), Problem> {
    let params = Params::read(&uri, &["recipient"])?;
    if let Some(other) = body::content_type(request.headers()).filter(|kind| kind != "message/rfc822") {
        return Err(body::unsupported(other, "message/rfc822"));
    }
    let raw = body::read(request.into_body(), MAX_BYTES).await?;
    if raw.is_empty() {
        return Err(Problem::field("body", "is empty: send the mail as it came, header and all"));
    }
    let recipient = params.text("recipient").map(str::to_owned);
    let Taken { id, kind, state, reason, case, is_new, .. } =
        inbound::take(&app.cx, raw.to_vec(), recipient, Door::Workspace(caller.0.ws)).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(TakenView { id, kind, state, reason, case: case.map(hearback_core::Id::uuid) })))
}

/// One message as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct MessageView {
    id: Uuid,
    kind: String,
    state: String,
    reason: Option<String>,
    from: String,
    subject: String,
    text: String,
    whole_text: String,
    attachments: Vec<Attachment>,
    message_id: Option<String>,
    case: Option<Uuid>,
    person: Option<Uuid>,
    delivery: Option<Uuid>,
    received_at: Time,
}

impl MessageView {
    /// A row.
    pub(crate) fn of(row: messages::Model) -> Self {
        Self {
            whole_text: row.whole().to_owned(),
            attachments: row.attachments(),
            id: row.id,
            kind: row.kind,
            state: row.state,
            reason: row.reason,
            from: row.from_address,
            subject: row.subject,
            text: row.text,
            message_id: row.message_id,
            case: row.case_id,
            person: row.person_id,
            delivery: row.delivery_id,
            received_at: Time(row.received_at),
        }
    }
}

/// The filter of a list, from the address.
pub(crate) fn filter(params: &Params) -> Result<messages::Filter, Problem> {
    let one_of = |known: &'static [&'static str]| move |text: &str| known.contains(&text).then(|| text.to_owned());
    Ok(messages::Filter {
        kind: params.parse("kind", &KINDS.join(", "), one_of(&KINDS))?,
        state: params.parse("state", &STATES.join(", "), one_of(&STATES))?,
    })
}

/// `GET /messages`: the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<MessageView>>, Problem> {
    let params = Params::read(&uri, &["kind", "state", "limit", "cursor"])?;
    let page = messages::list(app.cx.db.read(), caller.0.ws, &filter(&params)?, params.page()?).await?;
    Ok(Json(List::of(page, MessageView::of)))
}

/// `GET /messages/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<MessageView>, Problem> {
    Params::read(&uri, &[])?;
    let id: MessageId = path_id("message", &id)?;
    let row = messages::by_id(app.cx.db.read(), caller.0.ws, id).await?;
    row.map(|row| Json(MessageView::of(row))).ok_or_else(|| Problem::not_found("message", id))
}
