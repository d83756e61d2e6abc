//! From the written policy to the validated one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::oci::Digest;
use crate::policy::{
    ConfigProfile, Level, Mode, Origin, Parts, Pattern, Policy, Rule, ScanProfile, Unsigned,
};

use crate::trust::Roots;

use super::diagnostic::Diagnostics;
use super::policy_file::{Action, At, ModeWord, PolicyFile, RuleTable, SignerTable, Text};
use super::policy_tables::{level, suggestion};
use super::shape;

/// Largest policy file in bytes; thousands of rules fit.
const MAX_POLICY_BYTES: usize = 4 * 1024 * 1024;

/// What a rule says that wants no scan though others have one.
const NO_SCAN: &str = "none";

/// Reads and validates a policy. `file` is what people call it; files that it names are looked for in `folder`.
///
/// # Errors
/// All mistakes of the file, each with its place and its remedy.
pub fn parse_policy(text: &str, file: &str, folder: Option<&Path>) -> Result<Policy, Diagnostics> {
    parse_policy_with(text, file, folder, &Beside::default())
}

/// What a policy is read beside.
pub struct Beside {
    /// Trusted roots, fetched ones in the place of the built-in ones and for the policy's own.
    pub roots: Roots,
    /// What `lazaret.toml` has for profiles to ask; none: that is not known, and what they ask for is taken to be there.
    pub offered: Option<Offered>,
}

/// What a server's settings have that looks into images for policies.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// The names of `[scanner.NAME]`.
    pub scanners: Vec<String>,
    /// Whether there is a `[clamd]`.
    pub clamd: bool,
    /// Whether there is a `[yara]`.
    pub yara: bool,
}

impl Default for Beside {
    fn default() -> Beside {
        Beside {
            roots: Roots::embedded(),
            offered: None,
        }
    }
}

/// The same beside what is there already.
///
/// # Errors
/// As for [`parse_policy`].
pub fn parse_policy_with(
    text: &str,
    file: &str,
    folder: Option<&Path>,
    beside: &Beside,
) -> Result<Policy, Diagnostics> {
    let mut build = Build {
        file: file.into(),
        diagnostics: Diagnostics::new(file, text),
        folder: folder.map(Path::to_owned),
        read: text.to_owned(),
    };
    if text.len() > MAX_POLICY_BYTES {
        build.diagnostics.error(
            0..0,
            format!("the policy is larger than {MAX_POLICY_BYTES} bytes"),
        );
        return Err(build.diagnostics);
    }
    let Some(written) = shape::read::<PolicyFile>(text, &mut build.diagnostics) else {
        return Err(build.diagnostics);
    };
    let parts = build.policy(&written, beside);
    build.diagnostics.into_result(Policy::new(parts))
}

/// The first 64 bits of the SHA-256 of all that was read.
fn epoch(text: &str) -> u64 {
    u64::from_str_radix(
        Digest::of(text.as_bytes())
            .hex()
            .get(..16)
            .unwrap_or_default(),
        16,
    )
    .unwrap_or_default()
}

pub(super) fn words(written: &[Text]) -> Vec<String> {
    written.iter().map(|word| word.get().clone()).collect()
}

/// The tables that rules name.
struct Profiles<'a> {
    scans: BTreeMap<&'a str, Arc<ScanProfile>>,
    configs: BTreeMap<&'a str, Arc<ConfigProfile>>,
}

pub(super) struct Build {
    file: Arc<str>,
    pub(super) diagnostics: Diagnostics,
    pub(super) folder: Option<PathBuf>,
    /// The policy's text and that of the files that it names: a change of either is a change of the policy.
    pub(super) read: String,
}

/// Which publisher of the catalogue a signer is, where it is one.
fn publishers_of(written: &PolicyFile) -> BTreeMap<String, String> {
    let publisher = |(name, table): (&String, &At<SignerTable>)| {
        let publisher = table.get().publisher.as_ref()?;
        Some((name.clone(), publisher.get().clone()))
    };
    written.signer.iter().filter_map(publisher).collect()
}

impl Build {
    pub(super) fn error(
        &mut self,
        at: Range<usize>,
        message: impl Into<String>,
    ) -> &mut super::Diagnostic {
        self.diagnostics.error(at, message)
    }

