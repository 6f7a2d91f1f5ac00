//! What a form carries so that it is known when its page was shown, for what, and how far its visitor had come.

use chrono::{DateTime, Utc};
use hearback_core::{
    id::{RecordId, WorkspaceId},
    survey::Stage,
    token::Purpose,
};
use uuid::Uuid;

use super::door::Asked;
use crate::Ctx;

/// One walk through a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    /// Names the walk: what a passer-by says on its screens is one answer.
    pub(super) walk: Uuid,
    pub(super) stage: Stage,
}

/// A ticket that came back.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) ticket: Ticket,
    pub(super) shown_at: DateTime<Utc>,
}

impl Ticket {
    /// For somebody who comes in.
    pub(super) fn opened(cx: &Ctx, asked: &Asked) -> Self {
        // All tickets of an invitation are one walk: there is one answer to it.
        let walk = if asked.is_public() { RecordId::new(cx.now()).uuid() } else { Uuid::nil() };
        Self { walk, stage: Stage::Opened }
    }

    pub(super) const fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    /// `WALK.TOKEN`, made now.
    pub(super) fn write(self, cx: &Ctx, asked: &Asked) -> String {
        let token = cx.settings.secret_key.sign_at(Purpose::Page, asked.workspace.id.uuid(), self.subject(asked), cx.now());
        format!("{}.{token}", self.walk.simple())
    }

    /// A genuine ticket for this page; `None` for anything else.
    pub(super) fn read(cx: &Ctx, asked: &Asked, text: &str) -> Option<Seen> {
        let (walk, token) = text.split_once('.')?;
        let walk = Uuid::try_parse(walk).ok()?;
        let (ws, subject, shown_at) = cx.settings.secret_key.verify_at(Purpose::Page, token)?;
        let ticket = Stage::ALL.into_iter().map(|stage| Self { walk, stage }).find(|ticket| ticket.subject(asked) == subject)?;
        (WorkspaceId::from_uuid(ws) == asked.workspace.id).then_some(Seen { ticket, shown_at })
    }

    fn subject(self, asked: &Asked) -> Uuid {
        RecordId::derived(&format!("page/{}/{}/{}", asked.subject(), self.walk, self.stage.as_str())).uuid()
    }

    /// What an answer of a passer-by is stored under.
    pub(super) fn key(self) -> String {
        format!("page/{}", self.walk)
    }
}
