//! dpkg's `status` (deb-control(5), dpkg(1) "Package states"), and distroless's `status.d`.

use super::{Item, Malformed};

/// One stanza's fields of interest.
#[derive(Default)]
struct Stanza {
    name: String,
    version: String,
    source: String,
    status: String,
    fields: usize,
}

/// Every package whose files are there: installed, or stuck between unpacked and configured.
pub(super) fn read(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    let text = String::from_utf8_lossy(content);
    let mut items = Vec::new();
    let mut stanza = Stanza::default();
    for line in text.lines() {
        if line.trim().is_empty() {
            items.extend(std::mem::take(&mut stanza).item()?);
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if stanza.fields == 0 {
                return Err(Malformed("a continuation of nothing"));
            }
            continue;
        }
        let (key, value) = line
            .split_once(':')
            .ok_or(Malformed("a line without a field"))?;
        stanza.fields += 1;
        let field = match key.to_ascii_lowercase().as_str() {
            "package" => &mut stanza.name,
            "version" => &mut stanza.version,
            "source" => &mut stanza.source,
            "status" => &mut stanza.status,
            _ => continue,
        };
        if !field.is_empty() {
            return Err(Malformed("a field twice in one stanza"));
        }
        value.trim().clone_into(field);
    }
    items.extend(stanza.item()?);
    Ok(items)
}

impl Stanza {
    fn item(self) -> Result<Option<Item>, Malformed> {
        if self.fields == 0 {
            return Ok(None);
        }
        if self.name.is_empty() {
            return Err(Malformed("a stanza without a package"));
        }
        // `status.d` has no states: what lies there is installed.
        let state = self.status.rsplit(' ').next().unwrap_or_default();
        if matches!(state, "not-installed" | "config-files") {
            return Ok(None);
        }
        if self.version.is_empty() {
            return Err(Malformed("a package without a version"));
        }
        let mut item = Item::new(&self.name, &self.version);
        if !self.source.is_empty() {
            let (name, version) = self.source.split_once(' ').unwrap_or((&self.source, ""));
            let version = version.trim().trim_start_matches('(').trim_end_matches(')');
            let version = if version.is_empty() {
                &self.version
            } else {
                version
            };
            item.source = Some((name.to_owned(), version.to_owned()));
        }
        Ok(Some(item))
    }
}
