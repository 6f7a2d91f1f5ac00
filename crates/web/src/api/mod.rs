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
mod openapi;
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
mod workspace;

use axum::{
    Router,
    routing::{delete, get, patch, post, put},
};
use chrono::{DateTime, SecondsFormat, Utc};
use hearback_core::Id;
use hearback_store::{cursor::Listed, time::from_millis};
use serde::{Serialize, Serializer};

pub(crate) use inbound::{KINDS as MESSAGE_KINDS, filter as message_filter};
pub(crate) use openapi::document as description;
pub(crate) use responses::survey_ids;
pub(crate) use surveys::workspace_key;

use crate::{App, error::Problem};

/// The routes of the API. Who may call each stands in [`crate::matrix`].
pub(crate) fn routes() -> Router<App> {
    let v1 = Router::new()
        .route("/responses", post(responses::create).get(responses::list))
        .route("/responses/batch", post(responses_batch::create))
        .route("/responses/{id}", patch(responses::correct).get(responses::one))
        .route("/cases", get(cases::list))
        .route("/cases/{id}", get(cases::one))
        .route("/cases/{id}/contacts", post(cases::contact))
        .route("/cases/{id}/replies", post(cases::reply))
        .route("/cases/{id}/resolve", post(cases::resolve))
        .route("/cases/{id}/close", post(cases::close))
        .route("/cases/{id}/reopen", post(cases::reopen))
        .route("/cases/{id}/wait", post(cases::wait))
        .route("/cases/{id}/resume", post(cases::resume))
        .route("/cases/{id}/lapse", post(cases::lapse))
        .route("/cases/close", post(cases_close::close))
        .route("/cases/{id}/assign", post(cases::assign))
        .route("/tasks", get(tasks::list))
        .route("/tasks/{id}", patch(tasks::update).get(tasks::one))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}", get(deliveries::one))
        .route("/inbound", post(inbound::create))
        .route("/messages", get(inbound::list))
        .route("/messages/{id}", get(inbound::one))
        .route("/metrics", get(metrics::get))
        .route("/people", get(people::list).put(people::upsert))
        .route("/people/{id}", delete(people::erase).get(people::one))
        .route("/pools", get(pools::list))
        .route("/pools/{key}", get(pools::one).put(pools::put))
        .route("/pools/{key}/codes", get(pools::codes).post(pools::import))
        .route("/pools/{key}/codes/revoke", post(pools::revoke))
        .route("/people/{id}/merge", post(people::merge))
        .route("/accounts", get(accounts::list).put(accounts::upsert))
        .route("/accounts/{key}", get(accounts::one))
        .route("/events", get(events::list))
        .route("/surveys", get(surveys::list).post(surveys::create))
        .route("/surveys/{key}", get(surveys::one))
        .route("/surveys/{key}/draft", put(surveys::draft))
        .route("/surveys/{key}/publish", post(surveys::publish))
        .route("/surveys/{key}/close", post(surveys::close))
        .route("/campaigns", get(campaigns::list).post(campaigns::create))
        .route("/campaigns/{key}", get(campaigns::one).put(campaigns::put))
        .route("/campaigns/{key}/plan", get(campaigns::plan))
        .route("/campaigns/{key}/pause", post(campaigns::pause))
        .route("/campaigns/{key}/resume", post(campaigns::resume))
        .route("/campaigns/{key}/end", post(campaigns::end))
        .route("/campaigns/{key}/waves", post(campaigns::run))
        .route("/waves", get(waves::list).post(campaigns::run_named))
        .route("/waves/{id}", get(waves::one))
        .route("/waves/{id}/pause", post(waves::pause))
        .route("/waves/{id}/resume", post(waves::resume))
        .route("/waves/{id}/cancel", post(waves::cancel))
        .route("/invitations", get(invitations::list).post(invitations::create))
        .route("/invitations/{id}", get(invitations::one))
        .route("/interactions", post(invitations::interact))
        .route("/rules", get(rules::list).post(rules::create))
        .route("/rules/backtest", post(rules::backtest))
        .route("/rules/{key}", get(rules::one))
        .route("/rules/{key}/enable", post(rules::enable))
        .route("/rules/{key}/disable", post(rules::disable))
        .route("/rules/{key}/resume", post(rules::resume))
        .route("/rules/{key}/rollback", post(rules::rollback))
        .route("/rules/{key}/runs", get(rules::runs))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/webhooks/{key}", delete(webhooks::delete))
        .route("/webhooks/{key}/enable", post(webhooks::enable))
        .route("/widgets", get(widgets::list).post(widgets::create))
        .route("/widgets/{id}", delete(widgets::disable))
        .route("/testimonials", get(testimonials::list))
        .route("/testimonials/{id}/approve", post(testimonials::approve))
        .route("/testimonials/{id}/withdraw", post(testimonials::withdraw))
        .route("/referrals", get(referrals::list))
        .route("/referrals/{code}/conversions", post(referrals::convert))
        .route("/suppressions", get(suppressions::list).post(suppressions::add))
        .route("/suppressions/export", get(suppressions::export))
        .route("/suppressions/import", post(suppressions::import))
        .route("/suppressions/{address}", delete(suppressions::lift))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/jobs/{id}/discard", post(jobs::discard))
        .route("/alerts", get(alerts::list))
        .route("/alerts/{id}/done", post(alerts::done))
        .route("/workspace", get(workspace::show).patch(workspace::change))
        .route("/apikeys", get(apikeys::list).post(apikeys::create))
        .route("/apikeys/{id}", delete(apikeys::revoke))
        .route("/audit", get(audit::list))
        .route("/calendars", get(calendars::list))
        .route("/calendars/{key}", put(calendars::put))
        .route("/policies", get(policies::list).put(policies::put))
        .route("/teams", get(teams::list))
        .route("/teams/{key}", put(teams::put))
        .route("/users", get(users::list).post(users::create))
        .route("/users/{id}", get(users::one).patch(users::change))
        .route("/users/{id}/sessions", get(users::sessions).delete(users::end_sessions))
        .route("/users/{id}/totp", delete(users::reset_totp))
        .route("/users/{id}/absence", put(teams::absence))
        .route("/users/{id}/cap", put(teams::cap))
        .route("/users/{id}/hand_over", post(teams::hand_over))
        .route("/openapi.json", get(openapi::show));
    Router::new().nest("/api/v1", v1).route("/healthz", get(health::process)).route("/readyz", get(health::ready))
}

