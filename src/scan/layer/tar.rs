//! A strict reader of tar over a stream: one entry at a time, constant memory, and a refusal wherever readers differ.
//!
//! The crate `tar` forgives what Go's reader (docker's and containerd's) refuses or reads otherwise, and stops at the
//! end mark without a look at what follows; a gate may not see other files than the client.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::header::{BLOCK, Header, Type, text};
use super::inflate::Inflated;
use super::{Bomb, Limits, Unscannable};

/// Most bytes of a name's own entry: `PATH_MAX` of Linux is 4,096; records carry names, times and attributes.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;
/// How the records of extended attributes begin, which all clients set.
const EXTENDED: &[u8] = b"SCHILY.xattr.";
/// Longest name in bytes, as Linux has it.
const MAX_NAME_BYTES: usize = 4_096;

/// An entry; its content is read with [`Tar::content`] or skipped.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Type,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: u64,
    pub(super) attributes: Attributes,
}

/// The archive, at an entry.
pub(super) struct Tar<'a> {
    bytes: Inflated<'a>,
    limits: &'a Limits,
    /// Content and padding of the entry at hand that are still to come.
    content: u64,
    padding: u64,
    headers: u64,
}

/// What extension entries said of the next one.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    /// A number that is none is kept as that.
    user: Option<Option<u64>>,
    group: Option<Option<u64>>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    seen: u8,
}

impl<'a> Tar<'a> {
    pub(super) fn new(bytes: Inflated<'a>, limits: &'a Limits) -> Tar<'a> {
        Tar {
            bytes,
            limits,
            content: 0,
            padding: 0,
            headers: 0,
        }
    }

    /// The next entry; none at the archive's end, after which only zeros may come.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Unscannable> {
        let mut extension = Extension::default();
        loop {
            self.skip_rest()?;
            let Some(block) = self.block()? else {
                // Archives may lack the end mark, but not end inside an entry.
                return if extension.seen == 0 {
                    Ok(None)
                } else {
                    Err(Unscannable::Truncated)
                };
            };
            if block.iter().all(|byte| *byte == 0) {
                if extension.seen > 0 {
                    return Err(Unscannable::Tar("an extension without its entry"));
                }
                self.only_zeros()?;
                return Ok(None);
            }
            let header = Header::parse(&block)?;
            self.headers += 1;
            if self.headers > self.limits.entries {
                return Err(Unscannable::Bomb(Bomb::Entries));
            }
            self.content = header.size;
            self.padding = pad(header.size);
            match header.kind {
                Type::Pax | Type::PaxGlobal | Type::LongName | Type::LongLink => {
                    self.extend(&mut extension, &header)?;
                }
                _ => return self.entry(header, extension).map(Some),
            }
        }
    }

    /// The place in the archive of what [`Tar::content`] shows next.
    pub(super) fn position(&self) -> u64 {
        self.bytes.position()
    }

    /// Shows the entry's content from here on; empty at its end.
    pub(super) fn content(&mut self) -> Result<&[u8], Unscannable> {
        if self.content == 0 {
            return Ok(&[]);
        }
        let most = usize::try_from(self.content).unwrap_or(usize::MAX);
        let shown = self.bytes.fill()?;
        if shown.is_empty() {
            return Err(Unscannable::Truncated);
        }
        Ok(shown.get(..most).unwrap_or(shown))
    }

    /// Moves past `count` bytes that [`Tar::content`] showed.
    pub(super) fn consume(&mut self, count: usize) {
        self.content = self.content.saturating_sub(count as u64);
        self.bytes.consume(count);
    }

    /// The rest of the entry's content, if it has at most `most` bytes.
    pub(super) fn read(&mut self, most: u64) -> Result<Option<Vec<u8>>, Unscannable> {
        if self.content > most {
            return Ok(None);
        }
        // Grown as bytes come: a header alone costs its author nothing.
        let mut whole = Vec::new();
        loop {
            let shown = self.content()?;
            if shown.is_empty() {
                return Ok(Some(whole));
            }
            whole.extend_from_slice(shown);
            let count = shown.len();
            self.consume(count);
        }
    }

    /// The stream, once the archive is at its end.
    pub(super) fn into_bytes(self) -> Inflated<'a> {
        self.bytes
    }

    fn entry(&mut self, header: Header, extension: Extension) -> Result<Entry, Unscannable> {
        let size = extension.size.unwrap_or(header.size);
        header.check_size(size)?;
        self.content = size;
        self.padding = pad(size);
        let name = extension.name.unwrap_or(header.name);
        let link = extension.link.unwrap_or(header.link);
        if name.len() > MAX_NAME_BYTES || link.len() > MAX_NAME_BYTES {
            return Err(Unscannable::Tar("a name longer than a file system allows"));
        }
        if header.kind == Type::File && name.ends_with(b"/") {
            return Err(Unscannable::Tar("a file's name ends in a slash"));
        }
        Ok(Entry {
            kind: header.kind,
            name,
            link,
            size,
            attributes: Attributes {
                mode: header.mode,
                owner: (
                    extension.user.unwrap_or(header.owner.0),
                    extension.group.unwrap_or(header.owner.1),
                ),
                extended: extension.attributes,
            },
        })
    }

    fn extend(&mut self, extension: &mut Extension, header: &Header) -> Result<(), Unscannable> {
        let bit = match header.kind {
            Type::Pax => 1,
            Type::LongName => 2,
            Type::LongLink => 4,
            _ => 0,
        };
        if extension.seen & bit != 0 {
            return Err(Unscannable::Tar("two extensions of one entry"));
        }
        extension.seen |= bit;
        let body = self.read(MAX_EXTENSION_BYTES)?;
        let body = body.ok_or(Unscannable::Tar("an extension that is too long"))?;
        match header.kind {
            Type::Pax => records(&body, |key, value| extension.record(key, value)),
            // Clients ignore what a global header says of names; other readers do not.
            Type::PaxGlobal => records(&body, |key, _| match key {
                b"path" | b"linkpath" | b"size" => Err(Unscannable::Tar("a global name or size")),
                _ => Ok(()),
            }),
            Type::LongName => set(&mut extension.name, text(&body)),
            _ => set(&mut extension.link, text(&body)),
        }
    }

    fn skip_rest(&mut self) -> Result<(), Unscannable> {
        loop {
            let count = self.content()?.len();
            if count == 0 {
                break;
            }
            self.consume(count);
        }
        while self.padding > 0 {
            let shown = self.bytes.fill()?.len();
            if shown == 0 {
                return Err(Unscannable::Truncated);
            }
            let count = shown.min(usize::try_from(self.padding).unwrap_or(usize::MAX));
            self.padding -= count as u64;
            self.bytes.consume(count);
        }
        Ok(())
    }

    /// A whole block; none at the end of the stream.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Unscannable> {
        let mut block = [0; BLOCK];
        let mut got = 0;
        while got < BLOCK {
            let shown = self.bytes.fill()?;
            if shown.is_empty() {
                return if got == 0 {
                    Ok(None)
                } else {
                    Err(Unscannable::Truncated)
                };
            }
            let count = shown.len().min(BLOCK - got);
            let target = block.get_mut(got..got + count).unwrap_or_default();
            target.copy_from_slice(shown.get(..count).unwrap_or_default());
            self.bytes.consume(count);
            got += count;
        }
        Ok(Some(block))
    }

    fn only_zeros(&mut self) -> Result<(), Unscannable> {
        loop {
            let shown = self.bytes.fill()?;
            if shown.is_empty() {
                return Ok(());
            }
            if shown.iter().any(|byte| *byte != 0) {
                return Err(Unscannable::TrailingData);
            }
            let count = shown.len();
            self.bytes.consume(count);
        }
    }
}

