//! An image as a folder that scanners read (OCI image-layout 1.0), in a place of its own that goes with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::Asked;
use crate::evidence::Content;
use crate::oci::{Descriptor, Digest, MAX_CONFIG_BYTES, Manifest, Repository};

/// What is older was left behind by a server that was killed: no question takes so long.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// A folder for one question; it goes when this does.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// In `folder`, which is best on the store's file system: layers are linked into it and not copied.
    pub(super) fn new(folder: &Path) -> io::Result<Scratch> {
        let own = folder.join(format!("{:016x}", fastrand::u64(..)));
        fs::create_dir_all(own.join("tmp"))?;
        Ok(Scratch(own))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn layout(&self) -> PathBuf {
        self.0.join("layout")
    }

    pub(super) fn bill(&self) -> PathBuf {
        self.0.join("bill.cdx.json")
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a scanner's folder cannot be removed");
        }
    }
}

/// Removes what a server left behind that was killed.
pub(super) fn tidy(folder: &Path) {
    let left = fs::read_dir(folder).into_iter().flatten().flatten();
    let old = left.filter(|entry| {
        let made = entry.metadata().and_then(|about| about.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
    });
    for entry in old {
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(folder = %entry.path().display(), %error, "a scanner's folder cannot be removed");
        }
    }
}

/// Writes the image and the bill of its material.
pub(super) async fn write(scratch: &Scratch, asked: &Asked) -> Result<(), String> {
    let (content, home) = (&asked.content, &asked.repository);
    let (bytes, manifest) = content
        .manifest(home, &asked.manifest)
        .await
        .map_err(|error| error.to_string())?;
    let config = &asked.image.config;
    let small = content.small(home, config, MAX_CONFIG_BYTES).await;
    let small = small.map_err(|error| error.to_string())?;
    let folder = scratch.layout();
    let failed = |error: io::Error| format!("its folder cannot be written: {error}");
    let blob = |digest: &Digest| {
        folder
            .join("blobs")
            .join(digest.algorithm().name())
            .join(digest.hex())
    };
    let put = |digest: &Digest, bytes: &[u8]| {
        let file = blob(digest);
        fs::create_dir_all(file.parent().unwrap_or(&folder))?;
        fs::write(file, bytes)
    };
    put(&asked.manifest, &bytes).map_err(failed)?;
    put(&config.digest, &small).map_err(failed)?;
    for layer in &asked.image.layers {
        place(content, home, layer, &blob(&layer.digest)).await?;
    }
    let index = index(asked, &manifest, bytes.len());
    fs::write(folder.join("index.json"), index.to_string()).map_err(failed)?;
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .map_err(failed)?;
    fs::write(scratch.bill(), asked.bill.to_string()).map_err(failed)
}

fn index(asked: &Asked, manifest: &Manifest, size: usize) -> serde_json::Value {
    let platform = &asked.platform;
    json!({
        "schemaVersion": 2,
        "mediaType": crate::oci::media_type::OCI_INDEX,
        "manifests": [{
            "mediaType": manifest.media_type(),
            "digest": asked.manifest,
            "size": size,
            "platform": { "os": platform.os, "architecture": platform.architecture },
        }],
    })
}

/// A link to the store's file; a copy of what arrives where it has none: it was evicted, or has all bytes and no name yet.
async fn place(
    content: &Content,
    home: &Repository,
    layer: &Descriptor,
    file: &Path,
) -> Result<(), String> {
    let failed = |error: io::Error| format!("its folder cannot be written: {error}");
    fs::create_dir_all(file.parent().unwrap_or(file)).map_err(failed)?;
    match content.store().link(&layer.digest, file) {
        // The same layer twice.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        linked => return linked.map_err(failed),
    }
    let reading = content.layer(home, layer).await;
    let mut reading = reading.map_err(|error| error.to_string())?;
    let mut copy = tokio::fs::File::create(file).await.map_err(failed)?;
    while let Some(piece) = reading.chunk().await {
        let piece = piece.map_err(|error| error.to_string())?;
        copy.write_all(&piece).await.map_err(failed)?;
    }
    copy.flush().await.map_err(failed)
}
