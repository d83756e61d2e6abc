//! Image manifests and indexes, OCI 1.1 and Docker schema 2
//! (OCI image-spec manifest.md and image-index.md; distribution manifest-v2-2.md).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::descriptor::null_is_empty;
use super::{Descriptor, json};

/// Largest manifest in bytes: the distribution-spec asks for 4 MiB, containerd refuses slightly more.
pub const MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;
/// Most layers of one image: overlayfs stops at 128 mounts, artifacts rarely pass a hundred.
const MAX_LAYERS: usize = 1_000;
/// Most manifests of one index: official images have about 20 with attestations.
const MAX_CHILDREN: usize = 1_000;

/// Every key that we or a client reads in a manifest, index or descriptor.
const KEYS: [&str; 21] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "os",
    "os.version",
    "os.features",
    "architecture",
    "variant",
    "features",
    "fsLayers",
    "signatures",
];

/// Media types of manifests and their parts.
pub mod media_type {
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image configuration.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list, schema 2.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image configuration.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// All four manifest types, in the order that we prefer.
    pub const MANIFESTS: [&str; 4] = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST];
}

/// A parsed manifest.
#[expect(
    clippy::large_enum_variant,
    reason = "made once a manifest and never kept in bulk"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image (or artifact).
    Image(ImageManifest),
    /// A list of images, one a platform.
    Index(Index),
}

/// An image: a configuration and layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// Type of this manifest.
    pub media_type: &'static str,
    /// The image configuration, or an artifact's.
    pub config: Descriptor,
    /// Layers, base first.
    pub layers: Vec<Descriptor>,
    /// What this manifest is about, when it is a referrer.
    pub subject: Option<Descriptor>,
    /// Type of the artifact, when it is one.
    pub artifact_type: Option<String>,
    /// Free text by key.
    pub annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// Whether a client could run this: the configuration is a container's and a layer may be a file system.
    /// cosign keeps signatures under a container's configuration type, with documents as layers.
    pub fn is_container(&self) -> bool {
        let document = |layer: &Descriptor| {
            layer.media_type.ends_with("+json") || layer.media_type.starts_with("text/")
        };
        let config = [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG]
            .contains(&self.config.media_type.as_str());
        config && (self.layers.is_empty() || !self.layers.iter().all(document))
    }
}

/// A list of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Type of this index.
    pub media_type: &'static str,
    /// The manifests in their order.
    pub manifests: Vec<Descriptor>,
    /// What this index is about, when it is a referrer.
    pub subject: Option<Descriptor>,
    /// Free text by key.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    /// Schema 1's layers: containerd takes a document that has them for schema 1.
    fs_layers: Option<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "null_is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Parses a manifest as served with `content_type` (parameters are ignored), or as found on disk (`None`).
    ///
    /// # Errors
    /// [`ManifestError`] says what is wrong; it is always the upstream's side.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Manifest, ManifestError> {
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge);
        }
        json::check_unambiguous(bytes, &KEYS).map_err(|e| ManifestError::NotJson(e.to_string()))?;
        let version: Version =
            serde_json::from_slice(bytes).map_err(|e| ManifestError::Malformed(e.to_string()))?;
        if version.schema_version == 1 {
            return Err(ManifestError::Schema1);
        }
        let raw: Raw =
            serde_json::from_slice(bytes).map_err(|e| ManifestError::Malformed(e.to_string()))?;
        if raw.fs_layers.is_some() {
            return Err(ManifestError::Schema1);
        }
        let media_type = agreed_type(&raw, content_type)?;
        build(raw, media_type)
    }

    /// Type to serve this manifest as.
    pub fn media_type(&self) -> &'static str {
        match self {
            Manifest::Image(image) => image.media_type,
            Manifest::Index(index) => index.media_type,
        }
    }

    /// What this manifest is about, when it is a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Manifest::Image(image) => image.subject.as_ref(),
            Manifest::Index(index) => index.subject.as_ref(),
        }
    }

    /// All that this manifest points to directly: configuration and layers, or children.
    pub fn references(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, list) = match self {
            Manifest::Image(image) => (Some(&image.config), &image.layers),
            Manifest::Index(index) => (None, &index.manifests),
        };
        config.into_iter().chain(list)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: u64,
}

