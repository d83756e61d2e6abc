//! `lazaret names update`.

use std::io::Read;
use std::path::Path;

use super::wire::{NAMES, Trouble, about, corpus, data_dir};
use super::{REFUSED, UpdateArgs, output};
use crate::config::reload;
use crate::names::{Corpus, NameRules, Tier, judge};
use crate::oci::Reference;

/// The first line of the table.
const HEADING: &str = "image,tier,why";
/// Strength of a name from a plain list: well known, but not to everybody.
const LISTED: &str = "2";

/// One line to be added.
struct Entry {
    name: String,
    strength: String,
    why: String,
}

pub(super) fn update(args: &UpdateArgs) -> Result<u8, Trouble> {
    let text = text(&args.file)?;
    let folder = data_dir(&args.data)?;
    let known = corpus(&folder)?;
    let (mut added, mut already, mut left) = (Vec::new(), 0, 0);
    for entry in entries(&text, &args.file) {
        match judged(&entry, known) {
            Ok(None) => already += 1,
            Ok(Some(line)) if added.contains(&line) => already += 1,
            Ok(Some(line)) => {
                output::out(format_args!("+ {line}"));
                added.push(line);
            }
            Err(why) => {
                left += 1;
                output::err(format_args!("left out: {}: {why}", entry.name));
            }
        }
    }
    if !args.dry_run && !added.is_empty() {
        write(&folder, &added)?;
    }
    let done = if args.dry_run {
        "would be added"
    } else {
        "added"
    };
    output::err(format_args!(
        "{} {done}, {already} known already, {left} left out",
        added.len()
    ));
    Ok(if left > 0 { REFUSED } else { 0 })
}

fn text(file: &Path) -> Result<String, Trouble> {
    if file != Path::new("-") {
        return reload::read(file).map_err(about(file));
    }
    let mut text = String::new();
    let stdin = std::io::stdin().lock();
    stdin
        .take(reload::MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(about(Path::new("standard input")))?;
    Ok(text)
}

/// What a file of any of the three kinds wants added.
fn entries(text: &str, file: &Path) -> Vec<Entry> {
    let lines = || {
        text.lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
    };
    let entry = |name: &str, strength: &str, why: &str| Entry {
        name: name.to_owned(),
        strength: strength.to_owned(),
        why: why.to_owned(),
    };
    if lines().any(|line| line.starts_with("diff --git ")) {
        let new = lines()
            .zip(lines().skip(1))
            .filter(|(old, _)| *old == "--- /dev/null");
        let names = new.filter_map(|(_, new)| new.strip_prefix("+++ b/library/"));
        return names
            .map(|name| entry(name, "3", "docker-official-current"))
            .collect();
    }
    if lines().next() == Some(HEADING) {
        let rows = lines().skip(1).map(|line| {
            let mut fields = line.splitn(3, ',').map(str::trim);
            let mut next = || fields.next().unwrap_or_default();
            entry(next(), next(), next())
        });
        return rows.collect();
    }
    let why = match file.file_name() {
        Some(name) if file != Path::new("-") => format!("list:{}", name.to_string_lossy()),
        _ => "list".to_owned(),
    };
    let listed = lines().filter(|line| !line.starts_with('#'));
    listed
        .map(|line| entry(line.trim(), LISTED, &why.replace(' ', "-")))
        .collect()
}

/// The table's line, or none where the name is known. A name that looks like another must say why it stands beside it.
fn judged(entry: &Entry, known: &Corpus) -> Result<Option<String>, String> {
    let Entry {
        name,
        strength,
        why,
    } = entry;
    let reference: Reference = name.parse().map_err(|error| format!("{error}"))?;
    let repository = reference.repository();
    if known.images().any(|(image, _)| image == repository) {
        return Ok(None);
    }
    if !matches!(strength.as_str(), "1" | "2" | "3") {
        return Err(format!("its tier is {strength:?}, not 1, 2 or 3"));
    }
    let judged = judge(&reference, known, &NameRules::default());
    let unknown = |rule| rule == "closed-library-unknown";
    let like = judged
        .suspicions
        .iter()
        .find(|found| found.tier > Tier::Hint && !unknown(found.rule));
    let reasoned = why.contains(' ') || why == "docker-official-current";
    match like {
        Some(found) if !reasoned => Err(format!(
            "{}; to add it all the same write {HEADING:?} above and {repository},{strength},WORDS THAT SAY WHY",
            found.message
        )),
        _ => Ok(Some(format!("{repository},{strength},{why}"))),
    }
}

/// Puts the lines behind those that were added before: a new file takes the old one's place at once.
fn write(folder: &Path, added: &[String]) -> Result<(), Trouble> {
    std::fs::create_dir_all(folder).map_err(about(folder))?;
    let file = folder.join(NAMES);
    let old = match reload::read(&file) {
        Ok(old) => old,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => format!("{HEADING}\n"),
        Err(error) => return Err(about(&file)(error)),
    };
    let text = format!("{}\n{}\n", old.trim_end(), added.join("\n"));
    Corpus::extended(&text).map_err(|error| Trouble::Other(error.to_string()))?;
    let new = folder.join("names.csv.new");
    std::fs::write(&new, text).map_err(about(&new))?;
    std::fs::rename(&new, &file).map_err(about(&file))
}
