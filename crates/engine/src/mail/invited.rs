//! An invitation and its mails: whether it is still the time for one, and what becomes of the invitation with it.
//!
//! Owns: the last look before a mail that asks leaves. Pure. Refuses to know: when people are asked, which was decided long
//! before (`hearback_core::campaign`), and how a mail travels.

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    campaign::Reason,
    state::{DeliveryStatus, InvitationState, WaveStatus},
};
use hearback_mailer::{Mail, Origin};
use hearback_store::{
    ledger::{Moved, Sendable},
    outbox::{self, Outcome},
    time::from_millis,
};

use crate::{
    mail::{sending::End, throttle::tomorrow},
    workspace::Workspace,
};

/// How long the mail of a paused wave rests before it looks again.
const PAUSED: Duration = Duration::minutes(1);

/// Whether it is the time for a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is, or the mail asks nothing.
    Now,
    /// Later.
    Later(Outcome),
    /// Never.
    Never(End),
}

/// Whether a mail goes to a customer, in whose language it is.
pub(crate) fn is_to_customer(mail: &Sendable) -> bool {
    mail.acknowledges
        || mail.invitation_id.is_some()
        || Mail::of_template(&mail.kind).is_some_and(|kind| kind.origin() != Origin::Automatic)
}

/// Whether this is the first mail of an invitation, with which it stands and falls.
fn is_first(mail: &Sendable) -> bool {
    Mail::of_template(&mail.kind) == Some(Mail::SurveyInvitation)
}

/// The last look at the invitation before its mail leaves.
pub(crate) fn turn(mail: &Sendable, workspace: &Workspace, now: DateTime<Utc>) -> Turn {
    let Some(state) = mail.invitation_state else {
        return if mail.invitation_id.is_some() { never("the invitation is gone", Reason::Erased) } else { Turn::Now };
    };
    match *state {
        InvitationState::Answered => return never("the question was answered before this mail left", Reason::AnsweredLately),
        InvitationState::Cancelled => return never("the invitation was cancelled", Reason::Cancelled),
        InvitationState::NotAsked | InvitationState::Bounced | InvitationState::Expired => {
            return never("the invitation is over", Reason::Cancelled);
        }
        InvitationState::Planned | InvitationState::Blocked | InvitationState::Queued | InvitationState::Sent => {}
    }
    if mail.invitation_until.is_some_and(|until| from_millis(until) <= now) {
        return never("the time for answering is over", Reason::Expired);
    }
    if mail.survey_id.is_some_and(|id| workspace.is_unread(id)) {
        return Turn::Later(Outcome::Snooze(now + PAUSED, outbox::UNREADABLE.to_owned()));
    }
    if mail.survey_id.and_then(|id| workspace.survey(id)).is_none_or(|survey| survey.closed) {
        return never("the survey takes no answers any more", Reason::SurveyClosed);
    }
    match mail.wave_status.map(|status| *status) {
        Some(WaveStatus::Cancelled) => never("the wave was cancelled", Reason::Cancelled),
        Some(WaveStatus::Paused) => Turn::Later(Outcome::Snooze(now + PAUSED, outbox::WAVE_PAUSED.to_owned())),
        _ => Turn::Now,
    }
}

/// What an invitation does that would be one mail too many for its reader: it waits. Other mails have lost their moment by then.
pub(crate) fn waits(mail: &Sendable, why: &str, now: DateTime<Utc>) -> Option<Outcome> {
    mail.invitation_id.map(|_| Outcome::Snooze(tomorrow(mail, now), why.to_owned()))
}

/// What becomes of the invitation when its mail ends like this. A reminder changes nothing: the question had arrived.
pub(crate) fn moved(mail: &Sendable, status: DeliveryStatus, reason: Option<Reason>) -> Option<Moved> {
    let invitation = mail.invitation_id.filter(|_| is_first(mail))?;
    let (state, reason) = match (status, reason) {
        (DeliveryStatus::Sent, _) => (InvitationState::Sent, None),
        (DeliveryStatus::Bounced | DeliveryStatus::Dead, _) => (InvitationState::Bounced, Some(Reason::NotDelivered)),
        (DeliveryStatus::Cancelled, Some(Reason::Expired)) => (InvitationState::Expired, reason),
        (DeliveryStatus::Suppressed, _) | (DeliveryStatus::Cancelled, Some(Reason::SurveyClosed)) => (InvitationState::NotAsked, reason),
        (DeliveryStatus::Cancelled, Some(Reason::Cancelled)) => (InvitationState::Cancelled, reason),
        _ => return None,
    };
    Some(Moved { invitation, state, reason: reason.map(Reason::as_str) })
}

fn never(why: &str, reason: Reason) -> Turn {
    Turn::Never(End { status: DeliveryStatus::Cancelled, why: why.to_owned(), reason: Some(reason) })
}
