//! Tracing set-up, counters, what pulls wait for, and the one clock.

mod log;
mod metrics;
mod primitive;
mod works;

use jiff::Timestamp;

pub use log::init;
pub use metrics::{Metrics, metrics};
pub use primitive::{Counter, CounterVec, Gauge, Histogram};
pub use works::{Work, Working, Works, works};

/// The wall clock, for the edges of the program; everything inside takes the time as a parameter.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
