//! What is unusual: what that is held to, and what a tag led to before.

use jiff::Timestamp;

use crate::oci::Digest;

use super::{Level, MovingTags, Origin};

/// `[anomaly]`.
#[derive(Clone, Debug)]
pub struct AnomalyPolicy {
    /// What a tag meets that leads to another image than before.
    pub tag_moved: Level,
    /// Tags that are meant to move: that they did is noted, and no more.
    pub moving_tags: Vec<MovingTags>,
    /// What an image meets that nobody signed who signed its predecessor.
    pub signer_changed: Level,
    /// What a stranger's name meets that is known here from another registry.
    pub new_registry: Level,
    /// What a stranger's name meets of whose publisher nothing was pulled or approved here.
    pub new_publisher: Level,
    /// Whether somebody hears of clients that are refused one name after another.
    pub guessing: Level,
    /// Where the table stands.
    pub origin: Origin,
}

impl AnomalyPolicy {
    /// Whether it matters where else a new name, or another of its publisher, is known.
    pub fn minds_names(&self) -> bool {
        [self.new_registry, self.new_publisher]
            .iter()
            .any(|level| *level != Level::Note)
    }
}

/// The image that was admitted before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// Under which tag.
    pub tag: String,
    /// Whether that is the tag that was asked for now.
    pub same_tag: bool,
    /// Which image.
    pub digest: Digest,
    /// When it was last admitted.
    pub at: Timestamp,
    /// The policy's signers who had signed it.
    pub signers: Vec<String>,
    /// What is different now, in a few lines, where it was compared.
    pub changes: Vec<String>,
}
