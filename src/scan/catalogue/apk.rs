//! apk's `installed`: paragraphs of one-letter fields (apk-tools, "apk index format").

use super::{Item, Malformed};

/// Every installed package, with the one that it was built from (`o:`), and its files (`F:` is a folder, `R:` a file).
pub(super) fn read(content: &[u8], files: &mut dyn FnMut(&str)) -> Result<Vec<Item>, Malformed> {
    let text = String::from_utf8_lossy(content);
    let mut items = Vec::new();
    let (mut name, mut version, mut origin, mut fields) = ("", "", "", 0);
    let mut folder = "";
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            if fields > 0 {
                if name.is_empty() || version.is_empty() {
                    return Err(Malformed("a package without name or version"));
                }
                let mut item = Item::new(name, version);
                item.source = Some(origin)
                    .filter(|origin| !origin.is_empty())
                    .map(|origin| (origin.to_owned(), version.to_owned()));
                items.push(item);
            }
            (name, version, origin, fields) = ("", "", "", 0);
            continue;
        }
        let (key, value) = line
            .split_once(':')
            .ok_or(Malformed("a line without a field"))?;
        fields += 1;
        let field = match key {
            "P" => &mut name,
            "V" => &mut version,
            "o" => &mut origin,
            "F" => {
                folder = value;
                continue;
            }
            "R" => {
                files(&format!("{folder}/{value}"));
                continue;
            }
            _ => continue,
        };
        if !field.is_empty() {
            return Err(Malformed("a field twice in one package"));
        }
        *field = value;
    }
    Ok(items)
}
