//! What an image shows of its author's care, seen while its layers pass: secrets that were left in it, accounts that
//! anybody may enter, programs that raise whoever starts them or hide what they are.
//!
//! Facts of a layer, like its packages: what becomes of them is the policy's.

mod account;
mod end_of_life;
mod facts;
mod owned;
mod packed;
mod secret;
mod watch;

pub use account::Flaw;
pub use end_of_life::end_of_life;
pub use facts::{Observed, Setuid, Told};
pub(super) use owned::foreign;
pub use secret::Secret;
pub(super) use watch::Watch;

#[cfg(test)]
mod tests;
