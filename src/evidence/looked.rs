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

/// What stands for the files of a layer that nobody looked into any more.
const REST: &str = "every further file";

impl Looked {
    /// What is said at the end. `broken`: why the last files were not looked into; what was found before stands.
    ///
    /// # Errors
    /// Why nothing is known of the layer.
    pub(super) fn ended(mut self, broken: Option<String>) -> Result<Looked, String> {
        match broken {
            Some(why) if self.found.is_empty() => Err(why),
            Some(why) => {
                self.unscanned.push((REST.to_owned(), why));
                self.passing = true;
                Ok(self)
            }
            None => Ok(self),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file more that cannot be looked into does not make those harmless that were.
    #[test]
    fn what_was_found_stands_when_the_rest_fails() {
        let broken = || Some("it hung up".to_owned());
        let mut found = Looked::default();
        assert_eq!(found.clone().ended(broken()), Err("it hung up".to_owned()));
        assert_eq!(found.clone().ended(None), Ok(Looked::default()));
        found.find("bin/bad", "Test.Virus").unwrap();
        let ended = found.clone().ended(broken()).unwrap();
        assert_eq!((&ended.found, ended.passing), (&found.found, true));
        let rest = ("every further file".to_owned(), "it hung up".to_owned());
        assert_eq!(ended.unscanned, [rest]);
    }
}
