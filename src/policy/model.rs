//! The validated policy: what `policy.toml` means. Only the `config` room builds one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::oci::{Platform, Repository};

use super::{Code, Level, Mode, Origin, Pattern};

/// A validated policy. Immutable; a changed file makes another one.
#[derive(Clone, Debug)]
pub struct Policy(pub(super) Parts);

/// What a [`Policy`] is made of, in the order of the file.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The file's name as the operator gave it.
    pub file: Arc<str>,
    /// Hash of the file's text.
    pub epoch: u64,
    /// What a denial does.
    pub mode: Mode,
    /// Which images of an index are judged.
    pub platforms: Vec<Platform>,
    /// What names are held to.
    pub names: NamePolicy,
    /// `[[rule]]` tables.
    pub rules: Vec<Rule>,
    /// `[default]`.
    pub default: Rule,
    /// `[[waiver]]` tables.
    pub waivers: Vec<Waiver>,
}

/// `[names]`.
#[derive(Clone, Debug)]
pub struct NamePolicy {
    /// Registries that may be named at all.
    pub registries: Vec<String>,
    /// Names that must never come from a public registry.
    pub internal: Vec<Pattern>,
    /// Our own names, protected like the popular ones.
    pub protect: Vec<Pattern>,
    /// Names that look like squats and are not.
    pub allow: Vec<Pattern>,
    /// What a suspicion of the block tier does.
    pub block: Level,
    /// What a suspicion of the warn tier does.
    pub warn: Level,
    /// What a suspicion of the hint tier does.
    pub hint: Level,
    /// Where the table stands.
    pub origin: Origin,
}

/// `[[rule]]` or `[default]`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which images; empty for the default.
    pub patterns: Vec<Pattern>,
    /// What an image without a trusted signature meets.
    pub unsigned: Unsigned,
    /// Names of signers, any of whom may vouch.
    pub signed_by: Vec<String>,
    /// How many distinct signers must.
    pub threshold: u32,
    /// What must be attested, by predicate type.
    pub attestations: Vec<String>,
    /// Whether a scan is required, by the profile's name.
    pub scan: Option<String>,
    /// What the image's configuration is held to.
    pub config: Option<Arc<ConfigProfile>>,
    /// Where the table stands.
    pub origin: Origin,
}

/// What an image without a trusted signature meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// A denial.
    Deny,
    /// A warning.
    Warn,
    /// Nothing.
    Allow,
}

/// `[config.NAME]`.
#[derive(Clone, Debug)]
pub struct ConfigProfile {
    /// Runs as root by its own word, or names no user.
    pub root_user: Level,
    /// Exposes a port below 1024.
    pub privileged_ports: Level,
    /// An environment variable that looks like a secret.
    pub secret_env: Level,
    /// How old an image must be.
    pub min_age: Option<Duration>,
    /// Labels that must be there and not empty.
    pub labels: BTreeSet<String>,
    /// Where the table stands.
    pub origin: Origin,
}

/// `[[waiver]]`.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// Which kind of finding.
    pub finding: Code,
    /// For which images.
    pub images: Vec<Pattern>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it ends.
    pub until: Timestamp,
    /// Where the table stands.
    pub origin: Origin,
}

/// Which evidence the rule of a repository asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The images' configurations.
    pub config: bool,
    /// Signatures.
    pub signature: bool,
    /// Attestations.
    pub attestation: bool,
    /// A scan.
    pub scan: bool,
}

impl Policy {
    /// Joins validated parts.
    pub fn new(parts: Parts) -> Policy {
        Policy(parts)
    }

    /// The rule that decides about `repository`: the most specific match, else the default.
    pub fn rule_for(&self, repository: &Repository) -> &Rule {
        let matches = self
            .0
            .rules
            .iter()
            .flat_map(|rule| rule.patterns.iter().map(move |pattern| (rule, pattern)));
        matches
            .filter(|(_, pattern)| pattern.matches(repository))
            .max_by_key(|(_, pattern)| pattern.specificity())
            .map_or(&self.0.default, |(rule, _)| rule)
    }

    /// Which evidence that rule asks for.
    pub fn needs(&self, repository: &Repository) -> Needs {
        let rule = self.rule_for(repository);
        Needs {
            config: rule.config.is_some(),
            signature: !rule.signed_by.is_empty() && rule.unsigned != Unsigned::Allow,
            attestation: !rule.attestations.is_empty(),
            scan: rule.scan.is_some(),
        }
    }

    /// Which images of an index are judged.
    pub fn platforms(&self) -> &[Platform] {
        &self.0.platforms
    }

    /// What a denial does.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// What names are held to.
    pub fn names(&self) -> &NamePolicy {
        &self.0.names
    }

    /// Changes with every change of the file's text.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The file's name as the operator gave it.
    pub fn source(&self) -> &str {
        &self.0.file
    }

    /// Rules in the order of the file, without the default.
    pub fn rules(&self) -> &[Rule] {
        &self.0.rules
    }

    /// Waivers in the order of the file.
    pub fn waivers(&self) -> &[Waiver] {
        &self.0.waivers
    }
}
