//! Files with the hashes of tokens.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::wire::{Trouble, about};

/// Puts a text in the file's place: whole, or not at all.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), Trouble> {
    let beside = file.with_extension("new");
    // Whoever can read the hashes can do nothing with them; whoever can write them can let anybody in.
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&beside);
    let mut opened = opened.map_err(about(&beside))?;
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(about(&beside))?;
    std::fs::rename(&beside, file).map_err(about(file))
}
