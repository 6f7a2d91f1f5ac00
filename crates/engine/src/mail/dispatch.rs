//! How mail leaves this house: where bounces and replies come to, who signs, how fast.
//!
//! Owns: the settings of that. Refuses to know: what a mail says, and how it is handed over.

use std::sync::Arc;

use hearback_core::{Email, Pace, token::Purpose};
use hearback_mailer::Signer;
use uuid::Uuid;

use crate::Ctx;

/// Filled in by the composition root.
#[derive(Debug, Clone, Default)]
pub struct Dispatch {
    /// Where bounces come to; the sender when there is none. Each mail has an address of its own: `bounces+MARK@..`.
    pub return_path: Option<Email>,
    /// Where customers' replies come to; whoever owns the case when there is none. Each mail has an address of its own.
    pub reply_to: Option<Email>,
    /// Signs what goes out.
    pub signer: Option<Arc<Signer>>,
    /// How fast it goes.
    pub pace: Pace,
}

/// The address to which bounces of this mail come.
pub(crate) fn return_path(cx: &Ctx, ws: Uuid, delivery: Uuid) -> Option<Email> {
    marked(cx, cx.settings.dispatch.return_path.as_ref()?, Purpose::Bounce, ws, delivery)
}

/// The address to which replies to this mail come.
pub(crate) fn reply_to(cx: &Ctx, ws: Uuid, delivery: Uuid) -> Option<Email> {
    marked(cx, cx.settings.dispatch.reply_to.as_ref()?, Purpose::Reply, ws, delivery)
}

/// `bounces@example.com` becomes `bounces+MARK@example.com`.
fn marked(cx: &Ctx, address: &Email, purpose: Purpose, ws: Uuid, delivery: Uuid) -> Option<Email> {
    let (local, domain) = address.as_str().rsplit_once('@')?;
    Email::parse(&format!("{local}+{}@{domain}", cx.settings.secret_key.mark(purpose, ws, delivery))).ok()
}
