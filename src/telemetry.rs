//! Tracing set-up, counters, and the one clock.

mod log;
mod metrics;
mod primitive;

use jiff::Timestamp;

pub use log::init;
pub use metrics::{Metrics, metrics};
pub use primitive::{Counter, CounterVec, Gauge, Histogram};

/// The wall clock, for the edges of the program; everything inside takes the time as a parameter.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
