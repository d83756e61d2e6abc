//! The part of `[scan.NAME]` that is about an image's author's care.

use std::collections::BTreeSet;

use crate::oci::Digest;
use crate::policy::{HygieneProfile, Level};

use super::policy_build::Build;
use super::policy_file::{Action, Text};
use super::policy_scan::ScanTable;
use super::policy_tables::level;

/// How a digest begins that stands in the policy itself.
const INLINE: &str = "sha256:";

impl Build {
    pub(super) fn hygiene(&mut self, written: &ScanTable) -> HygieneProfile {
        let action = |action: Option<Action>, default| action.map_or(default, level);
        HygieneProfile {
            secrets: action(written.secrets, Level::Warn),
            setuid: action(written.setuid, Level::Note),
            world_writable: action(written.world_writable, Level::Note),
            empty_password: action(written.empty_password, Level::Deny),
            end_of_life: action(written.end_of_life, Level::Warn),
            packed: action(written.packed, Level::Warn),
            denied_files: self.denied_files(&written.denied_files),
            viruses: written.viruses.as_ref().map(|asked| level(*asked.get())),
            virus_unscanned: action(written.virus_unscanned, Level::Deny),
            yara: written.yara.as_ref().map(|asked| level(*asked.get())),
            yara_unscanned: action(written.yara_unscanned, Level::Deny),
        }
    }

    fn denied_files(&mut self, written: &[Text]) -> BTreeSet<Digest> {
        let mut denied = BTreeSet::new();
        for text in written {
            if text.get().starts_with(INLINE) {
                denied.extend(self.denied_file(text, text.get(), None));
                continue;
            }
            let Some(list) = self.beside(text) else {
                continue;
            };
            for (at, line) in list.lines().enumerate() {
                // As `sha256sum` writes it, or with the algorithm; words behind it are for people.
                let word = line.split_whitespace().next().unwrap_or("#");
                if !word.starts_with('#') {
                    denied.extend(self.denied_file(text, word, Some(at + 1)));
                }
            }
        }
        denied
    }

    fn denied_file(&mut self, text: &Text, word: &str, line: Option<usize>) -> Option<Digest> {
        let whole = match word.starts_with(INLINE) {
            true => word.to_owned(),
            false => format!("{INLINE}{word}"),
        };
        let digest = whole.parse::<Digest>().ok();
        if digest.is_none() {
            let place = line.map_or(String::new(), |line| {
                format!(" in line {line} of {}", text.get())
            });
            self.error(text.span(), format!("{word:?}{place} is no digest"))
                .help(
                    "write sha256: and 64 lower-case hex digits, as `sha256sum FILE` prints them",
                );
        }
        digest
    }
}