/// A page of a list: `{"items": [...], "next": CURSOR or null}`.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> List<T> {
    /// The page, each row in its view.
    pub(crate) fn of<R>(listed: Listed<R>, view: impl FnMut(R) -> T) -> Self {
        let listed = listed.map(view);
        Self { items: listed.items, next: listed.next.map(hearback_store::cursor::Cursor::encode) }
    }
}

/// A list that has its own kind of cursor, or none.
#[derive(Debug, Serialize)]
pub(crate) struct Whole<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> Whole<T> {
    /// A page of rows that were read with `limit + 1`; `next` is the name of the last one.
    pub(crate) fn page(mut items: Vec<T>, limit: u64, name: impl Fn(&T) -> String) -> Self {
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > shown;
        items.truncate(shown);
        Self { next: if more { items.last().map(name) } else { None }, items }
    }

    /// All of it on one page.
    pub(crate) fn of(items: impl Iterator<Item = T>) -> Self {
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

    #[test]
    fn the_description_has_every_call_and_nothing_else() {
        let paths = openapi::document()["paths"].as_object().unwrap();
        let mut described: Vec<(String, String)> = Vec::new();
        for (path, calls) in paths {
            described.extend(calls.as_object().unwrap().keys().map(|method| (method.to_uppercase(), format!("/api/v1{path}"))));
        }
        let mut served: Vec<(String, String)> = crate::matrix::routes()
            .filter(|route| route.path.starts_with("/api/v1"))
            .map(|route| (route.method.to_owned(), route.path.to_owned()))
            .collect();
        described.sort();
        served.sort();
        assert_eq!(described, served);
    }
}
