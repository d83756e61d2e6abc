//! `[anomaly]`: what is made of what is unusual.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{AnomalyPolicy, Level, MovingTags};

use super::policy_build::Build;
use super::policy_file::{Action, At, Text};
use super::policy_tables::level;

/// The tag that is meant to move where nothing is said.
const MOVES: &str = "latest";

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnomalyTable {
    /// What a tag meets that leads to another image than when it was pulled here before; default allow.
    pub(super) tag_moved: Option<Action>,
    /// Tags that are meant to move, so that it is noted and no more: `latest`, `*-dev`, `ghcr.io/acme/*:edge`; default
    /// `latest`.
    pub(super) moving_tags: Option<Vec<Text>>,
    /// What an image meets that nobody signed who signed its predecessor; default warn.
    pub(super) signer_changed: Option<Action>,
    /// What a stranger's name meets that is known here from another registry; default allow.
    pub(super) new_registry: Option<Action>,
    /// What a stranger's name meets of whose publisher (`docker.io/acme`) nothing was pulled or approved here; default allow.
    pub(super) new_publisher: Option<Action>,
    /// Whether people hear of clients that are refused one name after another: `warn`, the default, or `allow`.
    pub(super) guessing: Option<At<Action>>,
}

impl Build {
    pub(super) fn anomaly(&mut self, table: Option<&At<AnomalyTable>>) -> AnomalyPolicy {
        let usual = AnomalyTable::default();
        let written = table.map_or(&usual, At::get);
        if let Some(place) = &written.guessing
            && matches!(place.get(), Action::Deny)
        {
            self.error(
                place.span(),
                "a client that guesses names is told of, not denied",
            )
            .help("write \"warn\": what it asks for is refused by name already");
        }
        let moving_tags = self.moving_tags(written.moving_tags.as_deref());
        let guessing = written.guessing.as_ref().map(At::get).copied();
        let span = table.map_or(0..0, At::span);
        let mut origin = self.origin(&span, "[anomaly]");
        if table.is_none() {
            // It is as it is by default, and stands on no line.
            origin.line = 0;
        }
        AnomalyPolicy {
            tag_moved: written.tag_moved.map_or(Level::Note, level),
            moving_tags,
            signer_changed: written.signer_changed.map_or(Level::Warn, level),
            new_registry: written.new_registry.map_or(Level::Note, level),
            new_publisher: written.new_publisher.map_or(Level::Note, level),
            guessing: guessing.map_or(Level::Warn, level),
            origin,
        }
    }

    fn moving_tags(&mut self, written: Option<&[Text]>) -> Vec<MovingTags> {
        let Some(written) = written else {
            return MovingTags::parse(MOVES).into_iter().collect();
        };
        let mut moving = Vec::new();
        for text in written {
            match MovingTags::parse(text.get()) {
                Ok(tags) => moving.push(tags),
                Err(why) => {
                    self.error(text.span(), why);
                }
            }
        }
        moving
    }
}
