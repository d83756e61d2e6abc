//! Refuses JSON that two readers may read differently.
//!
//! Clients written in Go match keys without regard to case and let the last of two
//! equal keys win; a document could so show us one layer list and the client another
//! (the class of CVE-2021-41190). Such a document is refused, whatever it means, and so is
//! one that spells a key that we read in another case, since we would not see it and they would.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Most keys of one object: an image that exposes every port has 65 535.
const MAX_KEYS: usize = 70_000;

/// Objects whose keys are free text, where `Maintainer` and `maintainer` are two keys.
const FREE_MAPS: [&str; 5] = [
    "annotations",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "OnBuild",
];

/// An error where `bytes` is not JSON, nests deeper than serde_json's limit of 128,
/// has an object in which a key stands twice (outside free maps: in any spelling),
/// or a key that reads as one of `known` but is not spelled like it.
pub(super) fn check_unambiguous(
    bytes: &[u8],
    known: &'static [&'static str],
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Walk { known, free: false }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// The spelling by which Go's `encoding/json` finds a field: Unicode simple folding, in which
/// two letters outside ASCII fall on ASCII ones.
fn fold(key: &str) -> String {
    let letter = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(letter).collect()
}

#[derive(Clone, Copy)]
struct Walk {
    known: &'static [&'static str],
    free: bool,
}

impl Walk {
    fn into(self, free: bool) -> Walk {
        Walk { free, ..self }
    }

    /// The spelling under which two keys are one.
    fn spelling<E: Error>(self, key: String) -> Result<String, E> {
        if self.free {
            return Ok(key);
        }
        let folded = fold(&key);
        let meant = |known: &&&str| folded == known.to_ascii_lowercase();
        match self.known.iter().find(meant) {
            Some(known) if *known != key => Err(E::custom(format_args!(
                "the key {key:?} is not spelled {known:?}"
            ))),
            _ => Ok(folded),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(self.into(FREE_MAPS.contains(&key.as_str())))?;
            if seen.len() == MAX_KEYS {
                return Err(A::Error::custom("an object has too many keys"));
            }
            if let Some(twice) = seen.replace(self.spelling(key)?) {
                return Err(A::Error::custom(format_args!(
                    "the key {twice:?} stands twice in one object"
                )));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.into(false))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
