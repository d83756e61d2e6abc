//! Signature material in JSON. What issuers of certificates told is kept elsewhere and comes to it anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::trust::Material;

use super::raw;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Bundle,
    AnyBundle,
    Simple,
    Notation,
    OpenPgp,
    Envelope,
}

#[derive(Deserialize, Serialize)]
struct Written {
    kind: Kind,
    #[serde(with = "raw")]
    bytes: Bytes,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    media_type: String,
}

/// The bytes that matter for how large it is.
pub(in crate::evidence) fn size(material: &Material) -> usize {
    let written = Written::from(material);
    let annotations = written.annotations.iter();
    let annotations = annotations.map(|(key, value)| key.len() + value.len());
    written.bytes.len() + annotations.sum::<usize>()
}

impl From<&Material> for Written {
    fn from(material: &Material) -> Written {
        let (kind, bytes) = match material {
            Material::Bundle(bytes) => (Kind::Bundle, bytes),
            Material::AnyBundle(bytes) => (Kind::AnyBundle, bytes),
            Material::Simple { payload, .. } => (Kind::Simple, payload),
            Material::Notation { envelope, .. } => (Kind::Notation, envelope),
            Material::OpenPgp(bytes) => (Kind::OpenPgp, bytes),
            Material::Envelope { envelope, .. } => (Kind::Envelope, envelope),
        };
        let annotations = match material {
            Material::Simple { annotations, .. } | Material::Envelope { annotations, .. } => {
                annotations.clone()
            }
            _ => BTreeMap::new(),
        };
        let media_type = match material {
            Material::Notation { media_type, .. } => media_type.clone(),
            _ => String::new(),
        };
        Written {
            kind,
            bytes: bytes.clone(),
            annotations,
            media_type,
        }
    }
}

impl From<Written> for Material {
    fn from(written: Written) -> Material {
        let Written {
            kind,
            bytes,
            annotations,
            media_type,
        } = written;
        match kind {
            Kind::Bundle => Material::Bundle(bytes),
            Kind::AnyBundle => Material::AnyBundle(bytes),
            Kind::Simple => Material::Simple {
                payload: bytes,
                annotations,
            },
            Kind::Notation => Material::Notation {
                envelope: bytes,
                media_type,
                answers: Vec::new(),
            },
            Kind::OpenPgp => Material::OpenPgp(bytes),
            Kind::Envelope => Material::Envelope {
                envelope: bytes,
                annotations,
            },
        }
    }
}

pub(in crate::evidence) fn serialize<S: Serializer>(
    material: &Material,
    to: S,
) -> Result<S::Ok, S::Error> {
    Written::from(material).serialize(to)
}

pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Material, D::Error> {
    Written::deserialize(from).map(Material::from)
}
