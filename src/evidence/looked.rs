//! What somebody says of the files of a layer who looks at them as they pass: clamd, or the operator's YARA rules.

use serde::{Deserialize, Serialize};

use crate::scan::Onlooker;

/// Most files of a layer that are told, of either kind.
const MAX_TOLD: usize = 1_000;
/// Most characters of what is said of a file.
const MAX_WORDS: usize = 200;

/// What was said of the files of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Looked {
    /// Files, and what was found in them.
    #[serde(rename = "infected")]
    pub(super) found: Vec<(String, String)>,
    /// Files that were not looked into, and why.
    pub(super) unscanned: Vec<(String, String)>,
    /// Another try may end otherwise, so this is not kept.
    #[serde(skip)]
    pub(super) passing: bool,
}

/// Looks at files, and says at the end what of them.
pub(super) trait Looking: Onlooker {
    /// What is said of all files, or why that is not known.
    fn finish(self: Box<Self>) -> Result<Looked, String>;
}

impl Looked {
    /// Takes note of what was found in a file.
    ///
    /// # Errors
    /// More files than are told: nothing is known of the layer then.
    pub(super) fn find(&mut self, path: &str, what: &str) -> Result<(), String> {
        note(&mut self.found, path, what)
    }

    /// Takes note of why a file was not looked into.
    ///
    /// # Errors
    /// As [`Looked::find`].
    pub(super) fn miss(&mut self, path: &str, why: &str) -> Result<(), String> {
        note(&mut self.unscanned, path, why)
    }
}

fn note(list: &mut Vec<(String, String)>, path: &str, words: &str) -> Result<(), String> {
    if list.len() >= MAX_TOLD {
        return Err(format!("more than {MAX_TOLD} files to tell of in a layer"));
    }
    let plain = words.chars().filter(|c| !c.is_control()).take(MAX_WORDS);
    list.push((path.to_owned(), plain.collect()));
    Ok(())
}
