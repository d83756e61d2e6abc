//! Images that lie on this machine: layouts, archives, folders. They are read where they are; nothing is unpacked.

mod folder;
mod image;
mod shelf;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::oci::{Digest, ImageConfig, Platform};

/// An image, or a file system that is no image.
#[derive(Clone, Debug)]
pub struct LocalImage {
    /// What it is called where it lies, if anything.
    pub name: Option<String>,
    /// Of its manifest, where it has one.
    pub manifest: Option<Digest>,
    /// Of its configuration; of nothing where it has none.
    pub config_digest: Digest,
    /// Its configuration.
    pub config: ImageConfig,
    /// Base first.
    pub(super) layers: Vec<LocalLayer>,
}

/// A layer of such an image.
#[derive(Clone, Debug)]
pub(super) struct LocalLayer {
    pub(super) media_type: String,
    /// What its bytes must hash to; none where nothing says.
    pub(super) digest: Option<Digest>,
    pub(super) bytes: Place,
}

/// Where bytes lie.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A part of a file.
    File {
        path: PathBuf,
        offset: u64,
        size: u64,
    },
    /// A folder, to be read as if it were a layer.
    Folder(PathBuf),
}

impl Place {
    /// Begins to read; waits for the disk.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Place::File { path, offset, size } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(*offset))?;
                Ok(Box::new(file.take(*size)))
            }
            Place::Folder(path) => folder::read(path),
        }
    }
}

/// What lies at `path`: an OCI layout (a folder, or in a tar), what `docker save` writes, or a root file system.
/// `scratch` is a folder for what must be unpacked to be looked into. Waits for the disk.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn open_local(
    path: &Path,
    platform: &Platform,
    scratch: &Path,
) -> Result<Vec<LocalImage>, String> {
    let shelf = shelf::Shelf::open(path, scratch)?;
    match shelf {
        Some(shelf) => image::read(&shelf, platform),
        None => Ok(vec![folder::image(path, platform)]),
    }
}
