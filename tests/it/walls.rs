//! The shape of the source: who may import whom, what pure rooms may not touch, sizes.
//!
//! It reads text, not syntax: an import that a macro makes would pass.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may import besides itself; `*` is every room.
const WALLS: &str = "
oci       :
policy    : oci trust
names     : oci
canary    : oci
clients   : oci canary
config    : oci policy names trust
trust     : oci
scan      : oci telemetry
report    : oci policy scan
upstream  : oci telemetry
store     : oci telemetry
ledger    : oci policy keyfile telemetry
evidence  : oci policy names trust scan report upstream store program telemetry
admission : oci policy names trust upstream store ledger evidence telemetry
trial     : oci policy names trust evidence
ca        : trust
keyfile   :
vsa       : oci policy ledger keyfile telemetry
gateway   : oci canary policy names config upstream store ledger evidence admission ca vsa telemetry
proxy     : oci policy config ledger ca gateway upstream telemetry
notify    : oci policy ledger upstream program telemetry
inspection: oci store evidence
console   : oci policy ledger admission telemetry
api       : oci policy config ledger admission console telemetry
program   :
telemetry : oci policy
cli       : *
main      : *
lib       :
";
/// Rooms that are functions of their arguments, and the words that would end that.
const PURE: [&str; 7] = [
    "oci", "canary", "clients", "policy", "names", "trust", "report",
];
const IMPURE_WORDS: &str =
    "tokio|std::fs|std::net::Tcp|std::net::Udp|SystemTime|Timestamp::now|async fn|async move";
const PRINTS: [&str; 5] = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 70;

/// A source file, with comments and strings of no interest blanked out and its tests cut off.
struct Source {
    path: PathBuf,
    room: String,
    /// How many modules lie between the file and the root.
    depth: usize,
    lines: Vec<String>,
}

/// The rooms that `room` may import; none for a word that is no room.
fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let mut rows = WALLS.lines().filter_map(|row| row.split_once(':'));
    let (_, allowed) = rows.find(|(name, _)| name.trim() == room)?;
    Some(allowed.split_whitespace().collect())
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files(root.clone(), &["rs"]);
    files.into_iter().map(|path| source(&root, path)).collect()
}

/// The files below `root` with one of these endings; what tools leave there is not ours.
fn files(root: PathBuf, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ends = |end: &&str| path.extension().is_some_and(|is| is == *end);
            if path.is_dir() {
                folders.extend((!path.ends_with("target")).then_some(path));
            } else if endings.iter().any(ends) {
                found.push(path);
            }
        }
    }
    found
}

fn source(root: &Path, path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap();
    let inside = path.strip_prefix(root).unwrap().with_extension("");
    let room = inside.iter().next().unwrap().to_str().unwrap().to_owned();
    let tests_file = path.file_name().unwrap().to_str().unwrap().contains("test")
        || inside.iter().any(|part| part == "tests");
    let mut lines = Vec::new();
    let mut rest = text.lines().peekable();
    while let Some(line) = rest.next().filter(|_| !tests_file) {
        let module = rest.peek().is_some_and(|next| next.starts_with("mod "));
        if line.trim() == "#[cfg(test)]" && module {
            break;
        }
        let comment = line.trim_start().starts_with("//");
        lines.push(if comment {
            String::new()
        } else {
            line.to_owned()
        });
    }
    let depth = inside.iter().count();
    Source {
        path,
        room,
        depth,
        lines,
    }
}

/// The rooms that a file names from the root: `crate::`, as many `super::`, or the binary's `lazaret::`.
fn imports(source: &Source) -> Vec<String> {
    let code = source.lines.join("\n");
    let mut found = Vec::new();
    let above = "super::".repeat(source.depth);
    for root in ["crate::", "lazaret::", &above] {
        for after in code.split(root).skip(1) {
            // `use crate::{a, b::C}` names several, one at each end of a brace depth of one.
            let mut depth = 0;
            let mut word = String::new();
            for c in after.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    c if c.is_alphanumeric() || c == '_' => {
                        word.push(c);
                        continue;
                    }
                    _ => {}
                }
                if !word.is_empty() && allowed(&word).is_some() {
                    found.push(word.clone());
                }
                word = String::from(if c == ':' || depth > 1 { " " } else { "" });
                if depth <= 0 {
                    break;
                }
            }
        }
    }
    found
}

/// The name and lines of functions, found by counting braces from each `fn`.
fn functions(source: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        let words = line.trim_start();
        let starts = words.starts_with("fn ") || words.contains(" fn ") && words.contains('(');
        if !starts || words.starts_with('"') {
            continue;
        }
        let indent = line.len() - words.len();
        // Formatted code closes a function by a brace at the column where it began.
        let end = format!("{}}}", " ".repeat(indent));
        let body = source.lines.iter().skip(at);
        // A method that a trait only demands ends with its signature.
        let demand = format!("{})", " ".repeat(indent));
        let ends = |line: &str| line == end || line.starts_with(&demand) && line.ends_with(';');
        let length = body.take_while(|line| !ends(line)).count() + 1;
        if !line.ends_with([';', '}']) {
            found.push((words.to_owned(), length));
        }
    }
    found
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    for source in sources() {
        let path = source.path.display();
        let allowed = allowed(&source.room);
        let allowed = allowed.unwrap_or_else(|| panic!("{path}: its room is not in the table"));
        for import in imports(&source) {
            let fits = |room: &&str| *room == import || *room == "*";
            let fits = import == source.room || allowed.iter().any(fits);
            assert!(fits, "{path}: {} may not import {import}", source.room);
        }
    }
}

#[test]
fn pure_rooms_neither_wait_nor_look_outside() {
    for source in sources().iter().filter(|s| PURE.contains(&s.room.as_str())) {
        for (at, line) in source.lines.iter().enumerate() {
            let word = IMPURE_WORDS.split('|').find(|word| line.contains(word));
            assert_eq!(word, None, "{}:{}", source.path.display(), at + 1);
        }
    }
}

#[test]
fn files_and_functions_stay_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "bench"] {
        for path in files(root.join(folder), &["rs", "py"]) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= MAX_FILE_LINES, "{}: {lines} lines", path.display());
        }
    }
    for source in sources() {
        let path = source.path.display();
        for (name, lines) in functions(&source) {
            assert!(lines <= MAX_FUNCTION_LINES, "{path}: {lines} lines: {name}");
        }
    }
}

#[test]
fn nothing_prints_past_the_log() {
    for source in sources() {
        for (at, line) in source.lines.iter().enumerate() {
            let print = PRINTS.iter().find(|word| {
                let found = line.find(**word);
                found.is_some_and(|at| !line[..at].ends_with(|c: char| c.is_alphanumeric()))
            });
            assert_eq!(print, None, "{}:{}", source.path.display(), at + 1);
        }
    }
}
