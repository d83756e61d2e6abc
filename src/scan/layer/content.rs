//! The content of files: what is wanted is held whole and read, programs are read as they pass, the rest is skipped.

use super::Unscannable;
use super::executable::Executable;
use super::facts::{Found, Gap, MAX_UNEXPLAINED};
use super::pass::Pass;
use super::tar::{Entry, Tar};
use super::toc::TocCheck;
use crate::scan::catalogue::{
    Item, Kind, System, Wanted, read_database, read_java, read_manifest, read_sqlite,
};

/// A SQLite database and its log, in whichever order they come.
#[derive(Default)]
pub(super) struct Pair {
    database: Option<Vec<u8>>,
    log: Option<Vec<u8>>,
}

impl Pass<'_> {
    pub(super) fn file(
        &mut self,
        entry: &Entry,
        path: String,
        wanted: Option<Wanted>,
        tar: &mut Tar<'_>,
    ) -> Result<(), Unscannable> {
        match (wanted, self.toc.as_mut().filter(|toc| toc.is_toc(&path))) {
            (_, Some(toc)) => toc.table(tar),
            (Some(wanted), None) => self.wanted_file(entry, path, wanted, tar),
            (None, None) => self.passing(entry, &path, tar),
        }
    }

    /// A file that is looked at while it passes.
    fn passing(&mut self, entry: &Entry, path: &str, tar: &mut Tar<'_>) -> Result<(), Unscannable> {
        let start = tar.position();
        let mut file = Executable::new(entry.size, self.limits.executable_bytes);
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.begin(path, entry.size);
        }
        let mut look = self.watch.look(path, entry.size, entry.attributes.mode);
        let mut hash = self.toc.as_ref().map(|_| TocCheck::hasher());
        let (mut program, mut looking) = (true, true);
        loop {
            let shown = tar.content()?;
            if shown.is_empty() {
                break;
            }
            if let Some(hash) = &mut hash {
                hash.update(shown);
            }
            if let Some(onlooker) = &mut self.onlooker {
                onlooker.bytes(shown);
            }
            let count = shown.len();
            program = program && file.feed(shown);
            looking = looking && look.feed(shown);
            tar.consume(count);
            if !program && !looking && hash.is_none() && self.onlooker.is_none() {
                break;
            }
        }
        self.watch.note(look);
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.end();
        }
        if let Some((toc, hash)) = self.toc.as_mut().zip(hash) {
            toc.file(path, entry, start, &hash.finish());
        }
        self.executable(file, path)
    }

    /// A file that was read for what it names is looked at like any other: a name makes nobody safe.
    fn held(&mut self, entry: &Entry, path: &str, content: &[u8]) -> Result<(), Unscannable> {
        let mut file = Executable::new(entry.size, self.limits.executable_bytes);
        let mut look = self.watch.look(path, entry.size, entry.attributes.mode);
        file.feed(content);
        look.feed(content);
        self.watch.note(look);
        self.executable(file, path)
    }

    fn executable(&mut self, file: Executable, path: &str) -> Result<(), Unscannable> {
        let Some(holds) = file.finish() else {
            return Ok(());
        };
        self.counts.executables += 1;
        if holds.go.is_empty() && holds.rust.is_empty() {
            self.unexplained.add(path.to_owned(), MAX_UNEXPLAINED);
        }
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
        let start = tar.position();
        let Some(content) = tar.read(most)? else {
            if wanted.is_database() || self.toc.is_some() {
                return Err(Unscannable::DatabaseTooLarge(path));
            }
            self.gaps.add(&path, Gap::TooLarge);
            return self.passing(entry, &path, tar);
        };
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.begin(&path, entry.size);
            onlooker.bytes(&content);
            onlooker.end();
        }
        if let Some(toc) = &mut self.toc {
            let mut hash = TocCheck::hasher();
            hash.update(&content);
            toc.file(&path, entry, start, &hash.finish());
        }
        if !wanted.is_database() {
            self.held(entry, &path, &content)?;
        }
        self.understand(path, wanted, content)
    }

    fn understand(
        &mut self,
        path: String,
        wanted: Wanted,
        content: Vec<u8>,
    ) -> Result<(), Unscannable> {
        match wanted {
            Wanted::OsRelease => {
                self.keep(&path)?;
                self.systems.insert(path, System::parse(&content));
            }
            Wanted::Database(database) => {
                let packages = read_database(database, &content, &mut |file| {
                    self.watch.packaged(file);
                });
                let packages = packages.map_err(|why| Unscannable::Database {
                    path: path.clone(),
                    why,
                })?;
                self.add(&path, database.kind(), packages)?;
            }
            Wanted::Sqlite | Wanted::SqliteLog => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let pair = self.pairs.entry(folder.to_owned()).or_default();
                if wanted == Wanted::Sqlite {
                    pair.database = Some(content);
                } else if !content.is_empty() {
                    pair.log = Some(content);
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

    pub(super) fn add(
        &mut self,
        path: &str,
        kind: Kind,
        packages: Vec<Item>,
    ) -> Result<(), Unscannable> {
        self.keep(path)?;
        for item in &packages {
            self.keep(&item.name)?;
            self.keep(&item.version)?;
        }
        let places = self.by_path.entry(path.to_owned()).or_default();
        places.push(self.found.len());
        self.found.push(Found {
            path: path.to_owned(),
            kind,
            packages,
            shipped: false,
        });
        Ok(())
    }

    /// Reads the databases that waited for their logs; returns the logs' paths.
    pub(super) fn sqlite(&mut self) -> Result<Vec<String>, Unscannable> {
        let mut logs = Vec::new();
        for (folder, pair) in std::mem::take(&mut self.pairs) {
            let path = format!("{folder}/rpmdb.sqlite");
            let log = format!("{path}-wal");
            let Some(database) = pair.database else {
                if pair.log.is_some() {
                    return Err(Unscannable::SplitDatabase(log));
                }
                continue;
            };
            let packages = read_sqlite(database, pair.log.as_deref(), &mut |file| {
                self.watch.packaged(file);
            });
            let packages = packages.map_err(|why| Unscannable::Database {
                path: path.clone(),
                why,
            })?;
            self.add(&path, Kind::Rpm, packages)?;
            if pair.log.is_some() {
                logs.push(log);
            }
        }
        Ok(logs)
    }
}
