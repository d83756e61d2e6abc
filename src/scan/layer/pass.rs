//! The pass itself: every entry once, in the order of the archive.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use super::executable::Executable;
use super::facts::{Counts, FACTS_VERSION, Found, Gap, Gaps, LayerFacts, MAX_GAPS};
use super::header::Type;
use super::inflate::{Compression, Inflated};
use super::path::{Name, Paths, above, normal};
use super::tar::{Entry, Tar};
use super::toc::{Toc, TocCheck};
use super::{Bomb, Limits, Unscannable};
use crate::scan::catalogue::{
    Item, Kind, Malformed, System, Wanted, read_database, read_java, read_manifest, read_sqlite,
    towards_database, wanted,
};

/// What marks a name that removes another (OCI image-spec, layer.md "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// What marks a directory that hides all of lower layers (layer.md "Opaque Whiteout").
const OPAQUE: &str = ".wh..wh..opq";
/// Names of aufs's own bookkeeping, which clients skip.
const BOOKKEEPING: &str = ".wh..wh.";
/// What an entry costs to keep beside its text: more than any of our structures.
const KEPT_OVERHEAD_BYTES: u64 = 64;

/// Reads a layer of `media_type` to its end and says what it holds. `toc` is what the manifest's annotations name for
/// lazy loading. The bytes' digest is the caller's to verify.
///
/// # Errors
///
/// [`Unscannable`] with the reason; all but one of its reasons are for good.
pub fn read_layer(
    media_type: &str,
    toc: Option<Toc>,
    bytes: impl Read,
    limits: &Limits,
) -> Result<LayerFacts, Unscannable> {
    let compression = Compression::of(media_type)?;
    let toc = toc.map(TocCheck::new).transpose()?;
    let mut tar = Tar::new(Inflated::open(compression, bytes, limits)?, limits);
    let mut pass = Pass::new(limits, toc);
    while let Some(entry) = tar.next()? {
        pass.entry(&entry, &mut tar)?;
    }
    pass.finish(tar.into_bytes())
}

/// What is known so far.
struct Pass<'a> {
    limits: &'a Limits,
    toc: Option<TocCheck>,
    counts: Counts,
    systems: BTreeMap<String, System>,
    found: Vec<Found>,
    links: BTreeMap<String, String>,
    removed: Vec<String>,
    emptied: Vec<String>,
    paths: Paths,
    setuid: Vec<String>,
    gaps: Gaps,
    /// Databases, and what must be one file, by path.
    databases: HashSet<String>,
    /// SQLite databases and their logs wait for each other: folder, then database and log.
    sqlite: BTreeMap<String, (Option<Vec<u8>>, Option<Vec<u8>>)>,
    kept_bytes: u64,
}

