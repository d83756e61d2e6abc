//! Java archives: Maven's `pom.properties`, or the manifest, of an archive and those inside it.

use std::io::Read as _;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use super::{Item, Malformed};

/// How deep archives lie in archives: an `.ear` holds `.war`s, which hold `.jar`s; shaded ones one more.
const MAX_DEPTH: usize = 4;
/// Most entries of all archives in one: the largest application servers have about 100 thousand.
const MAX_ENTRIES: usize = 500_000;
/// Most bytes that are decompressed from one archive and those inside it.
const MAX_INFLATED_BYTES: usize = 256 << 20;
/// Largest `pom.properties` or manifest in bytes: signed manifests name every class.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// What may still be spent on an archive.
struct Budget {
    entries: usize,
    bytes: usize,
}

/// What an archive and those inside it name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::scan) struct Archived {
    /// The packages; none if it does not say what it is.
    pub(in crate::scan) items: Vec<Item>,
    /// Why there may be more: it or an archive inside it is broken, or too large.
    pub(in crate::scan) partly: Option<Malformed>,
}

/// The packages of the archive at `path`. One inside it that is broken takes none from the others.
pub(in crate::scan) fn read_java(path: &str, archive: &[u8]) -> Archived {
    let mut budget = Budget {
        entries: MAX_ENTRIES,
        bytes: MAX_INFLATED_BYTES,
    };
    let mut found = Archived::default();
    let read = read(path, archive, MAX_DEPTH, &mut budget, &mut found);
    found.note(read);
    found.items.sort();
    found.items.dedup();
    found
}

impl Archived {
    /// The value, or a note that something is missing.
    fn note<T>(&mut self, read: Result<T, Malformed>) -> Option<T> {
        read.map_err(|why| self.partly.get_or_insert(why).to_owned())
            .ok()
    }
}

fn read(
    path: &str,
    archive: &[u8],
    depth: usize,
    budget: &mut Budget,
    all: &mut Archived,
) -> Result<(), Malformed> {
    const BROKEN: Malformed = Malformed("no sound zip");
    let depth = depth
        .checked_sub(1)
        .ok_or(Malformed("archives nested too deep"))?;
    let zip = ZipArchive::from_slice(archive).map_err(|_| BROKEN)?;
    let mut entries = zip.entries();
    let (mut manifest, mut properties) = (None, false);
    while let Some(entry) = entries.next_entry().map_err(|_| BROKEN)? {
        let left = budget.entries.checked_sub(1);
        budget.entries = left.ok_or(Malformed("too many entries"))?;
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let pom = name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties");
        let nested = matches!(name.rsplit_once('.'), Some((_, "jar" | "war")));
        if !pom && !nested && name != "META-INF/MANIFEST.MF" {
            continue;
        }
        let found = zip.get_entry(entry.wayfinder()).map_err(|_| BROKEN)?;
        let most = if nested {
            budget.bytes
        } else {
            budget.bytes.min(MAX_TEXT_BYTES)
        };
        let content = inflate(entry.compression_method(), found.data(), most);
        let Some(content) = all.note(content) else {
            continue;
        };
        budget.bytes = budget.bytes.saturating_sub(content.len());
        if nested {
            let inside = read(&name, &content, depth, budget, all);
            all.note(inside);
        } else if pom {
            properties = true;
            all.items.extend(from_properties(&content));
        } else {
            manifest = Some(content);
        }
    }
    if !properties {
        all.items
            .extend(manifest.and_then(|manifest| from_manifest(path, &manifest)));
    }
    Ok(())
}

fn inflate(method: CompressionMethod, data: &[u8], most: usize) -> Result<Vec<u8>, Malformed> {
    let mut content = Vec::new();
    let limit = most as u64 + 1;
    let read = match method {
        CompressionMethod::STORE => data.take(limit).read_to_end(&mut content),
        CompressionMethod::DEFLATE => DeflateDecoder::new(data)
            .take(limit)
            .read_to_end(&mut content),
        _ => return Err(Malformed("compressed in an unusual way")),
    };
    if read.is_err() || content.len() > most {
        return Err(Malformed("it does not decompress"));
    }
    Ok(content)
}

fn from_properties(content: &[u8]) -> Option<Item> {
    let text = String::from_utf8_lossy(content);
    let find = |word| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(['=', ':'])?;
            let value = value.trim();
            (key.trim() == word && !value.is_empty()).then_some(value)
        })
    };
    let (group, artifact) = (find("groupId")?, find("artifactId")?);
    Some(Item::new(&format!("{group}:{artifact}"), find("version")?))
}

/// A guess from what builders write: an OSGi name that ends in the artifact's is group and artifact.
fn from_manifest(path: &str, content: &[u8]) -> Option<Item> {
    let text = String::from_utf8_lossy(content);
    // Lines longer than 72 bytes go on after a space (JAR File Specification, "Notes on Manifest").
    let text = text.replace("\r\n", "\n").replace("\n ", "");
    let find = |word| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let value = value.trim();
            (key == word && !value.is_empty()).then_some(value)
        })
    };
    let file = path.rsplit('/').next()?;
    let stem = file.rsplit_once('.')?.0;
    let named = stem.match_indices('-').find_map(|(at, _)| {
        let (artifact, version) = stem.split_at_checked(at)?;
        let version = version.strip_prefix('-')?;
        version
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some((artifact, version))
    });
    let (artifact, version) = match named {
        Some(named) => named,
        None => (
            stem,
            find("Implementation-Version").or(find("Bundle-Version"))?,
        ),
    };
    let group = find("Implementation-Vendor-Id").or_else(|| {
        let name = find("Bundle-SymbolicName")?.split(';').next()?.trim();
        let group = name
            .strip_suffix(artifact)
            .and_then(|group| group.strip_suffix('.'));
        Some(group.unwrap_or(name))
    })?;
    Some(Item::new(&format!("{group}:{artifact}"), version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::catalogue::tests::manifests::jar;

    #[test]
    fn a_bomb_stops_at_the_budget() {
        let bomb = jar(&[("a.jar", &[0; 100_000])]);
        let mut budget = Budget {
            entries: 10,
            bytes: 50_000,
        };
        let mut found = Archived::default();
        let whole = read("a.jar", &bomb, MAX_DEPTH, &mut budget, &mut found);
        assert_eq!(whole, Ok(()));
        assert_eq!(found.partly, Some(Malformed("it does not decompress")));
        let many = jar(&[("a", b""), ("b", b"")]);
        budget.entries = 1;
        let found = read("a.jar", &many, MAX_DEPTH, &mut budget, &mut found);
        assert_eq!(found, Err(Malformed("too many entries")));
    }
}
