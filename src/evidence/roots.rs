//! Trusted roots, kept up to date from TUF repositories. What is fetched survives in a folder, is never rolled back, and
//! stays when nothing newer can be had.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, FileStore, Repository, Updater};

use crate::oci::Digest;
use crate::trust::{Root, RootSource, Roots};
use crate::upstream::{Kind, Upstream};

/// What a repository calls the document that is wanted.
const TARGET: &str = "trusted_root.json";
/// The file that says when the source was last asked with success.
const REFRESHED: &str = "refreshed";
/// The file with the digest of the root metadata that everything there was believed by.
const SOURCE: &str = "source";

/// What came of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// Of the document that is now there.
    pub digest: Digest,
    /// Whether it is another one than before.
    pub changed: bool,
}

/// A TUF repository behind our own client.
struct Mirror {
    upstream: Arc<Upstream>,
    /// The path of its metadata: `/`, or `/tuf/`.
    path: String,
}

impl Mirror {
    async fn fetch(&self, name: &str, most: u64) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let path = format!("{}{name}", self.path);
        match self.upstream.document(&path, most).await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            // Stores of objects say "denied" of what is not there; only for the next root is that an ordinary answer.
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) if error.kind() == Kind::Denied && name.ends_with(".root.json") => Ok(None),
            Err(error) => Err(Error::transport(error.to_string())),
        }
    }
}

impl Repository for Mirror {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.fetch(name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { self.fetch(&format!("targets/{path}"), max_length).await })
    }
}

/// The folder of a root below that of all.
fn folder_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

/// Refreshes one root into its folder.
///
/// # Errors
/// Why not, in a sentence; what was there stays.
pub async fn refresh(
    source: &RootSource,
    upstream: Arc<Upstream>,
    folder: &Path,
    now: Timestamp,
) -> Result<Refreshed, String> {
    let path = url::Url::parse(&source.mirror).map_err(|error| error.to_string())?;
    let mirror = Mirror {
        upstream,
        path: format!("{}/", path.path().trim_end_matches('/')),
    };
    let own = folder_of(folder, &source.name);
    let believed_by = Digest::of(&source.bootstrap).to_string();
    let wrong = |error: std::io::Error| format!("{}: {error}", own.display());
    if std::fs::read_to_string(own.join(SOURCE)).ok().as_deref() != Some(&believed_by) {
        // What another starting point led to is nothing to go on from.
        match std::fs::remove_dir_all(&own) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(wrong(error)),
            _ => {}
        }
        std::fs::create_dir_all(&own).map_err(wrong)?;
        replace(&own.join(SOURCE), believed_by.as_bytes()).map_err(wrong)?;
    }
    let bytes = fetch(source, mirror, &own, now)
        .await
        .map_err(|error| said(&error))?;
    let json = String::from_utf8(bytes).map_err(|_| "its trusted root is no text".to_owned())?;
    let root = Root::parse(&source.name, &json)?;
    let file = own.join(TARGET);
    let changed = std::fs::read(&file).ok().as_deref() != Some(json.as_bytes());
    if changed {
        replace(&file, json.as_bytes()).map_err(wrong)?;
    }
    replace(&own.join(REFRESHED), now.to_string().as_bytes()).map_err(wrong)?;
    Ok(Refreshed {
        digest: root.digest,
        changed,
    })
}

async fn fetch(
    source: &RootSource,
    mirror: Mirror,
    folder: &Path,
    now: Timestamp,
) -> sigstore_tuf::Result<Vec<u8>> {
    let store = FileStore::new(folder.join("tuf"));
    let mut updater = Updater::new(mirror, &source.bootstrap)?.with_store(store);
    // The library has another version of ours.
    let now = tuf_jiff::Timestamp::from_second(now.as_second())
        .map_err(|error| Error::transport(error.to_string()))?;
    updater.refresh(now).await?;
    updater.get_target(TARGET, now).await
}

/// An error with its causes.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        text.push_str(&format!(": {this}"));
        cause = this.source();
    }
    text
}

/// A new file takes the old one's place at once, and for good.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut writing = std::fs::File::create(&new)?;
    writing.write_all(bytes)?;
    writing.sync_all()?;
    std::fs::rename(&new, file)
}

/// The built-in roots, those that were fetched into the folder in their place, and what of it cannot be read.
pub fn fetched(folder: &Path) -> (Roots, Vec<String>) {
    let (mut roots, mut wrong) = (Roots::embedded(), Vec::new());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.path().join(TARGET);
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let read = match std::fs::read_to_string(&file) {
            Ok(json) => Root::parse(&name, &json),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(root) => {
                let stamp =
                    std::fs::read_to_string(entry.path().join(REFRESHED)).unwrap_or_default();
                let by = std::fs::read_to_string(entry.path().join(SOURCE)).unwrap_or_default();
                let root = root.refreshed_at(stamp.trim().parse().ok());
                roots.add(root.believed_by(by.trim().parse().ok()));
            }
            Err(why) => wrong.push(format!("{}: {why}", file.display())),
        }
    }
    (roots, wrong)
}