/// The type by the document, by its shape and by the header must be one, or clients would disagree about it.
fn agreed_type(raw: &Raw, content_type: Option<&str>) -> Result<&'static str, ManifestError> {
    let known = |name: &str| {
        media_type::MANIFESTS
            .into_iter()
            .find(|known| *known == name)
    };
    let served = content_type.map(|header| {
        header
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    });
    let name = match (raw.media_type.as_deref(), served.as_deref()) {
        (Some(own), Some(served)) if own != served && known(served).is_some() => {
            return Err(ManifestError::TypeConfusion {
                document: own.to_owned(),
                header: served.to_owned(),
            });
        }
        (Some(own), _) => known(own).ok_or_else(|| ManifestError::UnknownType(own.to_owned()))?,
        // Only the OCI types may omit the field; a generic header leaves the shape to tell.
        (None, Some(served))
            if known(served).is_some_and(|name| name.starts_with("application/vnd.docker.")) =>
        {
            return Err(ManifestError::Malformed(
                "a Docker manifest without mediaType".to_owned(),
            ));
        }
        (None, served) => {
            let by_shape = if raw.manifests.is_some() {
                media_type::OCI_INDEX
            } else {
                media_type::OCI_MANIFEST
            };
            match served {
                Some(served) if known(served).is_some_and(|name| name != by_shape) => {
                    return Err(ManifestError::TypeConfusion {
                        document: by_shape.to_owned(),
                        header: served.to_owned(),
                    });
                }
                Some(served) if known(served).is_none() && !served.contains("json") => {
                    return Err(ManifestError::UnknownType(served.to_owned()));
                }
                _ => by_shape,
            }
        }
    };
    Ok(name)
}

/// Clients walk by media type: they would follow such a "layer" to content that nobody judged.
fn is_manifest(part: &Descriptor) -> bool {
    let bare = part.media_type.split(';').next().unwrap_or_default();
    let same = |known: &str| bare.trim().eq_ignore_ascii_case(known);
    media_type::MANIFESTS.into_iter().any(same)
}

fn build(raw: Raw, media_type: &'static str) -> Result<Manifest, ManifestError> {
    if raw.schema_version != 2 {
        return Err(ManifestError::Malformed(format!(
            "schemaVersion is {}, must be 2",
            raw.schema_version
        )));
    }
    let parts = raw.config.iter().chain(raw.layers.iter().flatten());
    if let Some(part) = parts.into_iter().find(|part| is_manifest(part)) {
        return Err(ManifestError::Malformed(format!(
            "{} is called {:?}, but an image holds no manifests",
            part.digest, part.media_type
        )));
    }
    let index = [media_type::OCI_INDEX, media_type::DOCKER_LIST].contains(&media_type);
    match (index, raw.config, raw.layers, raw.manifests) {
        (true, None, None, Some(manifests)) if manifests.len() <= MAX_CHILDREN => {
            Ok(Manifest::Index(Index {
                media_type,
                manifests,
                subject: raw.subject,
                annotations: raw.annotations,
            }))
        }
        (false, Some(config), Some(layers), None) if layers.len() <= MAX_LAYERS => {
            Ok(Manifest::Image(ImageManifest {
                media_type,
                config,
                layers,
                subject: raw.subject,
                artifact_type: raw.artifact_type,
                annotations: raw.annotations,
            }))
        }
        (true, None, None, Some(_)) => Err(ManifestError::TooMany {
            what: "manifests",
            most: MAX_CHILDREN,
        }),
        (false, Some(_), Some(_), None) => Err(ManifestError::TooMany {
            what: "layers",
            most: MAX_LAYERS,
        }),
        _ => Err(ManifestError::Malformed(
            "an image has config and layers, an index has manifests, nothing has both".to_owned(),
        )),
    }
}

/// Why a document is no manifest that we judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST_BYTES`].
    TooLarge,
    /// Not JSON, nested too deep, or ambiguous.
    NotJson(String),
    /// JSON of another shape.
    Malformed(String),
    /// Docker image manifest schema 1: signed by nobody in particular, digest not of the bytes; retired.
    Schema1,
    /// A type that is neither image nor index.
    UnknownType(String),
    /// Header and document disagree.
    TypeConfusion {
        /// The document's own type.
        document: String,
        /// The type of the `Content-Type` header.
        header: String,
    },
    /// More entries than we look at.
    TooMany {
        /// Which list.
        what: &'static str,
        /// The bound.
        most: usize,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManifestError::TooLarge => write!(f, "the manifest is larger than {MAX_MANIFEST_BYTES} bytes"),
            ManifestError::NotJson(why) => write!(f, "the manifest is not plain JSON: {why}"),
            ManifestError::Malformed(why) => write!(f, "the manifest is malformed: {why}"),
            ManifestError::Schema1 => f.write_str(
                "the manifest is Docker schema 1, a retired format whose digest does not cover the image; ask its publisher to rebuild it",
            ),
            ManifestError::UnknownType(name) => write!(f, "{name:?} is no manifest type that can be judged"),
            ManifestError::TypeConfusion { document, header } => {
                write!(f, "the manifest calls itself {document:?} but was served as {header:?}")
            }
            ManifestError::TooMany { what, most } => write!(f, "the manifest lists more than {most} {what}"),
        }
    }
}

impl std::error::Error for ManifestError {}

#[cfg(test)]
mod tests;
