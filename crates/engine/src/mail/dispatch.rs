//! Where bounces and replies of a mail come to: an address of its own for each.
//!
//! Refuses to know: what a mail says, and how it is handed over.

use hearback_core::{Email, token::Purpose};
use uuid::Uuid;

use crate::Ctx;

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
