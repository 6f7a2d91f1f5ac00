//! Where log lines go: standard error, as text or as JSON. What is logged, each crate decides; never customers' words.

use std::io;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{ConfigError, Log, LogFormat};

/// Starts logging as configured.
pub fn start(log: &Log) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| ConfigError::new("log.filter", format!("expected `info` or `warn,hearback_engine=debug`: {error}")))?;
    let builder = fmt::Subscriber::builder().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process changes nothing.
    let _ = match log.format {
        LogFormat::Text => tracing::subscriber::set_global_default(builder.with_ansi(false).with_target(true).finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish()),
    };
    Ok(())
}

/// For commands that do one thing and end: warnings only.
pub fn quiet() {
    let subscriber = fmt::Subscriber::builder().with_max_level(tracing::Level::WARN).with_writer(io::stderr).with_ansi(false).finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}
