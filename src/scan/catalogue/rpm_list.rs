//! The list of packages that Azure Linux leaves in images from which it removes rpm (azurelinux, toolkit, "container-manifest-2"):
//! a line each, of columns that `rpm -qa` prints.

use super::rpm::{MAX_HEADERS, source_of};
use super::{Item, Malformed};

/// Name, version and release, times of installation and building, vendor, an epoch or `(none)`, size, architecture, the epoch as a
/// number, source.
const COLUMNS: usize = 10;

/// Every package of the list.
pub(super) fn read(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    let text = String::from_utf8_lossy(content);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut items = Vec::new();
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let ([name, version, .., epoch, source], true) =
            (columns.as_slice(), columns.len() == COLUMNS)
        else {
            return Err(Malformed("a line without its columns"));
        };
        if items.len() >= MAX_HEADERS {
            return Err(Malformed("more packages than are read"));
        }
        if name.is_empty() || !version.contains('-') {
            return Err(Malformed("a package without name, version or release"));
        }
        let whole = |version: &str| match *epoch {
            "0" | "" | "(none)" => version.to_owned(),
            epoch => format!("{epoch}:{version}"),
        };
        let mut item = Item::new(name, &whole(version));
        let source = source_of(source);
        item.source = source.map(|(name, version)| (name.to_owned(), whole(version)));
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_packages() {
        let line = |name: &str, epoch: &str| {
            format!(
                "{name}\t3.3.3-2.azl3\t1700000000\t1700000000\tMicrosoft Corporation\t(none)\t1\tx86_64\t{epoch}\topenssl-3.3.3-2.azl3.src.rpm\n"
            )
        };
        let list = [line("openssl-libs", "0"), line("openssl", "1")].concat();
        let items = read(list.as_bytes()).unwrap();
        let source = |version: &str| Some(("openssl".to_owned(), version.to_owned()));
        let mut plain = Item::new("openssl-libs", "3.3.3-2.azl3");
        plain.source = source("3.3.3-2.azl3");
        let mut newer = Item::new("openssl", "1:3.3.3-2.azl3");
        newer.source = source("1:3.3.3-2.azl3");
        assert_eq!(items, [plain, newer]);
        assert_eq!(read(b""), Ok(Vec::new()));
        for broken in ["openssl 3.3.3", "a\tb\tc\td\te\tf\tg\th\ti\tj"] {
            assert!(read(broken.as_bytes()).is_err(), "{broken:?}");
        }
    }
}
