//! Against a small registry on a real socket.

mod fake;
mod guards;
pub(super) mod names;
mod pulls;
mod pure;
mod resilience;
mod tunnel;
