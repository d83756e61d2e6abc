//! A folder as the layer that it would be.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tar::{Builder, EntryType, Header};

use super::image::LAYER;
use super::{LocalImage, LocalLayer, Place};
use crate::oci::{Digest, ImageConfig, Platform};

/// Pieces that wait for their reader.
const PIECES_AHEAD: usize = 8;
/// Bytes of a piece.
const PIECE: usize = 256 * 1024;

/// A root file system, as an image of one layer.
pub(super) fn image(path: &Path, platform: &Platform) -> LocalImage {
    LocalImage {
        name: Some(path.display().to_string()),
        manifest: None,
        config_digest: Digest::of(b""),
        config: ImageConfig {
            created: None,
            platform: platform.clone(),
            container: Default::default(),
            diff_ids: Vec::new(),
            history: Vec::new(),
        },
        layers: vec![LocalLayer {
            media_type: LAYER.to_owned(),
            digest: None,
            bytes: Place::Folder(path.to_owned()),
        }],
    }
}

/// The folder as a tar, made while it is read.
pub(super) fn read(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let (pieces, arriving) = sync_channel(PIECES_AHEAD);
    let root = path.to_owned();
    let writing = std::thread::Builder::new().name("folder".to_owned());
    writing.spawn(move || {
        let told = pieces.clone();
        if let Err(error) = write(&root, pieces) {
            let _ = told.send(Err(error));
        }
    })?;
    Ok(Box::new(Pieces {
        arriving,
        piece: io::Cursor::default(),
    }))
}

/// What is mounted into it is not its own: other file systems are left out, as are sockets and devices.
fn write(root: &Path, pieces: SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let to = io::BufWriter::with_capacity(PIECE, Sending(pieces));
    let mut tar = Builder::new(to);
    let device = fs::metadata(root)?.dev();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let mut entries: Vec<_> = fs::read_dir(root.join(&folder))
            .map_err(about(&root.join(&folder)))?
            .collect::<io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, whole) = (folder.join(entry.file_name()), entry.path());
            let found = fs::symlink_metadata(&whole).map_err(about(&whole))?;
            let mut header = Header::new_gnu();
            header.set_metadata(&found);
            if found.is_dir() {
                header.set_size(0);
                tar.append_data(&mut header, &path, io::empty())?;
                if found.dev() == device {
                    waiting.push(path);
                }
            } else if found.is_symlink() {
                header.set_size(0);
                header.set_entry_type(EntryType::Symlink);
                tar.append_link(&mut header, &path, fs::read_link(&whole)?)?;
            } else if found.is_file() {
                let file = File::open(&whole).map_err(about(&whole))?;
                header.set_size(found.len());
                tar.append_data(&mut header, &path, Exactly(file, found.len()))?;
            }
        }
    }
    tar.into_inner()?.flush()
}

fn about(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// So many bytes of a file: one that grows is cut, one that shrinks is an error.
struct Exactly(File, u64);

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.1)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.0.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 && self.1 > 0 && most > 0 {
            return Err(io::Error::other("a file became shorter while it was read"));
        }
        self.1 -= read as u64;
        Ok(read)
    }
}

struct Sending(SyncSender<io::Result<Vec<u8>>>);

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::other("nobody reads any more");
        self.0.send(Ok(bytes.to_vec())).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Pieces {
    arriving: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.arriving.recv() {
                Ok(piece) => self.piece = io::Cursor::new(piece?),
                Err(_) => return Ok(0),
            }
        }
    }
}
