//! rpm: the header of an installed package, and the three databases that hold headers (rpm, "RPM v4 Package format",
//! "Header Structure").

use super::bytes::{offset, slice, u32_be};
use super::{Item, Malformed, bdb, ndb, sqlite, wal};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SOURCE_RPM: u32 = 1044;
/// Keys of repositories, which are stored as if they were packages.
const KEY: &str = "gpg-pubkey";
/// Most fields of a header: real ones have about a hundred.
const MAX_FIELDS: usize = 10_000;
/// Largest header in bytes: kernels' and texlive's lists of files make some MiB.
pub(super) const MAX_HEADER_BYTES: usize = 32 << 20;
/// Most packages of one database: a full desktop has 5,000.
pub(super) const MAX_HEADERS: usize = 100_000;

/// `rpmdb.sqlite` with its log, if that is not empty.
pub(in crate::scan) fn read_sqlite(
    mut database: Vec<u8>,
    log: Option<&[u8]>,
) -> Result<Vec<Item>, Malformed> {
    if let Some(log) = log {
        wal::apply(&mut database, log)?;
    }
    let mut items = Vec::new();
    sqlite::blobs(&database, |header| add(&mut items, header))?;
    Ok(items)
}

/// `Packages.db`.
pub(super) fn read_ndb(database: &[u8]) -> Result<Vec<Item>, Malformed> {
    let mut items = Vec::new();
    ndb::blobs(database, |header| add(&mut items, header))?;
    Ok(items)
}

/// `Packages`.
pub(super) fn read_bdb(database: &[u8]) -> Result<Vec<Item>, Malformed> {
    let mut items = Vec::new();
    bdb::blobs(database, |header| add(&mut items, header))?;
    Ok(items)
}

fn add(items: &mut Vec<Item>, header: &[u8]) -> Result<(), Malformed> {
    if items.len() >= MAX_HEADERS {
        return Err(Malformed("more packages than are read"));
    }
    let item = item(header)?;
    if item.name != KEY {
        items.push(item);
    }
    Ok(())
}

/// The package of a header.
fn item(header: &[u8]) -> Result<Item, Malformed> {
    let fields = offset(u32_be(header, 0)?)?;
    let length = offset(u32_be(header, 4)?)?;
    if fields > MAX_FIELDS {
        return Err(Malformed("a header of too many fields"));
    }
    let index = slice(header, 8, fields * 16)?;
    let data = slice(header, 8 + fields * 16, length)?;
    let (mut name, mut version, mut release, mut source) = ("", "", "", "");
    let mut epoch = 0;
    for field in index.chunks_exact(16) {
        let (tag, at) = (u32_be(field, 0)?, u32_be(field, 8)?);
        let text = match tag {
            NAME => &mut name,
            VERSION => &mut version,
            RELEASE => &mut release,
            SOURCE_RPM => &mut source,
            EPOCH => {
                epoch = u32_be(data, offset(at)?)?;
                continue;
            }
            _ => continue,
        };
        let rest = data.get(offset(at)?..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == 0);
        let value = end.and_then(|end| rest.get(..end));
        let value = value.and_then(|value| str::from_utf8(value).ok());
        *text = value.ok_or(Malformed("a header's text that is none"))?;
    }
    if name.is_empty() || version.is_empty() || (release.is_empty() && name != KEY) {
        return Err(Malformed("a header without name, version or release"));
    }
    let whole = |version: &str| match epoch {
        0 => version.to_owned(),
        epoch => format!("{epoch}:{version}"),
    };
    let mut item = Item::new(name, &whole(&format!("{version}-{release}")));
    // The source's own epoch is nowhere: packages rarely differ from it.
    item.source = source_of(source).map(|(name, version)| (name.to_owned(), whole(version)));
    Ok(item)
}

/// Name and `version-release` of `name-version-release.src.rpm`.
fn source_of(file: &str) -> Option<(&str, &str)> {
    let stem = file
        .strip_suffix(".src.rpm")
        .or(file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let length = version.len() + 1 + release.len();
    let version = stem.get(stem.len() - length..)?;
    (!name.is_empty()).then_some((name, version))
}
