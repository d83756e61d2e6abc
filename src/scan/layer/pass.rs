//! The pass itself: every entry once, in the order of the archive.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use super::content::Pair;
use super::facts::{Counts, FACTS_VERSION, Found, Gap, Gaps, LayerFacts};
use super::header::Type;
use super::inflate::{Compression, Inflated};
use super::path::{Name, Paths, above, normal};
use super::shown::Onlooker;
use super::tar::{Entry, Tar};
use super::toc::{Toc, TocCheck};
use super::{Bomb, Limits, Unscannable};
use crate::scan::catalogue::{Malformed, System, Wanted, towards_database, wanted};
use crate::scan::checks::{Told, Watch, foreign};

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
    show_layer(media_type, toc, bytes, limits, None)
}

/// The same, and shows its regular files to `onlooker` as they pass.
///
/// # Errors
///
/// As for [`read_layer`].
pub fn show_layer<'a>(
    media_type: &str,
    toc: Option<Toc>,
    bytes: impl Read,
    limits: &'a Limits,
    onlooker: Option<&'a mut (dyn Onlooker + 'a)>,
) -> Result<LayerFacts, Unscannable> {
    let compression = Compression::of(media_type)?;
    let wanted = toc.as_ref().map(Toc::place).transpose()?;
    let toc = toc.map(TocCheck::new);
    let mut tar = Tar::new(Inflated::open(compression, bytes, limits, wanted)?, limits);
    let mut pass = Pass::new(limits, toc, onlooker);
    while let Some(entry) = tar.next()? {
        pass.entry(&entry, &mut tar)?;
    }
    pass.finish(tar.into_bytes())
}

/// What is known so far.
pub(super) struct Pass<'a> {
    pub(super) limits: &'a Limits,
    pub(super) toc: Option<TocCheck>,
    pub(super) counts: Counts,
    pub(super) systems: BTreeMap<String, System>,
    pub(super) found: Vec<Found>,
    links: BTreeMap<String, String>,
    removed: Vec<String>,
    emptied: Vec<String>,
    paths: Paths,
    pub(super) watch: Watch,
    pub(super) onlooker: Option<&'a mut (dyn Onlooker + 'a)>,
    pub(super) unexplained: Told<String>,
    pub(super) gaps: Gaps,
    /// Databases by path, and the folders above them.
    databases: HashSet<String>,
    above_databases: HashSet<String>,
    /// Where in `found` the packages of a path are.
    pub(super) by_path: HashMap<String, Vec<usize>>,
    /// SQLite databases and their logs wait for each other: folder, then database and log.
    pub(super) pairs: BTreeMap<String, Pair>,
    kept_bytes: u64,
}

impl<'a> Pass<'a> {
    fn new(
        limits: &'a Limits,
        toc: Option<TocCheck>,
        onlooker: Option<&'a mut (dyn Onlooker + 'a)>,
    ) -> Pass<'a> {
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
            watch: Watch::default(),
            onlooker,
            unexplained: Told::default(),
            gaps: Gaps::default(),
            databases: HashSet::new(),
            above_databases: HashSet::new(),
            pairs: BTreeMap::new(),
            by_path: HashMap::new(),
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
                toc.empty_file(&name.path, &entry.attributes);
            }
            return Ok(());
        }
        self.paths.add(&name.path, entry.kind == Type::Directory);
        if matches!(entry.kind, Type::File | Type::HardLink | Type::Directory) {
            let folder = entry.kind == Type::Directory;
            self.watch.mode(&name.path, folder, entry.attributes.mode);
        }
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
                    toc.bare(&name.path, entry);
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
        for folder in above(&name.path) {
            if !self.above_databases.contains(folder) {
                self.above_databases.insert(folder.to_owned());
            }
        }
        Ok(())
    }

    fn link(&mut self, entry: &Entry, path: String) -> Result<(), Unscannable> {
        let target = String::from_utf8_lossy(&entry.link).into_owned();
        if let Some(toc) = &mut self.toc {
            toc.symlink(&path, &entry.attributes, &target);
        }
        if towards_database(&path) {
            if self.above_databases.contains(&path) {
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
            toc.hard_link(path, &target);
        }
        if wanted.is_some_and(Wanted::is_database) {
            return Err(Unscannable::Path {
                path: path.to_owned(),
                why: "is a package database under a second name",
            });
        }
        if wanted == Some(Wanted::OsRelease) {
            let system = self.systems.get(&target).cloned();
            let system = system.ok_or(Unscannable::Path {
                path: path.to_owned(),
                why: "names a distribution under a second name",
            })?;
            self.keep(path)?;
            self.systems.insert(path.to_owned(), system);
            return Ok(());
        }
        let known = self.by_path.get(&target).cloned().unwrap_or_default();
        let copies = known
            .into_iter()
            .filter_map(|at| self.found.get(at).cloned());
        let copies: Vec<Found> = copies.collect();
        if copies.is_empty() && wanted.is_some() {
            self.gaps.add(path, Gap::HardLink);
        }
        for copy in copies {
            self.add(path, copy.kind, copy.packages)?;
        }
        Ok(())
    }

    pub(super) fn keep(&mut self, text: &str) -> Result<(), Unscannable> {
        self.kept_bytes += text.len() as u64 + KEPT_OVERHEAD_BYTES;
        if self.kept_bytes > self.limits.kept_bytes {
            return Err(Unscannable::TooManyFacts);
        }
        Ok(())
    }

    fn finish(mut self, mut bytes: Inflated<'_>) -> Result<LayerFacts, Unscannable> {
        if let Some(toc) = self.toc.take() {
            toc.finish(&bytes.take_trace())?;
        }
        let logs = self.sqlite()?;
        for found in &mut self.found {
            let packaged = self.watch.owns(&found.path) && !foreign(&found.path);
            found.shipped = found.kind.is_shipped() && packaged;
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
            unexplained: self.unexplained,
            gaps: self.gaps,
            observed: self.watch.finish(),
        })
    }
}
