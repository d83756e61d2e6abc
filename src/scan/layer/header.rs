//! One header block of a tar: POSIX ustar and GNU, as strictly as the readers of clients (pax(1) "ustar Interchange
//! Format"; GNU tar manual, "Basic Tar Format").

use super::Unscannable;

/// Bytes of a block; headers are one, data is padded to whole ones.
pub(super) const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    File,
    HardLink,
    Symlink,
    Device,
    Directory,
    Fifo,
    /// Records of the next entry (`x`).
    Pax,
    /// Records of all entries that follow (`g`).
    PaxGlobal,
    /// The next entry's name (`L`).
    LongName,
    /// The next entry's link target (`K`).
    LongLink,
}

/// A header's fields of interest.
pub(super) struct Header {
    pub(super) kind: Type,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: u64,
    pub(super) mode: u64,
    /// Numbers of user and group, where they are numbers.
    pub(super) owner: (Option<u64>, Option<u64>),
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Header, Unscannable> {
        let field = |at: usize, length: usize| block.get(at..at + length).unwrap_or_default();
        verify_sum(block)?;
        let mut name = text(field(0, 100)).to_vec();
        let kind = Type::of(field(156, 1), &name)?;
        // Only POSIX archives have a prefix, star's a shorter one: GNU keeps times there.
        let star = field(508, 4) == b"tar\0";
        let prefix = text(field(345, if star { 131 } else { 155 }));
        let times = [field(345, 12), field(357, 12)];
        if field(257, 8) == b"ustar  \0" && times.iter().any(|time| number(time).is_err()) {
            // Clients then take them for a prefix (Go, archive/tar: its writer once put one there).
            return Err(Unscannable::Tar("a header whose times are none"));
        }
        if field(257, 6) == b"ustar\0" && !prefix.is_empty() {
            let mut whole = prefix.to_vec();
            whole.push(b'/');
            whole.append(&mut name);
            name = whole;
        }
        let size = number(field(124, 12))?;
        let header = Header {
            kind,
            name,
            link: text(field(157, 100)).to_vec(),
            size,
            mode: number(field(100, 8))?,
            owner: (number(field(108, 8)).ok(), number(field(116, 8)).ok()),
        };
        header.check_size(size)?;
        Ok(header)
    }

    /// Readers differ on whether data follows an entry that has none.
    pub(super) fn check_size(&self, size: u64) -> Result<(), Unscannable> {
        let bare = matches!(
            self.kind,
            Type::HardLink | Type::Symlink | Type::Device | Type::Directory | Type::Fifo
        );
        if bare && size != 0 {
            return Err(Unscannable::Tar("an entry without content has a size"));
        }
        Ok(())
    }
}

impl Type {
    fn of(flag: &[u8], name: &[u8]) -> Result<Type, Unscannable> {
        Ok(match flag {
            // Before POSIX a directory was a file whose name ends in a slash.
            b"\0" if name.ends_with(b"/") => Type::Directory,
            // Where an extension has the whole name, this one may be cut behind a slash; that one is looked at later.
            b"0" | b"\0" => Type::File,
            b"1" => Type::HardLink,
            b"2" => Type::Symlink,
            b"3" | b"4" => Type::Device,
            b"5" => Type::Directory,
            b"6" => Type::Fifo,
            b"x" => Type::Pax,
            b"g" => Type::PaxGlobal,
            b"L" => Type::LongName,
            b"K" => Type::LongLink,
            _ => {
                return Err(Unscannable::Tar(
                    "an entry of a type that not all clients read",
                ));
            }
        })
    }
}

/// The bytes before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number, or a big-endian one where the first bit is set (GNU).
fn number(field: &[u8]) -> Result<u64, Unscannable> {
    const WRONG: Unscannable = Unscannable::Tar("a number that is none");
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let mut value: u64 = 0;
        for (at, byte) in field.iter().enumerate() {
            let byte = if at == 0 { byte & 0x7f } else { *byte };
            value = value.checked_mul(256).ok_or(WRONG)?;
            value |= u64::from(byte);
        }
        return i64::try_from(value)
            .map(i64::cast_unsigned)
            .map_err(|_| WRONG);
    }
    // Spaces may come before, an end of NULs and spaces behind. Readers differ on the rest: some skip a NUL in front and
    // read on, for others the number ends there, and what is content to one is the next header to the other.
    let spaces = field.iter().take_while(|byte| **byte == b' ').count();
    let (_, rest) = field.split_at(spaces);
    let count = rest
        .iter()
        .take_while(|byte| !matches!(byte, 0 | b' '))
        .count();
    let (digits, end) = rest.split_at(count);
    if end.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(WRONG);
    }
    digits.iter().try_fold(0u64, |value, digit| match digit {
        b'0'..=b'7' => value
            .checked_mul(8)
            .map(|value| value | u64::from(digit - b'0'))
            .ok_or(WRONG),
        _ => Err(WRONG),
    })
}

/// The sum of all bytes, its own field as spaces; old writers summed signed bytes.
fn verify_sum(block: &[u8; BLOCK]) -> Result<(), Unscannable> {
    let stored = block.get(148..156).unwrap_or_default();
    let stored = number(stored).map_err(|_| Unscannable::Checksum)?;
    let (mut unsigned, mut signed) = (0u64, 0i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) {
            b' '
        } else {
            *byte
        };
        unsigned += u64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    if stored == unsigned || u64::try_from(signed).is_ok_and(|signed| signed == stored) {
        return Ok(());
    }
    Err(Unscannable::Checksum)
}
