//! Python's `METADATA` and `PKG-INFO` (packaging.python.org, "Core metadata specifications").

use super::{Item, Malformed};

/// The package whose metadata this is.
pub(super) fn read(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    let text = String::from_utf8_lossy(content);
    let (mut name, mut version) = ("", "");
    // The description follows an empty line, and may hold anything.
    for line in text.lines().take_while(|line| !line.trim().is_empty()) {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        if key.eq_ignore_ascii_case("name") && name.is_empty() {
            name = value.trim();
        } else if key.eq_ignore_ascii_case("version") && version.is_empty() {
            version = value.trim();
        }
    }
    if name.is_empty() || version.is_empty() {
        return Err(Malformed("metadata without name or version"));
    }
    Ok(vec![Item::new(name, version)])
}
