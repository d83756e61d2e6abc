//! The operator's YARA rules, tried on the files of layers while they pass. `boreal` understands the rules.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use boreal::compiler::{CompilerBuilder, CompilerParams};
use boreal::scanner::{CallbackEvents, ScanParams};
use boreal::{Compiler, Scanner};
use sha2::{Digest as _, Sha256};

use crate::oci::Digest;

mod looking;
mod loose;

pub(super) use looking::Tried;
use loose::Loose;

/// Largest file that rules are tried on, in bytes: it is held in memory, one a layer that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// How long all rules may take over one file: far more than good ones need for the largest.
const MAX_TIME: Duration = Duration::from_secs(20);
/// Most places of one string in a file: each is kept while the file is looked at, and a file may be made of nothing else.
const MAX_PLACES: u32 = 10_000;
/// Most rules that are told of one file.
const MAX_RULES_TOLD: usize = 20;
/// Largest file of rules, in bytes. The operator wrote it; this is for what was named by mistake.
const MAX_RULES_BYTES: u64 = 16 << 20;
/// Ends of names of files with rules, where a folder is named.
const ENDS: [&str; 2] = ["yar", "yara"];
/// What rules of collections ask about a file beside its content.
const ABOUT_FILES: [&str; 3] = ["filename", "filepath", "extension"];
/// How much of the digest is shown.
const SHOWN_DIGITS: usize = 12;

/// Rules that are understood.
#[derive(Clone, Debug)]
pub struct Yara {
    scanner: Scanner,
    loose: Option<Arc<Loose>>,
    version: String,
}

impl Yara {
    /// Reads rules of files, and of all `*.yar` and `*.yara` in folders; waits for the disk.
    ///
    /// # Errors
    /// Why not, with the file and, where a rule is wrong, its line.
    pub fn read(paths: &[PathBuf]) -> Result<Yara, String> {
        let mut compiler = compiler();
        let mut hash = Sha256::new();
        let mut rules = Vec::new();
        // What the same rules said is asked anew after an upgrade: another engine may see more.
        hash.update(env!("CARGO_PKG_VERSION"));
        for file in files(paths)? {
            let text = text(&file)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let whole = file.to_string_lossy();
            // Files of a collection use the same names: each has a namespace of its own.
            match compiler.add_rules_str_in_namespace(&text, &*whole) {
                Ok(added) => rules.extend(added.statistics().cloned()),
                Err(error) => return Err(placed(&error.to_string(), &file)),
            }
            for part in [name.as_bytes(), text.as_bytes()] {
                let length = part.len() as u64;
                hash.update(length.to_be_bytes());
                hash.update(part);
            }
        }
        let mut scanner = compiler.finalize();
        if scanner.rules().next().is_none() {
            return Err("there is no rule in the files of [yara]".to_owned());
        }
        scanner.set_scan_params(
            ScanParams::default()
                .timeout_duration(Some(MAX_TIME))
                .string_max_nb_matches(MAX_PLACES)
                .callback_events(
                    CallbackEvents::RULE_MATCH | CallbackEvents::STRING_REACHED_MATCH_LIMIT,
                ),
        );
        let version = Digest::Sha256(hash.finalize().into());
        Ok(Yara {
            scanner,
            loose: Loose::of(&rules)?.map(Arc::new),
            version: version.hex().to_owned(),
        })
    }

    /// The digest of the rules and of what understands them.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Somebody to show a layer's files to.
    pub(super) fn onlooker(&self) -> Tried {
        Tried::new(self.scanner.clone(), self.loose.clone())
    }

    /// What people are told of the rules: which they are.
    pub(super) fn name(version: &str) -> String {
        format!(
            "YARA rules {}",
            version.get(..SHOWN_DIGITS).unwrap_or(version)
        )
    }
}

fn compiler() -> Compiler {
    let mut compiler = CompilerBuilder::new().build();
    // What an included file holds would not be in the digest.
    let params = CompilerParams::default().disable_includes(true);
    // How each expression is looked for is told with these.
    compiler.set_params(params.compute_statistics(true));
    for name in ABOUT_FILES {
        compiler.define_symbol(name, "");
    }
    compiler
}

/// Files as named, and those of folders in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
        if !std::fs::metadata(path).map_err(wrong)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(wrong)? {
            let file = entry.map_err(wrong)?.path();
            let end = file.extension().and_then(|end| end.to_str());
            if end.is_some_and(|end| ENDS.contains(&end)) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(format!("{}: no *.yar or *.yara in it", path.display()));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

fn text(file: &Path) -> Result<String, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let opened = std::fs::File::open(file).map_err(|error| wrong(&error))?;
    let mut text = String::new();
    let mut bounded = opened.take(MAX_RULES_BYTES + 1);
    let read = bounded
        .read_to_string(&mut text)
        .map_err(|error| wrong(&error))?;
    match read as u64 > MAX_RULES_BYTES {
        true => Err(wrong(&format_args!(
            "larger than {} MiB",
            MAX_RULES_BYTES >> 20
        ))),
        false => Ok(text),
    }
}

/// The engine's `mem:LINE:COLUMN: error: …` with the file in it.
fn placed(said: &str, file: &Path) -> String {
    let said = said.strip_prefix("mem").unwrap_or(said);
    let plain = said.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    format!("{}{plain}", file.display())
}

#[cfg(test)]
mod tests;
