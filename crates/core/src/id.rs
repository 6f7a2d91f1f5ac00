//! Identifiers: one UUIDv7 newtype per kind of row, so that a case id can't be passed as a task id.
//!
//! An id is never a secret: it is sortable and guessable by design. Secrets are in [`crate::token`].

use std::{
    borrow::Cow,
    fmt,
    hash::Hash,
    marker::PhantomData,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{NoContext, Timestamp, Uuid};

/// The kinds an [`Id`] can be of. Never constructed: they only tell the compiler which is which.
pub mod kind {
    /// A programme or brand; every row belongs to one.
    pub enum Workspace {}
    /// A customer who can be asked.
    pub enum Person {}
    /// A company that persons belong to.
    pub enum Account {}
    /// A survey version.
    pub enum Survey {}
    /// One person's answer.
    pub enum Response {}
    /// The follow-up of one response.
    pub enum Case {}
    /// Something one of us must do in a case.
    pub enum Task {}
    /// One mail to one address.
    pub enum Delivery {}
    /// One deferred action in the outbox.
    pub enum Job {}
    /// One immutable version of a rule.
    pub enum RuleVersion {}
    /// One evaluation of the rules.
    pub enum Run {}
    /// One entry of a case's timeline.
    pub enum Event {}
    /// One run of a campaign.
    pub enum Wave {}
    /// One person asked once.
    pub enum Invitation {}
    /// One mail that came in.
    pub enum Message {}
    /// Someone of ours who logs in.
    pub enum User {}
    /// A key of the API.
    pub enum ApiKey {}
    /// A pool code, referral link, suppression or other small row.
    pub enum Record {}
}

/// A UUIDv7 of one [`kind`].
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// See [`kind::Workspace`].
pub type WorkspaceId = Id<kind::Workspace>;
/// See [`kind::Person`].
pub type PersonId = Id<kind::Person>;
/// See [`kind::Account`].
pub type AccountId = Id<kind::Account>;
/// See [`kind::Survey`].
pub type SurveyId = Id<kind::Survey>;
/// See [`kind::Response`].
pub type ResponseId = Id<kind::Response>;
/// See [`kind::Case`].
pub type CaseId = Id<kind::Case>;
/// See [`kind::Task`].
pub type TaskId = Id<kind::Task>;
/// See [`kind::Delivery`].
pub type DeliveryId = Id<kind::Delivery>;
/// See [`kind::Job`].
pub type JobId = Id<kind::Job>;
/// See [`kind::RuleVersion`].
pub type RuleVersionId = Id<kind::RuleVersion>;
/// See [`kind::Run`].
pub type RunId = Id<kind::Run>;
/// See [`kind::Event`].
pub type EventId = Id<kind::Event>;
/// See [`kind::Wave`].
pub type WaveId = Id<kind::Wave>;
/// See [`kind::Invitation`].
pub type InvitationId = Id<kind::Invitation>;
/// See [`kind::Message`].
pub type MessageId = Id<kind::Message>;
/// See [`kind::User`].
pub type UserId = Id<kind::User>;
/// See [`kind::ApiKey`].
pub type ApiKeyId = Id<kind::ApiKey>;
/// See [`kind::Record`].
pub type RecordId = Id<kind::Record>;

impl<K> Id<K> {
    /// A fresh id that sorts by `now`, and within one millisecond in the order in which this process made them: what one
    /// transaction writes is read back in its order. Uniqueness comes from 48 random bits, not from the clock.
    pub fn new(now: DateTime<Utc>) -> Self {
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let random = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()));
        Self(in_order(random, MADE.fetch_add(1, Ordering::Relaxed)), PhantomData)
    }

    /// The id that follows from what caused the row: the same cause gives the same id on every node
    /// and at every retry, so the primary key itself refuses to do a thing twice.
    ///
    /// A cause is a path such as `mail/RESPONSE/1/RULE/0`. The first UUID in it lends its leading 48 bits (its time),
    /// so that a row is stored near the row that caused it and not at a random place.
    pub fn derived(cause: &str) -> Self {
        Self::lent(cause, TIME)
    }

    /// The same for rows of which there are only few to the row that caused them: they also borrow its place within the millisecond, so
    /// that what follows from many rows in their order (a wave: invitations, mails, jobs) is stored, and read, in that order. 48 bits are
    /// left that tell those few apart.
    pub fn beside(cause: &str) -> Self {
        Self::lent(cause, TIME | PLACE)
    }

    fn lent(cause: &str, bits: u128) -> Self {
        /// Namespace of derived ids; an arbitrary constant that must never change.
        const NAMESPACE: Uuid = Uuid::from_u128(0x6865_6172_6261_636b_8000_6465_7269_7665);
        let own = Uuid::new_v5(&NAMESPACE, cause.as_bytes());
        let named = cause.split('/').filter(|part| part.len() == 36).find_map(|part| Uuid::parse_str(part).ok());
        let id = named.map_or(own, |named| Uuid::from_u128(own.as_u128() & !bits | named.as_u128() & bits));
        Self(id, PhantomData)
    }

    /// Wraps a UUID read from the database or from a URL.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The bare UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// Where a UUIDv7 keeps its time, in milliseconds.
const TIME: u128 = 0xFFFF_FFFF_FFFF << 80;
/// Where an id keeps its place within the millisecond: see [`in_order`].
const PLACE: u128 = (0xFFF << 64) | (0x3FFF << 48);

/// Ids made by this process so far.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Puts the low 26 bits of `count` where a UUIDv7 sorts right behind its millisecond: 12 bits before the variant, 14 after.
fn in_order(uuid: Uuid, count: u32) -> Uuid {
    let count = u128::from(count);
    let counted = ((count >> 14 & 0xFFF) << 64) | ((count & 0x3FFF) << 48);
    Uuid::from_u128(uuid.as_u128() & !PLACE | counted)
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::from_uuid)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<K> JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_derived_ids_repeat() {
        let early: CaseId = Id::new(DateTime::UNIX_EPOCH);
        let late: CaseId = Id::new(DateTime::UNIX_EPOCH + chrono::Duration::hours(1));
        assert!(early < late);
        let within_one_millisecond: Vec<CaseId> = (0..10_000).map(|_| Id::new(DateTime::UNIX_EPOCH)).collect();
        assert!(within_one_millisecond.is_sorted());
        assert!(
            within_one_millisecond.iter().all(|id| id.uuid().get_version_num() == 7 && id.uuid().get_variant() == uuid::Variant::RFC4122)
        );
        assert_eq!(TaskId::beside("a/1"), TaskId::beside("a/1"));
        assert_ne!(TaskId::beside("a/1"), TaskId::beside("a/2"));
    }

    #[test]
    fn what_follows_from_rows_is_in_their_order() {
        let rows: Vec<InvitationId> = (0..10_000).map(|_| Id::new(DateTime::UNIX_EPOCH)).collect();
        let mails: Vec<DeliveryId> = rows.iter().map(|row| Id::beside(&format!("ask/{row}/0"))).collect();
        let jobs: Vec<JobId> = mails.iter().map(|mail| Id::beside(&format!("mail/{mail}"))).collect();
        assert!(mails.is_sorted() && jobs.is_sorted());
        assert!(mails.iter().all(|id| id.uuid().get_version_num() == 5 && id.uuid().get_variant() == uuid::Variant::RFC4122));
        let [first, ..] = rows.as_slice() else { return };
        assert_ne!(DeliveryId::beside(&format!("ask/{first}/0")), DeliveryId::beside(&format!("ask/{first}/1")));
    }
}