impl<'a> Pass<'a> {
    fn new(limits: &'a Limits, toc: Option<TocCheck>) -> Pass<'a> {
        Pass {
            limits,
            toc,
            counts: Counts::default(),
            systems: BTreeMap::new(),
            found: Vec::new(),
            links: BTreeMap::new(),
            removed: Vec::new(),
            emptied: Vec::new(),
            paths: Paths::default(),
            setuid: Vec::new(),
            gaps: Gaps::default(),
            databases: HashSet::new(),
            sqlite: BTreeMap::new(),
            kept_bytes: 0,
        }
    }

    fn entry(&mut self, entry: &Entry, tar: &mut Tar<'_>) -> Result<(), Unscannable> {
        self.counts.entries += 1;
        if self.counts.entries > self.limits.entries {
            return Err(Unscannable::Bomb(Bomb::Entries));
        }
        let name = normal(&entry.name)?;
        if self.whiteout(&name)? {
            if let Some(toc) = &mut self.toc {
                toc.file(&name.path, 0, &TocCheck::hasher().finish());
            }
            return Ok(());
        }
        self.paths.add(&name.path, entry.kind == Type::Directory);
        let wanted = wanted(&name.path);
        if wanted.is_some_and(Wanted::is_database) && entry.kind != Type::Directory {
            self.database_name(&name)?;
        }
        match entry.kind {
            Type::File => {
                self.counts.files += 1;
                self.file(entry, name.path, wanted, tar)?;
            }
            Type::Symlink => self.link(entry, name.path)?,
            Type::HardLink => self.hard_link(entry, &name.path, wanted)?,
            _ if wanted.is_some_and(Wanted::is_database) => {
                return Err(Unscannable::Database {
                    path: name.path,
                    why: Malformed("it is not a file"),
                });
            }
            _ => {
                if let Some(toc) = &mut self.toc {
                    toc.bare(&name.path, entry.kind);
                }
            }
        }
        Ok(())
    }

    /// Takes note of a whiteout; `true` if the entry is nothing else.
    fn whiteout(&mut self, name: &Name) -> Result<bool, Unscannable> {
        let path = name.path.as_str();
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(gone) = file.strip_prefix(WHITEOUT) else {
            return Ok(false);
        };
        if file == OPAQUE {
            self.keep(folder)?;
            self.emptied.push(folder.to_owned());
        } else if !file.starts_with(BOOKKEEPING) {
            if matches!(gone, "" | "." | "..") || !name.exact {
                return Err(Unscannable::Path {
                    path: path.to_owned(),
                    why: "removes what cannot be named",
                });
            }
            let separator = if folder.is_empty() { "" } else { "/" };
            let gone = format!("{folder}{separator}{gone}");
            self.keep(&gone)?;
            self.removed.push(gone);
        }
        Ok(true)
    }

    /// A database has one name in a layer, and no client may take another file for it.
    fn database_name(&mut self, name: &Name) -> Result<(), Unscannable> {
        let wrong = |why| Unscannable::Path {
            path: name.path.clone(),
            why,
        };
        if name.absolute {
            return Err(wrong("is a package database named from the root"));
        }
        if above(&name.path).any(|folder| self.links.contains_key(folder)) {
            return Err(wrong("is a package database below a link of its own layer"));
        }
        if !self.databases.insert(name.path.clone()) {
            return Err(Unscannable::Duplicate(name.path.clone()));
        }
        Ok(())
    }

    fn link(&mut self, entry: &Entry, path: String) -> Result<(), Unscannable> {
        let target = String::from_utf8_lossy(&entry.link).into_owned();
        if let Some(toc) = &mut self.toc {
            toc.link(&path, Type::Symlink, &target);
        }
        if towards_database(&path) {
            let below = |database: &String| above(database).any(|folder| folder == path);
            if self.databases.iter().any(below) {
                return Err(Unscannable::Path {
                    path,
                    why: "is a link above a package database of its own layer",
                });
            }
            self.keep(&path)?;
            self.keep(&target)?;
            self.links.insert(path, target);
        }
        Ok(())
    }

    fn hard_link(
        &mut self,
        entry: &Entry,
        path: &str,
        wanted: Option<Wanted>,
    ) -> Result<(), Unscannable> {
        let target = normal(&entry.link)?.path;
        if let Some(toc) = &mut self.toc {
            toc.link(path, Type::HardLink, &target);
        }
        if wanted.is_some_and(Wanted::is_database) {
            return Err(Unscannable::Path {
                path: path.to_owned(),
                why: "is a package database under a second name",
            });
        }
        let same = |found: &&Found| found.path == target;
        let copies: Vec<Found> = self.found.iter().filter(same).cloned().collect();
        if copies.is_empty() && wanted.is_some() {
            self.gaps.add(path, Gap::HardLink);
        }
        for copy in copies {
            self.add(path, copy.kind, copy.packages)?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry,
        path: String,
        wanted: Option<Wanted>,
        tar: &mut Tar<'_>,
    ) -> Result<(), Unscannable> {
        if entry.mode & 0o6000 != 0 && self.setuid.len() < MAX_GAPS {
            self.setuid.push(path.clone());
        }
        let toc_file = self.toc.as_ref().is_some_and(|_| TocCheck::is_toc(&path));
        if let (Some(wanted), false) = (wanted, toc_file) {
            return self.wanted_file(entry, path, wanted, tar);
        }
        if let Some(toc) = self.toc.as_mut().filter(|_| toc_file) {
            return toc.table(tar);
        }
        let mut file = Executable::new(entry.size, self.limits.executable_bytes);
        let mut hash = self.toc.as_ref().map(|_| TocCheck::hasher());
        loop {
            let shown = tar.content()?;
            if shown.is_empty() {
                break;
            }
            if let Some(hash) = &mut hash {
                hash.update(shown);
            }
            let count = shown.len();
            let more = file.feed(shown);
            tar.consume(count);
            if !more && hash.is_none() {
                break;
            }
        }
        if let Some((toc, hash)) = self.toc.as_mut().zip(hash) {
            toc.file(&path, entry.size, &hash.finish());
        }
        self.executable(file, &path)
    }

    fn executable(&mut self, file: Executable, path: &str) -> Result<(), Unscannable> {
        let Some(holds) = file.finish() else {
            return Ok(());
        };
        self.counts.executables += 1;
        for gap in holds.gaps {
            self.gaps.add(path, gap);
        }
        for (kind, packages) in [(Kind::Go, holds.go), (Kind::Rust, holds.rust)] {
            if !packages.is_empty() {
                self.add(path, kind, packages)?;
            }
        }
        Ok(())
    }

    fn wanted_file(
        &mut self,
        entry: &Entry,
        path: String,
        wanted: Wanted,
        tar: &mut Tar<'_>,
    ) -> Result<(), Unscannable> {
        let most = match wanted {
            Wanted::Database(_) | Wanted::Sqlite | Wanted::SqliteLog => self.limits.database_bytes,
            Wanted::OsRelease | Wanted::Manifest(_) => self.limits.manifest_bytes,
            Wanted::Java => self.limits.archive_bytes,
        };
        let Some(content) = tar.read(most)? else {
            if wanted.is_database() || self.toc.is_some() {
                return Err(Unscannable::DatabaseTooLarge(path));
            }
            self.gaps.add(&path, Gap::TooLarge);
            return Ok(());
        };
        if let Some(toc) = &mut self.toc {
            let mut hash = TocCheck::hasher();
            hash.update(&content);
            toc.file(&path, entry.size, &hash.finish());
        }
        match wanted {
            Wanted::OsRelease => {
                self.keep(&path)?;
                self.systems.insert(path, System::parse(&content));
            }
            Wanted::Database(database) => {
                let packages = read_database(database, &content);
                let packages = packages.map_err(|why| Unscannable::Database {
                    path: path.clone(),
                    why,
                })?;
                self.add(&path, database.kind(), packages)?;
            }
            Wanted::Sqlite | Wanted::SqliteLog => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let pair = self.sqlite.entry(folder.to_owned()).or_default();
                if wanted == Wanted::Sqlite {
                    pair.0 = Some(content);
                } else if !content.is_empty() {
                    pair.1 = Some(content);
                }
            }
            Wanted::Manifest(kind) => match read_manifest(kind, &path, &content) {
                Ok(packages) => self.add(&path, kind, packages)?,
                Err(_) => self.gaps.add(&path, Gap::Malformed),
            },
            Wanted::Java => match read_java(&path, &content) {
                Ok(packages) if packages.is_empty() => self.gaps.add(&path, Gap::Unidentified),
                Ok(packages) => self.add(&path, Kind::Java, packages)?,
                Err(_) => self.gaps.add(&path, Gap::Malformed),
            },
        }
        Ok(())
    }

    fn add(&mut self, path: &str, kind: Kind, packages: Vec<Item>) -> Result<(), Unscannable> {
        self.keep(path)?;
        for item in &packages {
            self.keep(&item.name)?;
            self.keep(&item.version)?;
        }
        self.found.push(Found {
            path: path.to_owned(),
            kind,
            packages,
        });
        Ok(())
    }

    fn keep(&mut self, text: &str) -> Result<(), Unscannable> {
        self.kept_bytes += text.len() as u64 + KEPT_OVERHEAD_BYTES;
        if self.kept_bytes > self.limits.kept_bytes {
            return Err(Unscannable::TooManyFacts);
        }
        Ok(())
    }

    fn finish(mut self, bytes: Inflated<'_>) -> Result<LayerFacts, Unscannable> {
        if let Some(toc) = self.toc.take() {
            toc.finish()?;
        }
        let mut logs = Vec::new();
        for (folder, (database, log)) in std::mem::take(&mut self.sqlite) {
            let path = format!("{folder}/rpmdb.sqlite");
            let Some(database) = database else {
                if log.is_some() {
                    return Err(Unscannable::SplitDatabase(format!("{path}-wal")));
                }
                continue;
            };
            if log.is_some() {
                logs.push(format!("{path}-wal"));
            }
            let packages = read_sqlite(database, log.as_deref());
            let packages = packages.map_err(|why| Unscannable::Database {
                path: path.clone(),
                why,
            })?;
            self.add(&path, Kind::Rpm, packages)?;
        }
        self.paths.seal();
        self.counts.compressed_bytes = bytes.compressed_bytes();
        self.counts.tar_bytes = bytes.bytes();
        Ok(LayerFacts {
            version: FACTS_VERSION,
            diff_id: bytes.diff_id(),
            counts: self.counts,
            systems: self.systems,
            found: self.found,
            links: self.links,
            logs,
            removed: self.removed,
            emptied: self.emptied,
            paths: self.paths,
            setuid: self.setuid,
            gaps: self.gaps,
        })
    }
}
