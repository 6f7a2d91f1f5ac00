//! Words of which a field or parameter is one, in the schema and when it is read.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::parameters::written;

/// A closed list of words.
pub(crate) trait Words {
    /// What the list is called in the description.
    const NAME: &'static str;
    /// The words.
    const ALL: &'static [&'static str];
}

/// One of the words of `W`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneOf<W>(pub(crate) &'static str, PhantomData<W>);

impl<W> OneOf<W> {
    /// The same, for a filter that holds text.
    pub(crate) fn text(self) -> String {
        self.0.to_owned()
    }
}

impl<'de, W: Words> Deserialize<'de> for OneOf<W> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = |text: &str| W::ALL.iter().find(|word| **word == text).map(|word| Self(word, PhantomData));
        written(from, &W::ALL.join(", "), word)
    }
}

impl<W: Words> JsonSchema for OneOf<W> {
    fn schema_name() -> Cow<'static, str> {
        W::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": W::ALL })
    }
}

/// What a message can be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MessageKind {}

impl Words for MessageKind {
    const NAME: &'static str = "MessageKind";
    const ALL: &'static [&'static str] = &super::inbound::KINDS;
}

/// What a suppression can say; `erased` stands beside a fingerprint.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SuppressionReason {}

impl Words for SuppressionReason {
    const NAME: &'static str = "SuppressionReason";
    const ALL: &'static [&'static str] = &["manual", "unsubscribed", "hard_bounce", "complaint", "erased"];
}

/// What became of an invitation that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InvitedStatus {}

impl Words for InvitedStatus {
    const NAME: &'static str = "InvitedStatus";
    const ALL: &'static [&'static str] = &["queued", "sent", "blocked"];
}

/// Why somebody has to look at a job.
#[derive(Debug, Clone, Copy)]
pub(crate) enum JobState {}

impl Words for JobState {
    const NAME: &'static str = "JobState";
    const ALL: &'static [&'static str] = &["dead", "unreadable"];
}

/// Where words of a customer may be shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Permission {}

impl Words for Permission {
    const NAME: &'static str = "Permission";
    const ALL: &'static [&'static str] = &hearback_engine::incentives::testimonials::PERMISSIONS;
}

/// Where an expected rate comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RateFrom {}

impl Words for RateFrom {
    const NAME: &'static str = "RateFrom";
    const ALL: &'static [&'static str] = &["campaign", "all", "assumed"];
}

/// Why an address is stopped by hand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnReason {}

impl Words for OwnReason {
    const NAME: &'static str = "NewSuppressionReason";
    const ALL: &'static [&'static str] = &["manual", "unsubscribed", "hard_bounce", "complaint"];
}
