//! Why somebody is asked later, or not at all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every reason there is. The word is stored with the invitation; the sentence is what a manager reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AskReason")]
pub enum Reason {
    /// There is no mail address.
    NoAddress,
    /// They want no mail.
    Unsubscribed,
    /// Their address takes no mail.
    HardBounce,
    /// They complained about our mail.
    Complaint,
    /// One of ours blocked the address.
    BlockedByUs,
    /// They asked to be forgotten.
    Erased,
    /// They want no mail about this survey.
    SurveyStopped,
    /// They were asked lately, about anything.
    AskedLately,
    /// They were asked lately, and the next wave begins before they may be asked again.
    NextWave,
    /// Enough others of their account are asked.
    AccountCap,
    /// The day is full.
    DailyCap,
    /// Only a part of the audience is asked.
    NotInSample,
    /// It is not a time at which they may be written to.
    OutsideWindow,
    /// They answered before they were asked.
    AnsweredLately,
    /// The invitation could not be sent in time.
    Late,
    /// The survey takes no answers any more.
    SurveyClosed,
    /// They turned out to be somebody else, who is asked instead.
    Merged,
    /// They are not in the audience (any more).
    NotInAudience,
    /// An invitation to the same survey waits for them already.
    AlreadyInvited,
    /// They were to be asked again about a case that was opened once more.
    CaseReopened,
    /// The wave or the invitation was cancelled.
    Cancelled,
    /// It was due while sending was on hold, and what waited was not to be sent.
    Skipped,
    /// The campaign or the wave is paused.
    CampaignPaused,
    /// The mail could not be delivered.
    NotDelivered,
    /// The time for answering was over.
    Expired,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::NoAddress,
        Self::Unsubscribed,
        Self::HardBounce,
        Self::Complaint,
        Self::BlockedByUs,
        Self::Erased,
        Self::SurveyStopped,
        Self::AskedLately,
        Self::NextWave,
        Self::AccountCap,
        Self::DailyCap,
        Self::NotInSample,
        Self::OutsideWindow,
        Self::AnsweredLately,
        Self::Late,
        Self::SurveyClosed,
        Self::Merged,
        Self::NotInAudience,
        Self::AlreadyInvited,
        Self::CaseReopened,
        Self::Cancelled,
        Self::Skipped,
        Self::CampaignPaused,
        Self::NotDelivered,
        Self::Expired,
    ];

    /// The word used in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::Unsubscribed => "unsubscribed",
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::BlockedByUs => "blocked_by_us",
            Self::Erased => "erased",
            Self::SurveyStopped => "survey_stopped",
            Self::AskedLately => "asked_lately",
            Self::NextWave => "next_wave",
            Self::AccountCap => "account_cap",
            Self::DailyCap => "daily_cap",
            Self::NotInSample => "not_in_sample",
            Self::OutsideWindow => "outside_window",
            Self::AnsweredLately => "answered_lately",
            Self::Late => "late",
            Self::SurveyClosed => "survey_closed",
            Self::Merged => "merged",
            Self::NotInAudience => "not_in_audience",
            Self::AlreadyInvited => "already_invited",
            Self::CaseReopened => "case_reopened",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::CampaignPaused => "campaign_paused",
            Self::NotDelivered => "not_delivered",
            Self::Expired => "expired",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// What stands for the reason of a suppressed address; a word that is none reads as blocked by us.
    pub fn of_suppression(word: &str) -> Self {
        match word {
            "unsubscribed" => Self::Unsubscribed,
            "hard_bounce" => Self::HardBounce,
            "complaint" => Self::Complaint,
            "erased" => Self::Erased,
            "survey_stopped" => Self::SurveyStopped,
            _ => Self::BlockedByUs,
        }
    }

    /// What a manager reads.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoAddress => "No mail address is known.",
            Self::Unsubscribed => "They asked us to stop writing to them.",
            Self::HardBounce => "Their address takes no mail: an earlier mail came back.",
            Self::Complaint => "They marked an earlier mail as spam.",
            Self::BlockedByUs => "Somebody of ours put the address on the list of those that are not mailed.",
            Self::Erased => "They asked to be forgotten.",
            Self::SurveyStopped => "They want no more mail about this survey.",
            Self::AskedLately => "They were asked not long ago; they are asked on the first day that the limit allows.",
            Self::NextWave => "They were asked not long ago, and may be asked again only after the next wave has begun: it asks them.",
            Self::AccountCap => "Enough other people of the same account are asked in this wave.",
            Self::DailyCap => "The day is full; they are asked on the next day that has room.",
            Self::NotInSample => "Only a part of the audience is asked, and chance did not choose them.",
            Self::OutsideWindow => "It is not a working hour where they are; they are asked in their next one.",
            Self::AnsweredLately => "They answered this survey before their invitation was due.",
            Self::Late => "The invitation could not be sent in time, and late ones are not sent.",
            Self::SurveyClosed => "The survey takes no answers any more.",
            Self::Merged => "They turned out to be the same as another person, who is asked instead.",
            Self::NotInAudience => "They are not in the audience.",
            Self::AlreadyInvited => "An invitation to this survey waits for them already.",
            Self::CaseReopened => "Their case was opened again before they were asked about it.",
            Self::Cancelled => "Somebody of ours cancelled it.",
            Self::Skipped => "It was due while nothing was sent, and was skipped when sending went on. Who got it all the same can answer.",
            Self::CampaignPaused => "It is paused; it goes on when somebody resumes it.",
            Self::NotDelivered => "The mail could not be delivered.",
            Self::Expired => "The time for answering is over.",
        }
    }

    /// Whether that is the end of it: whoever has one of the others is still asked, later.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::AskedLately | Self::DailyCap | Self::OutsideWindow | Self::CampaignPaused)
    }
}
