//! The circuit breaker: a registry that keeps failing is left alone for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the circuit: two operations with all their attempts.
pub(super) const FAILURES_TO_OPEN: u32 = 8;
/// How long it stays open before one request may probe: short enough for people not to restart us.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    failing_since: Option<Instant>,
}

impl Breaker {
    /// Whether a request may go out. After the cool-down one may, as a probe, each cool-down;
    /// a probe that is dropped so needs no clean-up.
    pub(super) fn admits(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + COOL_DOWN);
                true
            }
        }
    }

    /// Tells how an exchange with the registry's own host ended.
    pub(super) fn record(&self, alive: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if alive {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        state.failing_since.get_or_insert_with(Instant::now);
        if state.failures >= FAILURES_TO_OPEN {
            state.open_until = Some(Instant::now() + COOL_DOWN);
        }
    }

    /// How long nothing but failures has been seen of it, where that opened the circuit.
    pub(super) fn down_for(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = state.failures >= FAILURES_TO_OPEN;
        state
            .failing_since
            .filter(|_| open)
            .map(|since| since.elapsed())
    }
}
