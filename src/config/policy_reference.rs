//! `reference` and `signatures_from`: under which name an image was signed, and where its signatures lie.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::oci::Repository;
use crate::policy::{SignaturePlace, SignedName};

use super::policy_build::Build;
use super::policy_file::{At, NamesTable, Text};

/// Most places where signatures of one image are looked for: each costs requests to a registry.
const MAX_PLACES: usize = 4;
/// Most copies that one rule may tell of.
const MAX_COPIES: usize = 100;

/// `"same-repo"`, `"exact"`, `"any"`, or `{ remap = { "where it is" = "where it was signed" } }`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum SignedNameWord {
    Word(Word),
    Table(RemapTable),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    SameRepo,
    Exact,
    Any,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemapTable {
    /// Beginnings of names with what stood there when the image was signed; the longest that fits decides.
    remap: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for SignedNameWord {
    fn deserialize<D: Deserializer<'de>>(written: D) -> Result<SignedNameWord, D::Error> {
        written.deserialize_any(Either)
    }
}

/// A word or a table: an untagged enum would lose what is wrong with either.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = SignedNameWord;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"same-repo\", \"exact\", \"any\" or { remap = { … } }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<SignedNameWord, E> {
        let word = match word {
            "same-repo" => Word::SameRepo,
            "exact" => Word::Exact,
            "any" => Word::Any,
            other => return Err(E::unknown_variant(other, &["same-repo", "exact", "any"])),
        };
        Ok(SignedNameWord::Word(word))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<SignedNameWord, A::Error> {
        RemapTable::deserialize(MapAccessDeserializer::new(table)).map(SignedNameWord::Table)
    }
}

impl Build {
    pub(super) fn signed_name(&mut self, written: Option<&At<SignedNameWord>>) -> SignedName {
        let Some(place) = written else {
            return SignedName::default();
        };
        let table = match place.get() {
            SignedNameWord::Word(Word::SameRepo) => return SignedName::SameRepository,
            SignedNameWord::Word(Word::Exact) => return SignedName::Exact,
            SignedNameWord::Word(Word::Any) => return SignedName::Any,
            SignedNameWord::Table(table) => table,
        };
        if table.remap.len() > MAX_COPIES {
            let message = format!("more than {MAX_COPIES} names in one remap");
            self.error(place.span(), message);
        }
        let mut copies: Vec<(String, String)> = Vec::new();
        for (from, to) in &table.remap {
            for name in [from, to] {
                if !begins_names(name) {
                    self.error(
                        place.span(),
                        format!("no image's name begins with {name:?}"),
                    )
                    .help(
                        "write the registry and whole parts of the path, as in \"mirror.corp/rh\"",
                    );
                }
            }
            copies.push((from.clone(), to.clone()));
        }
        copies.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        SignedName::Remapped(copies)
    }

    /// Repositories on registries that nobody may be asked would never answer.
    pub(super) fn signatures_from(
        &mut self,
        written: Option<&At<Vec<Text>>>,
        names: &NamesTable,
    ) -> Vec<SignaturePlace> {
        let Some(list) = written else {
            return vec![SignaturePlace::Same];
        };
        if list.get().is_empty() || list.get().len() > MAX_PLACES {
            let message = format!("signatures are looked for in 1 to {MAX_PLACES} repositories");
            self.error(list.span(), message)
                .help("leave the key out for the image's own repository");
        }
        let places = list.get().iter();
        places.filter_map(|text| self.place(text, names)).collect()
    }

    fn place(&mut self, text: &Text, names: &NamesTable) -> Option<SignaturePlace> {
        let written = text.get().as_str();
        if written == "same" {
            return Some(SignaturePlace::Same);
        }
        let split = written.split_once('/');
        let parsed = split.and_then(|(host, path)| Repository::new(host, path).ok());
        let Some(repository) = parsed.filter(|parsed| parsed.as_str() == written) else {
            self.error(text.span(), format!("{written:?} is no repository"))
                .help("write \"same\", or registry and path without a tag, as in \"registry.example/acme/signatures\"");
            return None;
        };
        let host = repository.host();
        if names.registries.iter().all(|known| known.get() != host) {
            let help = format!("add \"{host}\" to [names] registries");
            let message =
                format!("no signature can come from {written}: {host} is not among the registries");
            self.error(text.span(), message).help(help);
            return None;
        }
        Some(SignaturePlace::Repository(repository))
    }
}

/// Whether this is a registry, or a registry and whole parts of a path.
fn begins_names(text: &str) -> bool {
    let (host, path) = text.split_once('/').unwrap_or((text, "x"));
    // One part more than is written: Docker Hub's images of one part are another's, by their full name.
    let path = format!("{path}/x");
    Repository::new(host, &path).is_ok_and(|read| read.as_str() == format!("{host}/{path}"))
}
