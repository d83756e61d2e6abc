//! The allowed canary: an index of tiny images, the same bytes in every version of Lazaret.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::oci::{Digest, media_type};

/// What clients run on. One that is not here pulls nothing, which looks like a route that does not work.
const PLATFORMS: [(&str, Option<&str>); 8] = [
    ("386", None),
    ("amd64", None),
    ("arm", Some("v6")),
    ("arm", Some("v7")),
    ("arm64", Some("v8")),
    ("ppc64le", None),
    ("riscv64", None),
    ("s390x", None),
];
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const FILE: &str = "lazaret-canary";
const TEXT: &[u8] = b"This image came through Lazaret.\n";

/// Something of the canary that is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub media_type: &'static str,
    /// All of it.
    pub bytes: Bytes,
}

impl Served {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Served {
        Served {
            digest: Digest::of(&bytes),
            media_type,
            bytes: bytes.into(),
        }
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// The image.
#[derive(Debug)]
pub struct Image {
    /// What the tag is.
    pub index: Served,
    manifests: Vec<Served>,
    blobs: Vec<Served>,
}

impl Image {
    /// The index or a manifest of it.
    pub fn manifest(&self, digest: &Digest) -> Option<&Served> {
        let mut all = self.manifests.iter().chain([&self.index]);
        all.find(|one| one.digest == *digest)
    }

    /// A configuration or the layer.
    pub fn blob(&self, digest: &Digest) -> Option<&Served> {
        self.blobs.iter().find(|one| one.digest == *digest)
    }
}

/// The one image that there is.
pub fn image() -> &'static Image {
    static IMAGE: LazyLock<Image> = LazyLock::new(build);
    &IMAGE
}

fn build() -> Image {
    let tar = tarball();
    let layer = Served::new(LAYER, stored(&tar));
    let (mut manifests, mut blobs, mut entries) = (Vec::new(), vec![layer.clone()], Vec::new());
    for (architecture, variant) in PLATFORMS {
        let mut platform = json!({ "architecture": architecture, "os": "linux" });
        if let (Some(variant), Some(fields)) = (variant, platform.as_object_mut()) {
            fields.insert("variant".to_owned(), json!(variant));
        }
        let mut config = platform.clone();
        if let Some(fields) = config.as_object_mut() {
            fields.insert("created".to_owned(), json!("1970-01-01T00:00:00Z"));
            let user = json!({ "User": "65534:65534", "Cmd": [format!("/{FILE}")] });
            fields.insert("config".to_owned(), user);
            let layers = json!({ "type": "layers", "diff_ids": [Digest::of(&tar)] });
            fields.insert("rootfs".to_owned(), layers);
            let history =
                json!([{ "created": "1970-01-01T00:00:00Z", "created_by": "lazaret canary" }]);
            fields.insert("history".to_owned(), history);
        }
        let config = Served::new(media_type::OCI_CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": config.descriptor(),
            "layers": [layer.descriptor()],
        });
        let manifest = Served::new(media_type::OCI_MANIFEST, manifest.to_string().into_bytes());
        let mut entry = manifest.descriptor();
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("platform".to_owned(), platform);
        }
        entries.push(entry);
        blobs.push(config);
        manifests.push(manifest);
    }
    let index =
        json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries });
    Image {
        index: Served::new(media_type::OCI_INDEX, index.to_string().into_bytes()),
        manifests,
        blobs,
    }
}

/// One file. Writing to memory cannot fail.
fn tarball() -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(TEXT.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    let _ = archive.append_data(&mut header, FILE, TEXT);
    archive.into_inner().unwrap_or_default()
}

/// A gzip file (RFC 1952) with one stored block (RFC 1951, 3.2.4): what a compressor makes of the same bytes changes with
/// its version, and the digest with it.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(&sum.sum().to_le_bytes());
    out.extend_from_slice(&u32::from(length).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::oci::{ImageConfig, Manifest};

    #[test]
    fn it_is_an_image_whose_parts_fit() {
        let image = image();
        let Manifest::Index(index) = Manifest::parse(&image.index.bytes, None).unwrap() else {
            panic!("no index");
        };
        assert_eq!(index.manifests.len(), PLATFORMS.len());
        for entry in index.manifests {
            let manifest = image.manifest(&entry.digest).unwrap();
            assert_eq!(entry.size, manifest.bytes.len() as u64);
            let Manifest::Image(parts) = Manifest::parse(&manifest.bytes, None).unwrap() else {
                panic!("no image");
            };
            let config = image.blob(&parts.config.digest).unwrap();
            assert_eq!(config.bytes.len() as u64, parts.config.size);
            ImageConfig::parse(&config.bytes).unwrap();
            let config: Value = serde_json::from_slice(&config.bytes).unwrap();
            let layer = image.blob(&parts.layers[0].digest).unwrap();
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(&layer.bytes[..])
                .read_to_end(&mut tar)
                .unwrap();
            assert_eq!(
                config["rootfs"]["diff_ids"][0],
                Digest::of(&tar).to_string()
            );
            let mut archive = tar::Archive::new(&tar[..]);
            let mut file = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(file.path().unwrap().to_str(), Some(FILE));
            let mut text = Vec::new();
            file.read_to_end(&mut text).unwrap();
            assert_eq!(text, TEXT);
        }
    }

    #[test]
    fn its_bytes_do_not_change_with_what_it_is_built_by() {
        let digest = image().index.digest.to_string();
        assert_eq!(
            digest,
            "sha256:2248390e0a1ddd333971ce7fb408e8765e0c4a840fe340f6e794edf254bf3f3a"
        );
    }
}
