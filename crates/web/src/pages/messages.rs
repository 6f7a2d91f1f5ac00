//! What came in by mail: replies, bounces, complaints, and what lies in quarantine with the reason.

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::{Word as _, id::MessageId, state::MessageState};
use hearback_store::{
    cursor::{Cursor, Page},
    messages,
};
use serde::Serialize;

use super::{
    Frame,
    cases::Choice,
    session::Visitor,
    words::{self, When},
};
use crate::route::{Access::User, Route, get};
use crate::{
    App,
    api::{MESSAGE_KINDS, path_id},
    error::Problem,
    query::Params,
};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/messages", User(Viewer), "Mail that came in", list), get("/messages/{id}", User(Viewer), "One mail that came in", one)]
}

/// The filter of the list, from the address.
fn filter(params: &Params) -> Result<messages::Filter, Problem> {
    let one_of = |known: &'static [&'static str]| move |text: &str| known.contains(&text).then(|| text.to_owned());
    Ok(messages::Filter {
        kind: params.parse("kind", &MESSAGE_KINDS.join(", "), one_of(&MESSAGE_KINDS))?,
        state: params.parse("state", &MessageState::list(), MessageState::parse)?,
    })
}

/// Rows of one page.
const ROWS: u64 = 50;
/// Characters of a text in the list.
const SHORT: usize = 200;

/// What a mail says and brings beyond the words that are shown of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Rest {
    /// All of its text, where a part of it was folded away.
    whole: Option<String>,
    attachments: Vec<Sent>,
}

#[derive(Debug, Serialize)]
struct Sent {
    name: String,
    kind: String,
    size: String,
}

impl Rest {
    /// Of a row.
    pub(crate) fn of(row: &messages::Model) -> Self {
        let sent = |sent: messages::Attachment| Sent { name: sent.name, kind: sent.media_type, size: words::bytes(sent.size) };
        Self {
            whole: Some(row.whole_text.clone()).filter(|text| !text.is_empty()),
            attachments: row.attachments().into_iter().map(sent).collect(),
        }
    }
}

/// One message as pages show it.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    kind: &'static str,
    from: String,
    subject: String,
    text: String,
    rest: Rest,
    state: &'static str,
    quarantined: bool,
    /// Why it is not done, in words.
    reason: Option<String>,
    case: Option<String>,
    at: When,
}

impl Line {
    fn of(row: messages::Model, now: i64, most: usize) -> Self {
        let cut = row.text.chars().count() > most;
        let text: String = row.text.chars().take(most).chain(cut.then_some('…')).collect();
        Self {
            rest: Rest::of(&row),
            id: row.id.to_string(),
            kind: kind_words(&row.kind),
            from: if row.from_address.is_empty() { "unknown".to_owned() } else { row.from_address },
            subject: if row.subject.is_empty() { "(no subject)".to_owned() } else { row.subject },
            text,
            quarantined: row.state == MessageState::Quarantined,
            state: row.state.as_str(),
            reason: row.reason,
            case: row.case_id.map(|case| case.to_string()),
            at: When::past(row.received_at, now),
        }
    }
}

/// What kind of message, for people.
pub(crate) fn kind_words(kind: &str) -> &'static str {
    match kind {
        "reply" => "Reply",
        "auto_reply" => "Automatic answer",
        "bounce" => "Mail came back",
        "delayed" => "Mail is delayed",
        "delivered" => "Mail arrived",
        "complaint" => "Complaint",
        "opt_out" => "Wants no more mail",
        _ => "Not understood",
    }
}

const fn state_words(state: MessageState) -> &'static str {
    match state {
        MessageState::Done => "Taken",
        MessageState::Muted => "Muted",
        MessageState::Quarantined => "Quarantine",
    }
}

#[derive(Serialize)]
struct View {
    kinds: Vec<Choice>,
    states: Vec<Choice>,
    filtered: bool,
    lines: Vec<Line>,
    next: Option<String>,
}

/// `GET /messages`
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["kind", "state", "limit", "cursor"])?;
    let filter = filter(&params)?;
    let page = Page { limit: ROWS, after: params.page()?.after };
    let listed = messages::list(app.cx.db.read(), visitor.ws, &filter, page).await?;
    let now = app.cx.now().timestamp_millis();
    let (kind, state) = (filter.kind.unwrap_or_default(), filter.state.map_or("", MessageState::as_str));
    let choice = |name: &'static str, value: &str| if value.is_empty() { String::new() } else { format!("&{name}={value}") };
    let view = View {
        kinds: MESSAGE_KINDS.map(|known| Choice::new(known, kind_words(known), &kind)).into(),
        states: MessageState::ALL.iter().map(|known| Choice::new(known.as_str(), state_words(*known), state)).collect(),
        filtered: !kind.is_empty() || !state.is_empty(),
        next: listed
            .next
            .map(|next| format!("/messages?cursor={}{}{}", Cursor::encode(next), choice("kind", &kind), choice("state", state))),
        lines: listed.items.into_iter().map(|row| Line::of(row, now, SHORT)).collect(),
    };
    let frame = Frame { title: "Messages", here: "messages", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "messages", &frame, &view))
}

/// `GET /messages/{id}`
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let id: MessageId = path_id("message", &id)?;
    let row = messages::by_id(app.cx.db.read(), visitor.ws, id).await?.ok_or_else(|| Problem::not_found("message", id))?;
    let view = Line::of(row, app.cx.now().timestamp_millis(), usize::MAX);
    let title = words::plain(view.kind);
    let frame = Frame { title: &title, here: "messages", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "message", &frame, &view))
}
