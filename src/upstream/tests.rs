//! Against a small registry on a real socket.

mod fake;
mod guards;
mod pulls;
mod pure;
mod resilience;
mod tunnel;
