//! The HTTP API: one file for each resource; request, handler and answer together.

mod accounts;
mod alerts;
mod apikeys;
mod audit;
mod calendars;
mod campaigns;
mod cases;
mod cases_close;
mod deliveries;
mod events;
mod health;
mod inbound;
mod invitations;
mod jobs;
mod metrics;
pub(crate) mod openapi;
mod people;
mod policies;
mod pools;
mod referrals;
mod responses;
mod responses_batch;
mod rules;
mod suppressions;
mod surveys;
mod tasks;
mod teams;
mod testimonials;
mod users;
mod waves;
mod webhooks;
mod widgets;
pub(crate) mod words;
mod workspace;

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use hearback_core::Id;
use hearback_store::{cursor::Listed, time::from_millis};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

pub(crate) use inbound::KINDS as MESSAGE_KINDS;
pub(crate) use openapi::document as description;
pub(crate) use responses::survey_ids;
pub(crate) use surveys::workspace_key;

use crate::{error::Problem, route::Route};

/// The routes of the API, and what tells whether the process works.
pub(crate) fn routes() -> Vec<Route> {
    let resources = [
        responses::routes(),
        responses_batch::routes(),
        cases::routes(),
        cases_close::routes(),
        tasks::routes(),
        deliveries::routes(),
        inbound::routes(),
        metrics::routes(),
        alerts::routes(),
        people::routes(),
        pools::routes(),
        accounts::routes(),
        events::routes(),
        testimonials::routes(),
        referrals::routes(),
        suppressions::routes(),
        surveys::routes(),
        campaigns::routes(),
        waves::routes(),
        invitations::routes(),
        rules::routes(),
        calendars::routes(),
        policies::routes(),
        teams::routes(),
        users::routes(),
        webhooks::routes(),
        widgets::routes(),
        workspace::routes(),
        apikeys::routes(),
        audit::routes(),
        jobs::routes(),
        openapi::routes(),
    ];
    let calls = resources.into_iter().flatten().map(|route| route.under(BASE));
    calls.chain(health::routes()).collect()
}

/// What all paths of the API begin with.
const BASE: &str = "/api/v1";

/// A page of a list: `{"items": [...], "next": CURSOR or null}`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    /// The page, each row in its view.
    pub(crate) fn of<R>(listed: Listed<R>, view: impl FnMut(R) -> T) -> Self {
        let listed = listed.map(view);
        Self { items: listed.items, next: listed.next.map(hearback_store::cursor::Cursor::encode) }
    }

    /// A page of rows that were read with `limit + 1`; `next` is the name of the last one.
    pub(crate) fn page(mut items: Vec<T>, limit: u64, name: impl Fn(&T) -> String) -> Self {
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > shown;
        items.truncate(shown);
        Self { next: if more { items.last().map(name) } else { None }, items }
    }

    /// All of it on one page.
    pub(crate) fn whole(items: impl Iterator<Item = T>) -> Self {
        Self { items: items.collect(), next: None }
    }
}

/// The id in an address; anything that is no id names nothing.
pub(crate) fn path_id<K>(what: &'static str, text: &str) -> Result<Id<K>, Problem> {
    text.parse().map_err(|_| Problem::not_found(what, text.chars().take(40).collect::<String>()))
}

/// A stored time as the API writes it: RFC 3339, UTC, `Z`, milliseconds only when there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub i64);

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time: DateTime<Utc> = from_millis(self.0);
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Stored JSON as it is; text that is not JSON (never written by us) reads as null.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_z() {
        assert_eq!(serde_json::to_string(&Time(0)).unwrap(), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(serde_json::to_string(&Time(1_234)).unwrap(), "\"1970-01-01T00:00:01.234Z\"");
    }
}
