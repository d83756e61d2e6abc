//! Cases from text that must be good.

use lazaret::trial::Case;

/// One case, without a `[[case]]` above it.
pub(crate) fn case(text: &str) -> Case {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