    pub(super) fn origin(&self, at: &Range<usize>, table: impl Into<String>) -> Origin {
        Origin {
            file: self.file.to_string(),
            line: self.diagnostics.line(at.start),
            table: table.into(),
        }
    }

    fn policy(&mut self, written: &PolicyFile, beside: &Beside) -> Parts {
        if *written.version.get() != 1 {
            self.error(
                written.version.span(),
                "this version of Lazaret reads policies of version 1",
            );
        }
        let (roots, root_sources) = self.roots(&written.root, &beside.roots);
        let signers = written
            .signer
            .iter()
            .filter_map(|(name, signer)| self.signer(name, signer, &roots))
            .collect();
        let usual = written.default_scan.as_slice();
        self.known("scan", usual, written.scan.keys());
        for table in written.scan.values() {
            for signers in [&table.get().reports_by, &table.get().vex_by] {
                self.known("signer", signers, written.signer.keys());
            }
            if let Some(offered) = &beside.offered {
                self.offered(table.get(), offered);
            }
        }
        let scans: BTreeMap<&str, Arc<ScanProfile>> = written
            .scan
            .iter()
            .map(|(name, table)| (name.as_str(), Arc::new(self.scan(name, table))))
            .collect();
        let configs: BTreeMap<&str, Arc<ConfigProfile>> = written
            .config
            .iter()
            .map(|(name, table)| (name.as_str(), Arc::new(self.config(name, table))))
            .collect();
        let profiles = Profiles { scans, configs };
        let names = self.names(&written.names);
        let rules: Vec<Rule> = written
            .rule
            .iter()
            .map(|rule| self.rule(rule, written, &profiles, false))
            .collect();
        self.ties(&written.rule);
        let default = self.rule(&written.default, written, &profiles, true);
        let waivers = written
            .waiver
            .iter()
            .filter_map(|waiver| self.waiver(waiver))
            .collect();
        let mode = match written.mode {
            Some(ModeWord::Audit) => Mode::Audit,
            Some(ModeWord::Lockdown) => Mode::Lockdown,
            Some(ModeWord::Enforce) | None => Mode::Enforce,
        };
        let platforms = self.platforms(written.platforms.as_deref());
        Parts {
            file: self.file.clone(),
            epoch: epoch(&self.read),
            mode,
            platforms,
            names,
            anomaly: self.anomaly(written.anomaly.as_ref()),
            signers,
            publishers: publishers_of(written),
            roots,
            root_sources,
            rules,
            default,
            waivers,
        }
    }

    fn rule(
        &mut self,
        table: &At<RuleTable>,
        file: &PolicyFile,
        profiles: &Profiles<'_>,
        default: bool,
    ) -> Rule {
        let written = table.get();
        let patterns = self.rule_patterns(table, default);
        self.reachable(table, &patterns, file);
        self.known("signer", &written.signed_by, file.signer.keys());
        for name in &written.must_include {
            if written
                .signed_by
                .iter()
                .all(|known| known.get() != name.get())
            {
                self.error(name.span(), format!("{} is not in signed_by", name.get()))
                    .help("must_include names some of signed_by");
            }
        }
        let attestations = written
            .attestation
            .iter()
            .map(|wanted| {
                self.known("signer", wanted.signed_by.get(), file.signer.keys());
                self.attestation(wanted)
            })
            .collect();
        let max_signature_age = written
            .max_signature_age
            .as_ref()
            .and_then(|age| self.duration(age));
        let scan = self.scan_of(written, file);
        self.known("config", written.config.as_slice(), file.config.keys());
        let threshold = self.threshold(written);
        Rule {
            patterns,
            unsigned: match written.unsigned {
                Some(Action::Allow) => Unsigned::Allow,
                Some(Action::Warn) => Unsigned::Warn,
                Some(Action::Deny) | None => Unsigned::Deny,
            },
            signed_by: words(&written.signed_by),
            threshold,
            must_include: words(&written.must_include),
            signed_name: self.signed_name(written.reference.as_ref()),
            signatures_from: self
                .signatures_from(written.signatures_from.as_ref(), file.names.get()),
            max_signature_age,
            tag_rollback: written.tag_rollback.map_or(Level::Warn, level),
            attestations,
            scan: scan.and_then(|name| profiles.scans.get(name.as_str()).cloned()),
            config: written
                .config
                .as_ref()
                .and_then(|name| profiles.configs.get(name.get().as_str()).cloned()),
            origin: self.origin(
                &table.span(),
                if default { "[default]" } else { "[[rule]]" },
            ),
        }
    }

