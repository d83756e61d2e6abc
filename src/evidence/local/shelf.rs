//! Named files of a layout: in a folder, or in a tar that is not unpacked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::Place;

/// Most entries of an archive: an image has two for each layer.
const MAX_ENTRIES: usize = 100_000;
/// Largest archive that is unpacked from gzip.
const MAX_UNPACKED: u64 = 64 << 30;
/// How gzip begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What makes a folder a layout (OCI image-layout).
pub(super) const MARK: &str = "oci-layout";

pub(super) enum Shelf {
    Folder(PathBuf),
    Archive {
        file: PathBuf,
        /// Where in the file, and how long.
        entries: BTreeMap<String, (u64, u64)>,
    },
}

impl Shelf {
    /// None for a folder that is no layout.
    pub(super) fn open(path: &Path, scratch: &Path) -> Result<Option<Shelf>, String> {
        let about = fs::metadata(path).map_err(|error| error.to_string())?;
        if about.is_dir() {
            let layout = path.join(MARK).is_file();
            return Ok(layout.then(|| Shelf::Folder(path.to_owned())));
        }
        archive(path, scratch).map(Some)
    }

    pub(super) fn place(&self, name: &str) -> Option<Place> {
        match self {
            Shelf::Folder(folder) => {
                let path = folder.join(name);
                let size = fs::metadata(&path)
                    .ok()
                    .filter(fs::Metadata::is_file)?
                    .len();
                Some(Place::File {
                    path,
                    offset: 0,
                    size,
                })
            }
            Shelf::Archive { file, entries } => {
                let (offset, size) = *entries.get(name)?;
                Some(Place::File {
                    path: file.clone(),
                    offset,
                    size,
                })
            }
        }
    }

    /// A whole small file.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, String> {
        let place = self
            .place(name)
            .ok_or_else(|| format!("{name} is not in it"))?;
        let failed = |error: io::Error| format!("{name}: {error}");
        let mut bytes = Vec::new();
        let reader = place.open().map_err(failed)?;
        reader
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        match bytes.len() as u64 > most {
            true => Err(format!("{name} has more than {most} bytes")),
            false => Ok(bytes),
        }
    }
}

fn archive(path: &Path, scratch: &Path) -> Result<Shelf, String> {
    let failed = |error: io::Error| format!("no archive of an image: {error}");
    let mut file = unpacked(path, scratch).map_err(failed)?;
    let mut archive = tar::Archive::new(BufReader::new(File::open(&file).map_err(failed)?));
    let mut entries = BTreeMap::new();
    let mut links = Vec::new();
    for entry in archive.entries_with_seek().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?;
        let name = name.to_string_lossy().trim_start_matches("./").to_owned();
        if entries.len() + links.len() == MAX_ENTRIES {
            return Err(format!("an archive with more than {MAX_ENTRIES} entries"));
        }
        let kind = entry.header().entry_type();
        if kind.is_file() {
            entries.insert(name, (entry.raw_file_position(), entry.size()));
        } else if let (true, Ok(Some(to))) = (kind.is_symlink(), entry.link_name()) {
            links.push((name, to.to_string_lossy().into_owned()));
        }
    }
    // `docker save` before 25 writes a layer once and links to it: `../OTHER/layer.tar`.
    for (name, to) in links {
        let target = to.trim_start_matches("../");
        if let Some(place) = entries.get(target).copied() {
            entries.entry(name).or_insert(place);
        }
    }
    file = fs::canonicalize(&file).map_err(failed)?;
    Ok(Shelf::Archive { file, entries })
}

/// The archive itself, or what is in it where it is packed.
fn unpacked(path: &Path, scratch: &Path) -> io::Result<PathBuf> {
    let mut file = File::open(path)?;
    let mut first = [0; 2];
    let packed = file.read_exact(&mut first).is_ok() && first == GZIP;
    if !packed {
        return Ok(path.to_owned());
    }
    fs::create_dir_all(scratch)?;
    let whole = scratch.join(format!("archive-{:x}.tar", fastrand::u64(..)));
    let mut reader = GzDecoder::new(File::open(path)?).take(MAX_UNPACKED + 1);
    let written = io::copy(&mut reader, &mut File::create(&whole)?)?;
    match written > MAX_UNPACKED {
        true => Err(io::Error::other("it unpacks to more than any real image")),
        false => Ok(whole),
    }
}
