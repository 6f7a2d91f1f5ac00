//! The states of what is stored, and which may follow which: deliveries, jobs, invitations, waves, campaigns, survey versions,
//! tasks, codes, testimonials and messages. (The loop of a case is in [`crate::case`].)
//!
//! `docs/states.md` draws each of them; a test holds the drawing against [`State::next`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::word::Word;

/// A word that changes in steps.
pub trait State: Word {
    /// The states that may follow. None follows the last.
    fn next(self) -> &'static [Self];

    /// Whether `to` may follow.
    fn can_become(self, to: Self) -> bool {
        self.next().contains(&to)
    }

    /// The states that `to` may follow.
    fn before(to: Self) -> Vec<Self> {
        Self::VARIANTS.iter().copied().filter(|state| state.can_become(to)).collect()
    }
}

/// By which way a message leaves.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Medium {
    /// A mail.
    Mail,
    /// A call of another program.
    Webhook,
    /// A message to a chat room.
    Chat,
}

/// One message in the ledger.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waits for its first attempt.
    Queued,
    /// Its end is about to be sent: from here on nobody knows whether it arrived, until the result is recorded.
    Sending,
    /// The other side took it.
    Sent,
    /// Not taken for now; tried again later.
    Deferred,
    /// Refused for good, or it came back.
    Bounced,
    /// Not sent, since its reader must not be written to.
    Suppressed,
    /// Perhaps delivered: the connection or the process ended after its end was sent. Sent again under the same Message-ID.
    Unknown,
    /// Given up; somebody has to look.
    Dead,
    /// Called off before it was sent.
    Cancelled,
}

impl DeliveryStatus {
    /// Nothing has left.
    pub const WAITING: [Self; 2] = [Self::Queued, Self::Deferred];
    /// It will be sent, perhaps once more.
    pub const UNSENT: [Self; 3] = [Self::Queued, Self::Deferred, Self::Unknown];
    /// Nobody has it.
    pub const NEVER_ARRIVED: [Self; 4] = [Self::Bounced, Self::Suppressed, Self::Dead, Self::Cancelled];
}

impl State for DeliveryStatus {
    fn next(self) -> &'static [Self] {
        use DeliveryStatus::{Bounced, Cancelled, Dead, Deferred, Queued, Sending, Sent, Suppressed, Unknown};
        match self {
            Queued => &[Sending, Sent, Deferred, Bounced, Suppressed, Dead, Cancelled],
            Deferred => &[Sending, Sent, Bounced, Suppressed, Dead, Cancelled],
            Unknown => &[Sending, Deferred, Bounced, Suppressed, Dead, Cancelled],
            Sending => &[Sent, Deferred, Bounced, Suppressed, Unknown, Dead],
            Sent => &[Bounced],
            Dead => &[Queued],
            Bounced | Suppressed | Cancelled => &[],
        }
    }
}

/// A job of the outbox.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum JobState {
    /// Waits for its time.
    Queued,
    /// Claimed by a worker.
    Running,
    /// Done.
    Done,
    /// Given up; somebody has to look.
    Dead,
    /// Called off.
    Cancelled,
}

impl JobState {
    /// It still has to be done.
    pub const OPEN: [Self; 2] = [Self::Queued, Self::Running];
    /// It ended well, and can be forgotten after a while.
    pub const ENDED: [Self; 2] = [Self::Done, Self::Cancelled];
}

impl State for JobState {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Queued => &[Self::Running, Self::Cancelled],
            Self::Running => &[Self::Queued, Self::Done, Self::Dead, Self::Cancelled],
            Self::Dead => &[Self::Queued, Self::Cancelled],
            Self::Done | Self::Cancelled => &[],
        }
    }
}

/// One person who is asked once.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "InvitationStatus")]
#[strum(serialize_all = "snake_case")]
pub enum InvitationState {
    /// Waits for its time.
    Planned,
    /// Something stands against asking now; looked at again.
    Blocked,
    /// Its mail is in the outbox.
    Queued,
    /// Its mail left, or its link was handed out.
    Sent,
    /// Answered.
    Answered,
    /// Never asked; the reason says why.
    NotAsked,
    /// Called off.
    Cancelled,
    /// Its mail was not taken or came back.
    Bounced,
    /// The time for answering is over.
    Expired,
}

