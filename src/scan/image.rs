//! From the layers of an image to what it holds: whiteouts applied, the newest database counted, places remembered.

mod inventory;
mod merge;
mod observed;
mod view;

pub use inventory::{Answer, Inventory, Source};
pub use merge::merge;

#[cfg(test)]
mod tests;