impl Extension {
    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), Unscannable> {
        match key {
            b"path" => set(&mut self.name, value),
            b"linkpath" => set(&mut self.link, value),
            b"size" => {
                let size = decimal(value).ok_or(Unscannable::Tar("a number that is none"))?;
                self.size = Some(size);
                Ok(())
            }
            sparse if sparse.starts_with(b"GNU.sparse.") => Err(Unscannable::Tar(
                "an entry of a type that not all clients read",
            )),
            // Readers of clients take the last of a name, and an empty value as if it were not there.
            _ if value.is_empty() => Ok(()),
            b"uid" => {
                self.user = Some(decimal(value));
                Ok(())
            }
            b"gid" => {
                self.group = Some(decimal(value));
                Ok(())
            }
            _ => {
                if let Some(name) = key.strip_prefix(EXTENDED) {
                    self.attributes.insert(name.to_vec(), value.to_vec());
                }
                Ok(())
            }
        }
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    str::from_utf8(value).ok()?.parse().ok()
}

fn set(field: &mut Option<Vec<u8>>, value: &[u8]) -> Result<(), Unscannable> {
    if field.is_some() || value.is_empty() || value.contains(&0) {
        return Err(Unscannable::Tar(
            "an extension whose name is empty, cut or given twice",
        ));
    }
    *field = Some(value.to_vec());
    Ok(())
}

/// `length key=value\n`, where the length counts itself (pax(1), "pax Extended Header").
fn records(
    mut body: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Unscannable>,
) -> Result<(), Unscannable> {
    const WRONG: Unscannable = Unscannable::Tar("a pax record that is none");
    while !body.is_empty() {
        let space = body
            .iter()
            .take(8)
            .position(|byte| *byte == b' ')
            .ok_or(WRONG)?;
        let length = body
            .get(..space)
            .and_then(|digits| str::from_utf8(digits).ok());
        let length: usize = length.and_then(|digits| digits.parse().ok()).ok_or(WRONG)?;
        let record = body.get(space + 1..length).ok_or(WRONG)?;
        let record = record.strip_suffix(b"\n").ok_or(WRONG)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(WRONG)?;
        let (key, value) = record.split_at(equals);
        each(key, value.get(1..).unwrap_or_default())?;
        body = body.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Bytes to the next whole block.
fn pad(size: u64) -> u64 {
    let block = BLOCK as u64;
    (block - size % block) % block
}
