//! Files of a layer, each held until its end, then tried.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use boreal::Scanner;
use boreal::scanner::{ScanCallbackResult, ScanError, ScanEvent};

use super::loose::Loose;
use super::{ABOUT_FILES, MAX_FILE_BYTES, MAX_PLACES, MAX_RULES_TOLD, MAX_TIME};
use crate::evidence::looked::{Looked, Looking};
use crate::scan::Onlooker;

/// A layer's files on their way to the rules.
pub(in crate::evidence) struct Tried {
    scanner: Scanner,
    loose: Option<Arc<Loose>>,
    file: Option<(String, Vec<u8>)>,
    found: Looked,
    /// Why nothing more is tried.
    broken: Option<String>,
}

/// What the rules say of one file.
#[derive(Default)]
struct Told {
    rules: Vec<String>,
    /// Why that may not be all.
    partly: Option<String>,
    /// Another try may end otherwise.
    passing: bool,
}

impl Tried {
    pub(super) fn new(scanner: Scanner, loose: Option<Arc<Loose>>) -> Tried {
        Tried {
            scanner,
            loose,
            file: None,
            found: Looked::default(),
            broken: None,
        }
    }

    fn describe(&mut self, path: &str) -> Result<(), String> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        for (symbol, value) in ABOUT_FILES.into_iter().zip([name, path, end]) {
            let defined = self.scanner.define_symbol(symbol, value);
            defined.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn told(&mut self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.describe(path)?;
        let mut told = tried(&self.scanner, bytes);
        if told.partly.is_none()
            && let Some(found) = self.loose.as_ref().and_then(|loose| loose.too_often(bytes))
        {
            told.partly = Some(found.why);
            told.passing |= found.passing;
        }
        for rule in &told.rules {
            self.found.find(path, rule)?;
        }
        if let Some(why) = told.partly {
            self.found.miss(path, &why)?;
        }
        self.found.passing |= told.passing;
        Ok(())
    }
}

impl Onlooker for Tried {
    fn begin(&mut self, path: &str, size: u64) {
        if size == 0 || self.broken.is_some() {
            return;
        }
        if size > MAX_FILE_BYTES {
            let why = format!("larger than {} MiB", MAX_FILE_BYTES >> 20);
            self.broken = self.found.miss(path, &why).err();
            return;
        }
        let room = usize::try_from(size).unwrap_or(0);
        self.file = Some((path.to_owned(), Vec::with_capacity(room)));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some((_, held)) = &mut self.file {
            held.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        if let Some((path, bytes)) = self.file.take() {
            self.broken = self.told(&path, &bytes).err();
        }
    }
}

impl Looking for Tried {
    fn finish(self: Box<Self>) -> Result<Looked, String> {
        self.found.ended(self.broken)
    }
}

/// All rules on one file. What the rules could not be tried on to the end is said to be so, never clean.
fn tried(scanner: &Scanner, bytes: &[u8]) -> Told {
    let mut told = Told::default();
    let each = |event: ScanEvent<'_, '_>| {
        match event {
            ScanEvent::RuleMatch(rule) if told.rules.len() < MAX_RULES_TOLD => {
                // The namespace is the path of the file.
                let file = rule.namespace.rsplit('/').next().unwrap_or_default();
                told.rules.push(format!("{} ({file})", rule.name));
            }
            ScanEvent::RuleMatch(_) => {
                told.partly = Some(format!("more than {MAX_RULES_TOLD} rules match"));
                return ScanCallbackResult::Abort;
            }
            ScanEvent::StringReachedMatchLimit(string) => {
                let (rule, string) = (string.rule_name, string.string_name);
                told.partly = Some(format!(
                    "${string} of {rule} is in it over {MAX_PLACES} times"
                ));
            }
            _ => {}
        }
        ScanCallbackResult::Continue
    };
    // The engine takes programs apart that others wrote.
    let done = catch_unwind(AssertUnwindSafe(|| {
        scanner.scan_mem_with_callback(bytes, each)
    }));
    match done {
        Ok(Ok(()) | Err(ScanError::CallbackAbort)) => {}
        Ok(Err(ScanError::Timeout)) => {
            told.partly = Some(format!("not done after {} s", MAX_TIME.as_secs()));
            told.passing = true;
        }
        Ok(Err(error)) => told.partly = Some(error.to_string()),
        Err(_) => told.partly = Some("the rules' engine crashed over it".to_owned()),
    }
    told
}
