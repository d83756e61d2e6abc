//! Bytes in JSON: as text where they are text, for that packs well, else in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    Text(String),
    Base64(String),
}

pub(in crate::evidence) fn serialize<S: Serializer>(
    bytes: &Bytes,
    to: S,
) -> Result<S::Ok, S::Error> {
    let written = match std::str::from_utf8(bytes) {
        Ok(text) => Written::Text(text.to_owned()),
        Err(_) => Written::Base64(STANDARD.encode(bytes)),
    };
    written.serialize(to)
}

pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Bytes, D::Error> {
    match Written::deserialize(from)? {
        Written::Text(text) => Ok(text.into_bytes().into()),
        Written::Base64(text) => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(D::Error::custom),
    }
}
