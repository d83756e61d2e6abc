//! `[yara]`: the operator's own rules for files.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::server_check::Check;

/// Rules that are tried on the files of scanned images.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawYara {
    /// Files with YARA rules, and folders whose `*.yar` and `*.yara` are. Required.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    rules: Vec<Spanned<String>>,
}

impl Check<'_> {
    pub(super) fn yara(&mut self, raw: Option<Spanned<RawYara>>) -> Vec<PathBuf> {
        let Some(raw) = raw else {
            return Vec::new();
        };
        let span = raw.span();
        if cfg!(not(feature = "yara")) {
            // Refused when it is loaded: a table that does nothing would look like a guard.
            let problem = "[yara] names rules, and this lazaret is built without YARA";
            let mistake = self.notes.error(span.clone(), problem);
            mistake.help("build it with cargo build --release --features yara");
        }
        let rules = raw.into_inner().rules;
        if rules.is_empty() {
            let mistake = self.notes.error(span, "[yara] names no rules");
            mistake.help("as in rules = [\"/etc/lazaret/rules\"]: files, or folders with *.yar");
        }
        let named = rules.into_iter();
        named.filter_map(|path| self.path(Some(path))).collect()
    }
}
