//! rpm: the header of an installed package, and the three databases that hold headers (rpm, "RPM v4 Package format",
//! "Header Structure").

use super::bytes::{offset, slice, u32_be};
use super::{Item, Malformed, bdb, ndb, sqlite, wal};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SOURCE_RPM: u32 = 1044;
/// Its files: a number of a folder for each, names without folders, folders.
const FOLDER_NUMBERS: u32 = 1116;
const FILE_NAMES: u32 = 1117;
const FOLDERS: u32 = 1118;
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
    files: &mut dyn FnMut(&str),
) -> Result<Vec<Item>, Malformed> {
    if let Some(log) = log {
        wal::apply(&mut database, log)?;
    }
    let mut items = Vec::new();
    sqlite::blobs(&database, |header| add(&mut items, header, files))?;
    Ok(items)
}

/// `Packages.db`.
pub(super) fn read_ndb(
    database: &[u8],
    files: &mut dyn FnMut(&str),
) -> Result<Vec<Item>, Malformed> {
    let mut items = Vec::new();
    ndb::blobs(database, |header| add(&mut items, header, files))?;
    Ok(items)
}

/// `Packages`.
pub(super) fn read_bdb(
    database: &[u8],
    files: &mut dyn FnMut(&str),
) -> Result<Vec<Item>, Malformed> {
    let mut items = Vec::new();
    bdb::blobs(database, |header| add(&mut items, header, files))?;
    Ok(items)
}

fn add(items: &mut Vec<Item>, header: &[u8], files: &mut dyn FnMut(&str)) -> Result<(), Malformed> {
    if items.len() >= MAX_HEADERS {
        return Err(Malformed("more packages than are read"));
    }
    let item = item(header)?;
    if item.name != KEY {
        items.push(item);
    }
    each_file(header, files)
}

/// Shows the paths of a package's files; a header without them has none, or writes them as rpm 3 did.
fn each_file(header: &[u8], each: &mut dyn FnMut(&str)) -> Result<(), Malformed> {
    let length = offset(u32_be(header, 0)?)?.saturating_mul(16);
    let data = header.get(8 + length..).unwrap_or_default();
    let index = slice(header, 8, length)?;
    let field = |tag| {
        let mut fields = index.chunks_exact(16);
        let field = fields.find(|field| u32_be(field, 0) == Ok(tag))?;
        let at = offset(u32_be(field, 8).ok()?).ok()?;
        Some((data.get(at..)?, offset(u32_be(field, 12).ok()?).ok()?))
    };
    let (Some((numbers, count)), Some((names, _)), Some((folders, many))) =
        (field(FOLDER_NUMBERS), field(FILE_NAMES), field(FOLDERS))
    else {
        return Ok(());
    };
    let texts = |bytes| <[u8]>::split(bytes, |byte| *byte == 0).map(String::from_utf8_lossy);
    let folders: Vec<_> = texts(folders).take(many).collect();
    for (at, name) in texts(names).take(count).enumerate() {
        let number = offset(u32_be(numbers, at.saturating_mul(4))?)?;
        if let Some(folder) = folders.get(number) {
            each(&format!("{folder}{name}"));
        }
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
pub(super) fn source_of(file: &str) -> Option<(&str, &str)> {
    let stem = file
        .strip_suffix(".src.rpm")
        .or(file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let length = version.len() + 1 + release.len();
    let version = stem.get(stem.len() - length..)?;
    (!name.is_empty()).then_some((name, version))
}
