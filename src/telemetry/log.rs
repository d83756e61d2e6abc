//! Log lines on stderr.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, LogLevel};

/// The environment variable that overrides the level: `LAZARET_LOG=lazaret=debug`.
const VARIABLE: &str = "LAZARET_LOG";

/// Starts logging to stderr, with colours on a terminal unless `NO_COLOR` is set.
/// A second call changes nothing.
pub fn init(format: LogFormat, level: LogLevel) {
    let filter =
        EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level.as_str()));
    let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !quiet);
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().with_ansi(false).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}
