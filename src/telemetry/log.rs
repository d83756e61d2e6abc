//! Log lines on stderr.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// The environment variable that overrides the level: `LAZARET_LOG=lazaret=debug`.
const VARIABLE: &str = "LAZARET_LOG";

/// Starts logging to stderr at `level` (`error` to `trace`), as JSON or as text with colours on a terminal unless `NO_COLOR` is set.
/// A second call changes nothing.
pub fn init(json: bool, level: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !quiet);
    let started = if json {
        builder.json().with_ansi(false).try_init()
    } else {
        builder.try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}
