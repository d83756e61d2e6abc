//! Real documents of images, built from a few words.

use bytes::Bytes;
use lazaret::oci::{Descriptor, Digest, Platform, media_type};
use serde_json::{Value, json};

use super::shelf::Shelf;

/// An image to build. The default is one small OCI image for linux/amd64 that breaks no common rule.
#[derive(Clone, Debug)]
pub(crate) struct ImageSpec {
    /// One makes a plain manifest, several an index.
    pub(crate) platforms: Vec<&'static str>,
    pub(crate) user: &'static str,
    pub(crate) env: Vec<&'static str>,
    pub(crate) exposed: Vec<&'static str>,
    pub(crate) labels: Vec<(&'static str, &'static str)>,
    pub(crate) created: Option<&'static str>,
    pub(crate) layers: Vec<Vec<u8>>,
    /// Docker schema 2 in place of OCI.
    pub(crate) docker: bool,
    /// An index even for one platform, with an attestation manifest for each platform.
    pub(crate) attestations: bool,
    /// What the manifest says of every layer beside its bytes.
    pub(crate) dress: Dress,
}

/// What a manifest and a configuration say of layers; empty is the truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dress {
    pub(crate) media_type: Option<&'static str>,
    pub(crate) annotations: Vec<(&'static str, String)>,
    pub(crate) urls: Vec<String>,
    /// Of what is in a compressed layer.
    pub(crate) diff_id: Option<Digest>,
}

impl Default for ImageSpec {
    fn default() -> ImageSpec {
        ImageSpec {
            platforms: vec!["linux/amd64"],
            user: "1000",
            env: vec!["PATH=/usr/bin"],
            exposed: Vec::new(),
            labels: Vec::new(),
            created: Some("2026-01-01T00:00:00Z"),
            layers: vec![b"a layer".to_vec()],
            docker: false,
            attestations: false,
            dress: Dress::default(),
        }
    }
}

/// What a push made.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    /// The manifest or index that the tag points to.
    pub(crate) digest: Digest,
    pub(crate) descriptor: Descriptor,
    /// One a platform; attestation manifests are not among them.
    pub(crate) children: Vec<Child>,
}

#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) platform: Platform,
    pub(crate) manifest: Digest,
    pub(crate) config: Digest,
    pub(crate) layers: Vec<Digest>,
}

pub(super) fn push(shelf: &mut Shelf, repository: &str, spec: &ImageSpec) -> Pushed {
    let mut entries = Vec::new();
    let mut attestations = Vec::new();
    let mut children = Vec::new();
    for platform in &spec.platforms {
        let (entry, child) = push_child(shelf, repository, spec, platform.parse().unwrap());
        if spec.attestations {
            attestations.push(push_attestation(shelf, repository, &entry.digest));
        }
        entries.push(entry);
        children.push(child);
    }
    entries.extend(attestations);
    let descriptor = match entries.as_slice() {
        [only] => only.clone(),
        _ => {
            let kind = if spec.docker {
                media_type::DOCKER_LIST
            } else {
                media_type::OCI_INDEX
            };
            let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": entries });
            shelf.push_manifest(repository, kind, text(&index))
        }
    };
    Pushed {
        digest: descriptor.digest,
        descriptor,
        children,
    }
}

fn push_child(
    shelf: &mut Shelf,
    repository: &str,
    spec: &ImageSpec,
    platform: Platform,
) -> (Descriptor, Child) {
    let layers: Vec<Descriptor> = spec
        .layers
        .iter()
        .map(|layer| {
            let told = layer_type(spec.docker, layer);
            let kind = spec.dress.media_type.unwrap_or(told);
            let mut pushed = push_part(shelf, repository, kind, layer);
            pushed.urls = spec.dress.urls.clone();
            let notes = spec.dress.annotations.iter();
            pushed.annotations = notes
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect();
            pushed
        })
        .collect();
    let (kind, config_kind) = if spec.docker {
        (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG)
    } else {
        (media_type::OCI_MANIFEST, media_type::OCI_CONFIG)
    };
    let config = config(spec, &platform, &layers);
    let config = push_part(shelf, repository, config_kind, &text(&config));
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
    let mut entry = shelf.push_manifest(repository, kind, text(&manifest));
    entry.platform = Some(platform.clone());
    let child = Child {
        platform,
        manifest: entry.digest,
        config: config.digest,
        layers: layers.iter().map(|layer| layer.digest).collect(),
    };
    (entry, child)
}

