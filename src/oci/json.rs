//! Refuses JSON that two readers may read differently.
//!
//! Clients written in Go match keys without regard to case and let the last of two
//! equal keys win; a document could so show us one layer list and the client another
//! (the class of CVE-2021-41190). Such a document is refused, whatever it means.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Objects whose keys are free text, where `Maintainer` and `maintainer` are two keys.
const FREE_MAPS: [&str; 5] = [
    "annotations",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "OnBuild",
];

/// An error where `bytes` is not JSON, nests deeper than serde_json's limit of 128,
/// or has an object in which a key stands twice (outside free maps: in any spelling).
pub(super) fn check_unambiguous(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Walk { free: false }.deserialize(&mut deserializer)?;
    deserializer.end()
}

#[derive(Clone, Copy)]
struct Walk {
    free: bool,
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
            map.next_value_seed(Walk {
                free: FREE_MAPS.contains(&key.as_str()),
            })?;
            let spelling = if self.free {
                key
            } else {
                key.to_ascii_lowercase()
            };
            if let Some(twice) = seen.replace(spelling) {
                return Err(A::Error::custom(format_args!(
                    "the key {twice:?} stands twice in one object"
                )));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Walk { free: false })?.is_some() {}
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
