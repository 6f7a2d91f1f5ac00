//! What a monitoring system asks the process: Prometheus text on a listener of its own, never on the one for customers.

use hearback_core::Word as _;
use std::{fmt::Write as _, sync::atomic::Ordering};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hearback_engine::{Engine, alerts::AlertKind};
use hearback_store::{StoreError, alerts, operations, outbox, time::from_millis};

/// Everything that is served on the listener for operations.
pub fn operations_router(cx: Engine) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(cx)
}

async fn metrics(State(cx): State<Engine>) -> Response {
    match text(&cx).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the figures for monitoring can't be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the database is not available\n").into_response()
        }
    }
}

async fn text(cx: &Engine) -> Result<String, StoreError> {
    let now = cx.now();
    let mut text = Text(String::new());
    text.head("hearback_up", "gauge", "Whether the database answers.");
    text.line("hearback_up", "", 1);
    text.head("hearback_clock_steady", "gauge", "0 while the clock of the machine was set not long ago and nothing is sent.");
    text.line("hearback_clock_steady", "", u8::from(cx.clock.look().is_steady()));
    text.head("hearback_jobs", "gauge", "Jobs in the queue by state.");
    for (state, n) in operations::jobs(cx.db.read()).await? {
        text.line("hearback_jobs", &format!("{{state=\"{}\"}}", state.as_str()), n);
    }
    let waiting: i64 = outbox::unreadable(cx.db.read()).await?.iter().map(|stuck| stuck.jobs).sum();
    text.head("hearback_jobs_unreadable", "gauge", "Jobs in the queue that wait for a version that can read them, or what they need.");
    text.line("hearback_jobs_unreadable", "", waiting);
    text.head("hearback_alerts", "gauge", "Open alerts by kind, in all workspaces.");
    let open = alerts::open_of(cx.db.read(), &AlertKind::ALL.map(AlertKind::as_str)).await?;
    for kind in AlertKind::ALL.map(AlertKind::as_str) {
        let n = open.iter().filter(|alert| alert.kind == kind).count();
        text.line("hearback_alerts", &format!("{{kind=\"{kind}\"}}"), n);
    }
    let name = "hearback_database_oldest_transaction_seconds";
    text.head(name, "gauge", "How long the transaction has been open that keeps PostgreSQL from cleaning up; 0 while there is none.");
    let open = operations::oldest_transaction(&cx.db).await?;
    text.line(name, "", open.map_or(0, |open| (now - from_millis(open.since)).num_seconds().max(0)));
    text.head("hearback_oldest_due_job_seconds", "gauge", "How long the job waits that has been due longest.");
    let oldest = outbox::next_due(&cx.db).await?;
    text.line("hearback_oldest_due_job_seconds", "", oldest.map_or(0, |at| (now - at).num_seconds().max(0)));
    text.head("hearback_deliveries", "gauge", "Mails and calls in the send ledger by status.");
    for (status, n) in operations::deliveries(cx.db.read()).await? {
        text.line("hearback_deliveries", &format!("{{status=\"{}\"}}", status.as_str()), n);
    }
    let intake = cx.intake.counters();
    text.head("hearback_answers_total", "counter", "Answers that this process stored.");
    text.line("hearback_answers_total", "", intake.stored.load(Ordering::Relaxed));
    text.head("hearback_answers_refused_total", "counter", "Answers that this process could not store.");
    text.line("hearback_answers_refused_total", "", intake.refused.load(Ordering::Relaxed));
    text.head("hearback_messages_total", "counter", "Mails that came in through this process, by kind and state.");
    for (kind, state, n) in cx.came_in.all() {
        text.line("hearback_messages_total", &format!("{{kind=\"{kind}\",state=\"{}\"}}", state.as_str()), n);
    }
    Ok(text.0)
}

/// Lines of Prometheus's text format.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}
