//! `/api/v1/inbound` takes in a mail as it came; `/api/v1/messages` is what came in.

use axum::{body::Bytes, extract::Request};
use hearback_core::{id::MessageId, state::MessageState};
use hearback_engine::{
    inbound::{self, Door, MAX_BYTES, Taken},
    role::Scope::{Read, Write},
};
use hearback_store::messages::{self, Attachment};
use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    List, Time,
    openapi::{Operation, Schemas},
    words::{MessageKind, OneOf},
};
use crate::{
    body,
    call::{Call, Input, Json, Query, Stored, get, post},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/inbound", Write, "Take in a mail as it came: a bounce, a complaint, an automatic answer, a reply", create),
        get("/messages", Read, "What came in by mail, the newest first", list),
        get("/messages/{id}", Read, "One message", one),
    ]
}

/// What a message can be.
pub(crate) const KINDS: [&str; 8] = ["reply", "auto_reply", "bounce", "delayed", "delivered", "complaint", "opt_out", "unknown"];

/// What became of a mail.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TakenView {
    id: MessageId,
    #[schemars(with = "OneOf<MessageKind>")]
    kind: String,
    state: MessageState,
    reason: Option<String>,
    case: Option<Uuid>,
}

/// To whom a mail came.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delivered {
    /// The address that it was delivered to, where its header does not say so.
    recipient: Option<String>,
}

/// A mail as it came.
pub(crate) struct Mail(Bytes);

impl Input for Mail {
    fn describe(_: &mut Schemas, operation: &mut Operation) {
        operation.takes("message/rfc822", &json_schema!({ "type": "string", "format": "binary", "maxLength": MAX_BYTES }));
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        if let Some(other) = body::content_type(request.headers()).filter(|kind| kind != "message/rfc822") {
            return Err(body::unsupported(other, "message/rfc822"));
        }
        body::read(request.into_body(), MAX_BYTES).await.map(Self)
    }
}

/// `POST /inbound?recipient=`: a mail as it came, `message/rfc822`. 200 for one that was taken before.
pub(crate) async fn create(call: Call, (Query(asked), Mail(raw)): (Query<Delivered>, Mail)) -> Result<Stored<TakenView>, Problem> {
    if raw.is_empty() {
        return Err(Problem::field("body", "is empty: send the mail as it came, header and all"));
    }
    let Taken { id, kind, state, reason, case, is_new, .. } =
        inbound::take(call.cx(), raw.to_vec(), asked.recipient, Door::Workspace(call.ws())).await?;
    Ok(Stored { is_new, shown: TakenView { id, kind, state, reason, case: case.map(hearback_core::Id::uuid) } })
}

/// What was sent along, which is not kept.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the stored form is given as it is")]
struct AttachmentView {
    name: String,
    /// The media type that the sender names.
    r#type: String,
    /// In bytes.
    size: u64,
}

/// One message as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MessageView {
    id: Uuid,
    #[schemars(with = "OneOf<MessageKind>")]
    kind: String,
    state: MessageState,
    reason: Option<String>,
    from: String,
    subject: String,
    text: String,
    whole_text: String,
    #[schemars(with = "Vec<AttachmentView>")]
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
            state: *row.state,
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

/// Which messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagesAsked {
    kind: Option<OneOf<MessageKind>>,
    state: Option<MessageState>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /messages`: the newest first.
pub(crate) async fn list(call: Call, Query(asked): Query<MessagesAsked>) -> Result<Json<List<MessageView>>, Problem> {
    let filter = messages::Filter { kind: asked.kind.map(OneOf::text), state: asked.state };
    let page = messages::list(call.db(), call.ws(), &filter, asked.limit.after(asked.cursor)).await?;
    Ok(Json(List::of(page, MessageView::of)))
}

/// `GET /messages/{id}`.
pub(crate) async fn one(call: Call) -> Result<Json<MessageView>, Problem> {
    let id: MessageId = call.id("message")?;
    let row = messages::by_id(call.db(), call.ws(), id).await?;
    row.map(|row| Json(MessageView::of(row))).ok_or_else(|| Problem::not_found("message", id))
}
