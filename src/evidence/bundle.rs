//! Advisories in one file: carried to machines without a network.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::advisories::{AdvisoryData, Exploitation, PARTIAL};
use crate::scan::{Ecosystem, Index};

/// The ending of the files that say when an index was fetched.
const FETCHED: &str = "fetched";
/// Most bytes of one file in a bundle: the largest index had 300 MB in 2026.
const MAX_FILE_BYTES: u64 = 8 << 30;
/// Most files of a bundle: an index and its time for each ecosystem, and what is known of exploitation.
const MAX_FILES: usize = 256;

/// What came of one part of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The ecosystem, or what is known of exploitation.
    pub what: String,
    /// Since when it is known.
    pub fetched: Timestamp,
    /// Whether it took the place of what was there; else that is as new.
    pub taken: bool,
}

impl AdvisoryData {
    /// Writes all that is there into one file, a tar. Waits for the disk.
    ///
    /// # Errors
    /// Why not, in a sentence; then there is no file.
    pub fn export(&self, to: &Path) -> Result<Vec<String>, String> {
        let current = self.current();
        if current.fetched.is_empty() {
            return Err("there are no advisories yet".to_owned());
        }
        let mut names = Vec::new();
        for ecosystem in current.fetched.keys() {
            let index = PathBuf::from(Ecosystem::named(ecosystem).index_file());
            names.extend([index.with_extension(FETCHED), index]);
        }
        names.extend(Exploitation::ALL.map(|what| what.file().into()));
        let passing = to.with_extension("tar.new");
        let written = self.pack(&names, &passing);
        match written.and_then(|()| fs::rename(&passing, to)) {
            Ok(()) => Ok(current.fetched.keys().cloned().collect()),
            Err(error) => {
                let _ = fs::remove_file(&passing);
                Err(format!("{}: {error}", to.display()))
            }
        }
    }

    fn pack(&self, names: &[PathBuf], to: &Path) -> io::Result<()> {
        let mut tar = tar::Builder::new(BufWriter::new(File::create(to)?));
        for name in names {
            let path = self.folder().join(name);
            if path.is_file() {
                tar.append_path_with_name(&path, name)?;
            }
        }
        let mut file = tar.into_inner()?;
        file.flush()?;
        file.get_ref().sync_all()
    }

    /// Takes from a bundle what is newer than what is there; every file is looked at before it is taken. Waits for the
    /// disk.
    ///
    /// # Errors
    /// Why not, in a sentence; what was taken before stays.
    pub fn unpack(&self, from: &Path) -> Result<Vec<Unpacked>, String> {
        let said = |error: io::Error| format!("{}: {error}", from.display());
        fs::create_dir_all(self.folder()).map_err(said)?;
        let passing = self
            .folder()
            .join(format!("{PARTIAL}-{:x}", fastrand::u128(..)));
        fs::create_dir(&passing).map_err(said)?;
        let taken = extract(from, &passing)
            .map_err(said)
            .and_then(|files| self.take(&passing, &files));
        let _ = fs::remove_dir_all(&passing);
        self.reread();
        taken
    }

    fn take(
        &self,
        passing: &Path,
        files: &BTreeMap<String, Timestamp>,
    ) -> Result<Vec<Unpacked>, String> {
        let mut done = Vec::new();
        for ecosystem in Ecosystem::known() {
            let name = Ecosystem::named(ecosystem).index_file();
            if !files.contains_key(&name) {
                continue;
            }
            let index = Index::open(&passing.join(&name)).map_err(|error| error.to_string())?;
            if index.header().ecosystem != *ecosystem {
                return Err(format!("{name} is that of {}", index.header().ecosystem));
            }
            let times = Path::new(&name).with_extension(FETCHED);
            let time = fs::read_to_string(passing.join(&times)).ok();
            let time = time.and_then(|time| time.trim().parse().ok());
            let fetched = time.unwrap_or(index.header().watermark);
            let newer = self
                .current()
                .fetched
                .get(*ecosystem)
                .is_none_or(|known| *known < fetched);
            if newer {
                let put = |name: &Path| fs::rename(passing.join(name), self.folder().join(name));
                put(Path::new(&name)).map_err(|error| format!("{name}: {error}"))?;
                fs::write(self.folder().join(&times), fetched.to_string())
                    .map_err(|error| format!("{}: {error}", times.display()))?;
            }
            done.push(Unpacked {
                what: (*ecosystem).to_owned(),
                fetched,
                taken: newer,
            });
        }
        for what in Exploitation::ALL {
            let Some(fetched) = files.get(what.file()).copied() else {
                continue;
            };
            let newer = self.exploited_at(what).is_none_or(|known| known < fetched);
            if newer {
                self.keep_exploited(what, &passing.join(what.file()))?;
            }
            done.push(Unpacked {
                what: what.as_str().to_owned(),
                fetched,
                taken: newer,
            });
        }
        match done.is_empty() {
            true => Err("no advisories are in it: lazaret db export makes such files".to_owned()),
            false => Ok(done),
        }
    }
}

/// The files of a bundle, whose names are ours or are passed over, with the times that they bear.
fn extract(from: &Path, to: &Path) -> io::Result<BTreeMap<String, Timestamp>> {
    let mut archive = tar::Archive::new(BufReader::new(File::open(from)?));
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let plain = !name.contains(['/', '\\']) && !name.starts_with('.');
        if !entry.header().entry_type().is_file() || !plain {
            continue;
        }
        if files.len() == MAX_FILES || entry.size() > MAX_FILE_BYTES {
            return Err(io::Error::other("it has more in it than any real one"));
        }
        let seconds = i64::try_from(entry.header().mtime()?).unwrap_or_default();
        let mut file = File::create_new(to.join(&name))?;
        io::copy(&mut entry.take(MAX_FILE_BYTES), &mut file)?;
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs());
        file.set_modified(time)?;
        files.insert(name, Timestamp::from_second(seconds).unwrap_or_default());
    }
    Ok(files)
}
