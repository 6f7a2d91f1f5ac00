//! Words of `core` as columns hold them.
//!
//! Owns: that what is no word of the set is an error which names the table and the row, wherever it is read.

use std::{fmt, ops::Deref, sync::Arc};

use hearback_core::{
    LoopStatus, Word,
    state::{
        CampaignStatus, CodeState, DeliveryStatus, InvitationState, JobState, Medium, MessageState, SurveyStatus, TaskStatus,
        TestimonialState, WaveStatus,
    },
};
use sea_orm::{
    ColIdx, ColumnType, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value,
    entity::prelude::{StringLen, Uuid},
    sea_query::{ArrayType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Serialize, Serializer};

use crate::Unreadable;

/// A word that a table has a column of.
pub trait ColumnWord: Word + 'static {
    /// The table.
    const TABLE: &'static str;
}

impl ColumnWord for LoopStatus {
    const TABLE: &'static str = "cases";
}
impl ColumnWord for Medium {
    const TABLE: &'static str = "deliveries";
}
impl ColumnWord for DeliveryStatus {
    const TABLE: &'static str = "deliveries";
}
impl ColumnWord for JobState {
    const TABLE: &'static str = "outbox";
}
impl ColumnWord for InvitationState {
    const TABLE: &'static str = "invitations";
}
impl ColumnWord for WaveStatus {
    const TABLE: &'static str = "waves";
}
impl ColumnWord for CampaignStatus {
    const TABLE: &'static str = "campaigns";
}
impl ColumnWord for SurveyStatus {
    const TABLE: &'static str = "surveys";
}
impl ColumnWord for TaskStatus {
    const TABLE: &'static str = "tasks";
}
impl ColumnWord for CodeState {
    const TABLE: &'static str = "incentive_codes";
}
impl ColumnWord for TestimonialState {
    const TABLE: &'static str = "testimonials";
}
impl ColumnWord for MessageState {
    const TABLE: &'static str = "messages";
}

/// What a field of a row holds: reads as the value of `core` that it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stored<T>(pub T);

impl<T: ColumnWord> Stored<T> {
    /// The word.
    pub fn as_str(self) -> &'static str {
        self.0.as_str()
    }
}

/// For words that are part of a primary key: no database makes one up from a number.
impl<T> TryFromU64 for Stored<T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("a word"))
    }
}

impl<T> Deref for Stored<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Stored<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: PartialEq> PartialEq<T> for Stored<T> {
    fn eq(&self, other: &T) -> bool {
        self.0 == *other
    }
}

impl<T: fmt::Debug> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ColumnWord> fmt::Display for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<T: ColumnWord> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<T: ColumnWord> From<Stored<T>> for Value {
    fn from(Stored(word): Stored<T>) -> Self {
        word.as_str().into()
    }
}

impl<T: ColumnWord> TryGetable for Stored<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
        let word = String::try_get_by(row, column)?;
        T::parse(&word).map(Self).ok_or_else(|| {
            let id = row.try_get::<Uuid>("", "id").map(|id| id.to_string()).unwrap_or_default();
            let why = format!("`{word}` is none of the words {}", T::list());
            TryGetError::DbErr(DbErr::TryIntoErr { from: "a word", into: T::TABLE, source: Arc::new(Unreadable::new(T::TABLE, id, why)) })
        })
    }
}

impl<T: ColumnWord> ValueType for Stored<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let word = <String as ValueType>::try_from(value)?;
        T::parse(&word).map(Self).ok_or(ValueTypeErr)
    }

    fn type_name() -> String {
        String::type_name()
    }

    fn array_type() -> ArrayType {
        ArrayType::String
    }

    fn column_type() -> ColumnType {
        ColumnType::String(StringLen::None)
    }
}

impl<T: ColumnWord> Nullable for Stored<T> {
    fn null() -> Value {
        String::null()
    }
}

/// Words as values of a statement.
pub(crate) fn words<T: Word>(words: &[T]) -> impl Iterator<Item = &'static str> {
    words.iter().map(|word| word.as_str())
}

/// A word in the text of a statement: `'queued'`.
pub(crate) fn quoted<T: Word>(word: T) -> String {
    format!("'{}'", word.as_str())
}

/// Words in the text of a statement: `('queued', 'deferred')`.
pub(crate) fn among<T: Word>(words: &[T]) -> String {
    format!("({})", words.iter().map(|word| quoted(*word)).collect::<Vec<_>>().join(", "))
}
