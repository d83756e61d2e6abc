//! Images of a layout (OCI image-layout) and of what `docker save` writes.

use std::io::Read as _;

use serde::Deserialize;

use super::shelf::{MARK, Shelf};
use super::{LocalImage, LocalLayer, Place};
use crate::oci::{
    Descriptor, Digest, ImageConfig, ImageManifest, Index, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES,
    Manifest, Platform, media_type,
};

/// Most images of one place.
const MAX_IMAGES: usize = 64;
/// How deep indexes may stand in each other.
const MAX_DEPTH: usize = 3;
/// What a layer is that is packed in no way.
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// What containerd and the image layout call an image.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];

/// `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

pub(super) fn read(shelf: &Shelf, platform: &Platform) -> Result<Vec<LocalImage>, String> {
    let images = if shelf.place(MARK).is_some() {
        let bytes = shelf.read("index.json", MAX_MANIFEST_BYTES)?;
        let Ok(Manifest::Index(index)) = Manifest::parse(&bytes, Some(media_type::OCI_INDEX))
        else {
            return Err("its index.json is no image index".to_owned());
        };
        let mut images = Vec::new();
        of_index(shelf, &index, None, platform, 0, &mut images)?;
        images
    } else if shelf.place("manifest.json").is_some() {
        saved(shelf)?
    } else {
        return Err(format!(
            "neither {MARK} nor manifest.json is in it: no OCI layout, and not what docker save writes"
        ));
    };
    match images.len() {
        0 => Err(format!("no image for {} is in it", platform)),
        _ => Ok(images),
    }
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The images of an index that are for the platform, or that do not say for which they are.
fn of_index(
    shelf: &Shelf,
    index: &Index,
    name: Option<&str>,
    platform: &Platform,
    depth: usize,
    images: &mut Vec<LocalImage>,
) -> Result<(), String> {
    for entry in index
        .manifests
        .iter()
        .filter(|entry| !entry.is_attestation())
    {
        let foreign = |is: &Platform| !is.satisfies(platform);
        if entry.platform.as_ref().is_some_and(foreign) {
            continue;
        }
        let own = NAMES.iter().find_map(|key| entry.annotations.get(*key));
        let name = own.map(String::as_str).or(name);
        let bytes = verified(shelf, entry, MAX_MANIFEST_BYTES)?;
        let parsed = Manifest::parse(&bytes, Some(&entry.media_type));
        match parsed.map_err(|error| error.to_string())? {
            Manifest::Index(inner) if depth < MAX_DEPTH => {
                of_index(shelf, &inner, name, platform, depth + 1, images)?;
            }
            Manifest::Index(_) => return Err("indexes stand too deep in each other".to_owned()),
            Manifest::Image(image) if image.is_container() => {
                if images.len() == MAX_IMAGES {
                    return Err(format!("more than {MAX_IMAGES} images are in it"));
                }
                images.push(of_manifest(shelf, entry.digest, &image, name)?);
            }
            Manifest::Image(_) => {}
        }
    }
    Ok(())
}

fn verified(shelf: &Shelf, entry: &Descriptor, most: u64) -> Result<Vec<u8>, String> {
    let bytes = shelf.read(&blob(&entry.digest), most)?;
    match entry.digest.verifies(&bytes) {
        true => Ok(bytes),
        false => Err(format!(
            "what lies under {} is something else",
            entry.digest
        )),
    }
}

fn of_manifest(
    shelf: &Shelf,
    digest: Digest,
    image: &ImageManifest,
    name: Option<&str>,
) -> Result<LocalImage, String> {
    let config = verified(shelf, &image.config, MAX_CONFIG_BYTES)?;
    let layers = image.layers.iter().map(|layer| {
        let missing = || format!("its layer {} is not in it", layer.digest);
        Ok(LocalLayer {
            media_type: layer.media_type.clone(),
            digest: Some(layer.digest),
            bytes: shelf.place(&blob(&layer.digest)).ok_or_else(missing)?,
        })
    });
    Ok(LocalImage {
        name: name.map(str::to_owned),
        manifest: Some(digest),
        config_digest: image.config.digest,
        config: ImageConfig::parse(&config).map_err(|error| error.to_string())?,
        layers: layers.collect::<Result<_, String>>()?,
    })
}

fn saved(shelf: &Shelf) -> Result<Vec<LocalImage>, String> {
    let bytes = shelf.read("manifest.json", MAX_MANIFEST_BYTES)?;
    let saved: Vec<Saved> =
        serde_json::from_slice(&bytes).map_err(|error| format!("its manifest.json: {error}"))?;
    if saved.len() > MAX_IMAGES {
        return Err(format!("more than {MAX_IMAGES} images are in it"));
    }
    let image = |saved: Saved| {
        let config = shelf.read(&saved.config, MAX_CONFIG_BYTES)?;
        let layers = saved.layers.iter().map(|layer| {
            let missing = || format!("its layer {layer} is not in it");
            let bytes = shelf.place(layer).ok_or_else(missing)?;
            Ok(LocalLayer {
                media_type: sniffed(&bytes).map_err(|error| format!("{layer}: {error}"))?,
                digest: None,
                bytes,
            })
        });
        Ok(LocalImage {
            name: saved.repo_tags.into_iter().flatten().next(),
            manifest: None,
            config_digest: Digest::of(&config),
            config: ImageConfig::parse(&config).map_err(|error| error.to_string())?,
            layers: layers.collect::<Result<_, String>>()?,
        })
    };
    saved.into_iter().map(image).collect()
}

/// The type that a layer of `docker save` would have: it is said nowhere.
fn sniffed(bytes: &Place) -> std::io::Result<String> {
    let mut first = Vec::new();
    bytes.open()?.take(4).read_to_end(&mut first)?;
    let packed = match first.as_slice() {
        [0x1f, 0x8b, ..] => "+gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "+zstd",
        _ => "",
    };
    Ok(format!("{}{packed}", LAYER))
}