impl InvitationState {
    /// Nothing has been handed to the mail system.
    pub const WAITING: [Self; 2] = [Self::Planned, Self::Blocked];
    /// Nobody has been written to.
    pub const UNSENT: [Self; 3] = [Self::Planned, Self::Blocked, Self::Queued];
    /// Something still happens.
    pub const OPEN: [Self; 4] = [Self::Planned, Self::Blocked, Self::Queued, Self::Sent];
    /// The question left, or is about to.
    pub const ASKED: [Self; 5] = [Self::Queued, Self::Sent, Self::Answered, Self::Bounced, Self::Expired];
    /// Nobody was asked or will be.
    pub const LEFT_OUT: [Self; 2] = [Self::NotAsked, Self::Cancelled];
}

impl State for InvitationState {
    fn next(self) -> &'static [Self] {
        use InvitationState::{Answered, Blocked, Bounced, Cancelled, Expired, NotAsked, Planned, Queued, Sent};
        match self {
            Planned => &[Blocked, Queued, Sent, Answered, NotAsked, Cancelled, Bounced, Expired],
            Blocked => &[Queued, Sent, Answered, NotAsked, Cancelled, Bounced, Expired],
            Queued => &[Sent, Answered, NotAsked, Cancelled, Bounced, Expired],
            Sent => &[Answered, Cancelled, Bounced, Expired],
            // Who opens the link of a mail that seemed lost, or corrects an answer, is heard.
            NotAsked | Bounced | Expired | Cancelled => &[Answered],
            Answered => &[],
        }
    }
}

/// One run of a campaign.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WaveStatus {
    /// People get their places in it.
    Planning,
    /// People are asked as their time comes.
    Running,
    /// Nobody is asked until it is resumed.
    Paused,
    /// Ended before everybody was asked.
    Cancelled,
    /// Everybody has their end.
    Finished,
    /// Nobody fired it in time.
    Missed,
}

impl WaveStatus {
    /// It has no end yet.
    pub const OPEN: [Self; 3] = [Self::Planning, Self::Running, Self::Paused];
    /// It goes on by itself.
    pub const LIVE: [Self; 2] = [Self::Planning, Self::Running];
}

impl State for WaveStatus {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Planning => &[Self::Running, Self::Paused, Self::Cancelled],
            Self::Running => &[Self::Paused, Self::Cancelled, Self::Finished],
            Self::Paused => &[Self::Planning, Self::Running, Self::Cancelled],
            Self::Cancelled | Self::Finished | Self::Missed => &[],
        }
    }
}

/// A plan of waves.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CampaignStatus {
    /// Fires.
    Active,
    /// Stands still with its waves.
    Paused,
    /// Begins no more waves.
    Ended,
}

impl State for CampaignStatus {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Active => &[Self::Paused, Self::Ended],
            Self::Paused => &[Self::Active, Self::Ended],
            Self::Ended => &[],
        }
    }
}

/// One version of a survey.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SurveyStatus {
    /// Written on; nobody sees it.
    Draft,
    /// Asked.
    Published,
    /// A newer one is asked; links that lead to it go on.
    Replaced,
    /// Takes no answers any more.
    Closed,
}

impl State for SurveyStatus {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Published],
            Self::Published => &[Self::Replaced, Self::Closed],
            Self::Replaced => &[Self::Closed],
            Self::Closed => &[],
        }
    }
}

/// What somebody of ours must do in a case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TaskStatus {
    /// To be done.
    Open,
    /// Done.
    Done,
    /// Dropped.
    Cancelled,
}

impl State for TaskStatus {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Open => &[Self::Done, Self::Cancelled],
            Self::Done => &[Self::Open, Self::Cancelled],
            Self::Cancelled => &[Self::Open, Self::Done],
        }
    }
}

/// One code of a pool.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CodeState {
    /// Can be given.
    Free,
    /// A customer has it, or will.
    Given,
    /// Its time was over before anybody got it.
    Expired,
    /// Taken out of the pool.
    Revoked,
}

impl State for CodeState {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Free => &[Self::Given, Self::Expired, Self::Revoked],
            // The mail with it never left.
            Self::Given => &[Self::Free, Self::Expired],
            Self::Expired | Self::Revoked => &[],
        }
    }
}

/// Words of a customer that may be shown.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TestimonialState {
    /// Nobody has released it.
    Given,
    /// May be shown.
    Approved,
}

impl State for TestimonialState {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Given => &[Self::Approved],
            Self::Approved => &[Self::Given],
        }
    }
}

/// What became of a mail that came in. Decided once.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MessageState {
    /// Taken in.
    Done,
    /// Taken in, and nothing follows: one of too many.
    Muted,
    /// Kept for somebody to look at.
    Quarantined,
}

impl State for MessageState {
    fn next(self) -> &'static [Self] {
        match self {
            Self::Done | Self::Muted | Self::Quarantined => &[],
        }
    }
}
