//! Tracing set-up, counters, and the one clock.

use jiff::Timestamp;

/// The wall clock, for the edges of the program; everything inside takes the time as a parameter.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