fn config(spec: &ImageSpec, platform: &Platform, layers: &[Descriptor]) -> Value {
    let exposed: serde_json::Map<String, Value> = spec
        .exposed
        .iter()
        .map(|port| ((*port).to_owned(), json!({})))
        .collect();
    let labels: serde_json::Map<String, Value> = spec
        .labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    let diff_ids: Vec<Digest> = layers
        .iter()
        .map(|layer| spec.dress.diff_id.unwrap_or(layer.digest))
        .collect();
    let mut config = json!({
        "architecture": platform.architecture,
        "os": platform.os,
        "config": { "User": spec.user, "Env": spec.env, "ExposedPorts": exposed, "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    if let Some(variant) = &platform.variant {
        config["variant"] = json!(variant);
    }
    if let Some(created) = spec.created {
        config["created"] = json!(created);
    }
    config
}

fn layer_type(docker: bool, layer: &[u8]) -> &'static str {
    match (docker, layer.starts_with(&[0x1f, 0x8b])) {
        (true, true) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        (true, false) => "application/vnd.docker.image.rootfs.diff.tar",
        (false, true) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (false, false) => "application/vnd.oci.image.layer.v1.tar",
    }
}

/// As BuildKit writes it: an image manifest for `unknown/unknown` with an in-toto layer.
fn push_attestation(shelf: &mut Shelf, repository: &str, subject: &Digest) -> Descriptor {
    let statement = json!({ "_type": "https://in-toto.io/Statement/v0.1", "subject": [{ "digest": { "sha256": subject.hex() } }] });
    let layer = push_part(
        shelf,
        repository,
        "application/vnd.in-toto+json",
        &text(&statement),
    );
    let config = json!({ "architecture": "unknown", "os": "unknown", "config": {}, "rootfs": { "type": "layers", "diff_ids": [layer.digest] } });
    let config = push_part(shelf, repository, media_type::OCI_CONFIG, &text(&config));
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": [layer] });
    let mut entry = shelf.push_manifest(repository, media_type::OCI_MANIFEST, text(&manifest));
    entry.platform = Some("unknown/unknown".parse().unwrap());
    let annotations = [
        (
            "vnd.docker.reference.type",
            "attestation-manifest".to_owned(),
        ),
        ("vnd.docker.reference.digest", subject.to_string()),
    ];
    entry.annotations = annotations
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    entry
}

pub(super) fn push_referrer(
    shelf: &mut Shelf,
    repository: &str,
    subject: &Descriptor,
    artifact_type: &str,
    content: &[u8],
) -> Descriptor {
    let layer = push_part(shelf, repository, artifact_type, content);
    let empty = "application/vnd.oci.empty.v1+json";
    let config = push_part(shelf, repository, empty, b"{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": artifact_type,
        "config": config, "layers": [layer], "subject": subject,
    });
    let mut entry = shelf.push_manifest(repository, media_type::OCI_MANIFEST, text(&manifest));
    entry.artifact_type = Some(artifact_type.to_owned());
    refer(shelf, repository, &subject.digest, &entry);
    entry
}

/// Lists `entry` as a referrer of `subject`, in the way that the registry has.
pub(super) fn refer(shelf: &mut Shelf, repository: &str, subject: &Digest, entry: &Descriptor) {
    if shelf.referrers_api {
        let key = (repository.to_owned(), *subject);
        shelf.referrers.entry(key).or_default().push(entry.clone());
    } else {
        push_fallback(shelf, repository, subject, entry);
    }
}

/// The referrers tag schema: an index behind the tag `sha256-<hex>`.
fn push_fallback(shelf: &mut Shelf, repository: &str, subject: &Digest, entry: &Descriptor) {
    let tag = subject.to_string().replace(':', "-");
    let tags = shelf.tags.entry(repository.to_owned()).or_default();
    let old = tags
        .get(&tag)
        .map(|digest| (repository.to_owned(), *digest));
    let old = old.and_then(|key| shelf.manifests.get(&key));
    let mut entries = old.map_or(Vec::new(), |(_, bytes)| {
        let index: Value = serde_json::from_slice(bytes).unwrap();
        index["manifests"].as_array().unwrap().clone()
    });
    entries.push(json!(entry));
    let index =
        json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries });
    let pushed = shelf.push_manifest(repository, media_type::OCI_INDEX, text(&index));
    let tags = shelf.tags.entry(repository.to_owned()).or_default();
    tags.insert(tag, pushed.digest);
}

fn push_part(shelf: &mut Shelf, repository: &str, kind: &str, content: &[u8]) -> Descriptor {
    shelf.push_blob(repository, Bytes::copy_from_slice(content));
    Descriptor::of(kind, content)
}

fn text(value: &Value) -> Bytes {
    value.to_string().into()
}
