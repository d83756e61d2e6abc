//! Ruby's installed `.gemspec` files: generated code, of which two assignments count.

use super::{Item, Malformed};

/// The gem whose specification this is.
pub(super) fn read(path: &str, content: &[u8]) -> Result<Vec<Item>, Malformed> {
    let text = String::from_utf8_lossy(content);
    let find = |word: &str| {
        text.lines().find_map(|line| {
            let (left, right) = line.trim().split_once('=')?;
            let assigned = left.trim_end().rsplit_once('.')?.1 == word;
            quoted(right.trim()).filter(|_| assigned)
        })
    };
    if let (Some(name), Some(version)) = (find("name"), find("version")) {
        return Ok(vec![Item::new(name, version)]);
    }
    // Computed in code: then the file's name says it.
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".gemspec").unwrap_or_default();
    let numbers = stem.match_indices("-").find_map(|(at, _)| {
        let (name, version) = stem.split_at_checked(at)?;
        // `-x86_64-linux` may follow.
        let version = version.strip_prefix('-')?.split('-').next()?;
        version
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some((name, version))
    });
    let (name, version) = numbers.ok_or(Malformed("a gem without name or version"))?;
    Ok(vec![Item::new(name, version)])
}

fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = text.strip_prefix(quote)?;
    inside.split_once(quote).map(|(inside, _)| inside)
}
