//! Expressions without fixed bytes. The engine stops to count their places at its limit, as it does for all, but without a
//! word; so they are asked a second time, whether the limit was reached.

use boreal::scanner::{ScanError, ScanParams};
use boreal::statistics::CompiledRule;
use boreal::{Compiler, Scanner};

use super::{MAX_PLACES, MAX_TIME};

/// How the engine calls what it looks for at every place of a file.
const EVERY_PLACE: &str = "Raw";

/// Rules of our own, one for each such expression of the operator's.
#[derive(Clone, Debug)]
pub(super) struct Loose {
    scanner: Scanner,
    /// What each is told as, in the order of the rules' numbers.
    told: Vec<String>,
}

/// What a file holds too often.
pub(super) struct TooOften {
    pub(super) why: String,
    /// Another try may end otherwise.
    pub(super) passing: bool,
}

impl Loose {
    /// For the expressions of these rules; none where there are none.
    ///
    /// # Errors
    /// What the engine says of an expression that it has understood before.
    pub(super) fn of(rules: &[CompiledRule]) -> Result<Option<Loose>, String> {
        let mut compiler = Compiler::new();
        let mut told = Vec::new();
        for rule in rules {
            for string in &rule.strings {
                let declared = string.expr.split_once('=');
                let Some((_, expression)) =
                    declared.filter(|_| string.matching_algo == EVERY_PLACE)
                else {
                    continue;
                };
                let number = told.len();
                let own = format!(
                    "rule r{number} {{ strings: $a = {expression} condition: #a >= {MAX_PLACES} }}"
                );
                let added = compiler.add_rules_str(&own);
                added.map_err(|error| error.to_string())?;
                told.push(format!("${} of {}", string.name, rule.name));
            }
        }
        if told.is_empty() {
            return Ok(None);
        }
        let mut scanner = compiler.finalize();
        let params = ScanParams::default().timeout_duration(Some(MAX_TIME));
        scanner.set_scan_params(params.string_max_nb_matches(MAX_PLACES));
        Ok(Some(Loose { scanner, told }))
    }

    /// Whether an expression is in a file so often that its places were not all seen.
    pub(super) fn too_often(&self, bytes: &[u8]) -> Option<TooOften> {
        let (found, failed) = match self.scanner.scan_mem(bytes) {
            Ok(found) => (found, None),
            Err((error, found)) => (found, Some(error)),
        };
        let numbers = found
            .rules
            .iter()
            .filter_map(|rule| rule.name.strip_prefix('r'));
        let first = numbers
            .filter_map(|number| number.parse::<usize>().ok())
            .min();
        let why = match (first.and_then(|number| self.told.get(number)), &failed) {
            (Some(string), _) => format!("{string} is in it over {MAX_PLACES} times"),
            (None, Some(error)) => error.to_string(),
            (None, None) => return None,
        };
        Some(TooOften {
            why,
            passing: first.is_none() && matches!(failed, Some(ScanError::Timeout)),
        })
    }
}