    /// The profile that a rule names, or that all are held to which name none.
    fn scan_of(&mut self, written: &RuleTable, file: &PolicyFile) -> Option<String> {
        let own = written.scan.as_ref();
        if own.is_some_and(|name| name.get() == NO_SCAN && !file.scan.contains_key(NO_SCAN)) {
            return None;
        }
        self.known("scan", written.scan.as_slice(), file.scan.keys());
        own.or(file.default_scan.as_ref())
            .map(|name| name.get().clone())
    }

    fn rule_patterns(&mut self, table: &At<RuleTable>, default: bool) -> Vec<Pattern> {
        match (&table.get().patterns, default) {
            (Some(patterns), false) => {
                if patterns.get().is_empty() {
                    self.error(patterns.span(), "the rule matches nothing")
                        .help("name images, as in match = [\"docker.io/library/*\"]");
                }
                self.patterns(patterns.get(), true)
            }
            (None, true) => Vec::new(),
            (None, false) => {
                self.error(table.span(), "the rule has no match")
                    .help("name images, as in match = [\"docker.io/library/*\"]");
                Vec::new()
            }
            (Some(patterns), true) => {
                self.error(patterns.span(), "[default] is for all that no rule matches")
                    .help("remove match, or make it a [[rule]]");
                Vec::new()
            }
        }
    }

    /// A rule about a registry that the policy does not list would never decide.
    fn reachable(&mut self, table: &At<RuleTable>, patterns: &[Pattern], file: &PolicyFile) {
        for pattern in patterns {
            if let Some(host) = pattern.host().filter(|host| {
                file.names
                    .get()
                    .registries
                    .iter()
                    .all(|known| known.get() != host)
            }) {
                let help = format!("add \"{host}\" to [names] registries");
                self.error(
                    table.span(),
                    format!("{pattern} can never be pulled: {host} is not among the registries"),
                )
                .help(help);
            }
        }
    }

    fn threshold(&mut self, written: &RuleTable) -> u32 {
        let Some(place) = &written.threshold else {
            return 1;
        };
        let signers: BTreeSet<&String> = written.signed_by.iter().map(At::get).collect();
        let threshold = *place.get();
        if threshold == 0 || threshold as usize > signers.len() {
            let message = format!("{threshold} of {} signers can never be met", signers.len());
            self.error(place.span(), message)
                .help("threshold counts distinct names of signed_by");
        }
        threshold
    }

    /// Names that other tables must define.
    fn known<'a>(
        &mut self,
        table: &str,
        names: &[Text],
        defined: impl Iterator<Item = &'a String> + Clone,
    ) {
        for name in names {
            if defined.clone().all(|known| known != name.get()) {
                let known = defined.clone().map(String::as_str);
                let message = format!("there is no [{table}.{}]", name.get());
                self.diagnostics
                    .error(name.span(), message)
                    .help(suggestion(name.get(), known));
            }
        }
    }

    /// Two equally specific patterns that can match one name leave the decision to chance.
    fn ties(&mut self, rules: &[At<RuleTable>]) {
        let all: Vec<(Pattern, Range<usize>)> = rules
            .iter()
            .filter_map(|rule| rule.get().patterns.as_ref())
            .flat_map(|patterns| patterns.get())
            .filter_map(|text| Some((Pattern::parse(text.get()).ok()?, text.span())))
            .collect();
        for (at, (pattern, span)) in all.iter().enumerate() {
            for (earlier, place) in all.iter().take(at) {
                if pattern.ties_with(earlier) {
                    let line = self.diagnostics.line(place.start);
                    let message = format!(
                        "{pattern} and {earlier} on line {line} match the same names and neither is more specific"
                    );
                    self.error(span.clone(), message)
                        .help("join the rules, or make one pattern more specific");
                }
            }
        }
    }
}
