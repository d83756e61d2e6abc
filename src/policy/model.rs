//! The validated policy: what `policy.toml` means. Only the `config` room builds one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::oci::{Platform, Repository};
use crate::trust::{RootSource, Roots, Signer};

use super::{AnomalyPolicy, Condition, Level, Mode, Origin, Pattern, ScanProfile, Waiver};

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
    /// What is unusual.
    pub anomaly: AnomalyPolicy,
    /// `[signer.NAME]` tables of the kinds that are verified.
    pub signers: Vec<Signer>,
    /// The catalogue's name of those among them who are taken from there.
    pub publishers: BTreeMap<String, String>,
    /// Whom certificates, logs and times are believed for: the built-in roots and `[root.NAME]`.
    pub roots: Roots,
    /// Where `[root.NAME]` tables of the policy have roots fetched.
    pub root_sources: Vec<RootSource>,
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
    /// What suspicions of single rules do, whatever their tier.
    pub rules: BTreeMap<String, Level>,
    /// What a name meets that strangers can publish under and nobody has pulled or approved before.
    pub first_seen: Level,
    /// What Docker Hub's figures do to suspicions; none: it is not asked.
    pub reputation: Option<ReputationPolicy>,
    /// Where the table stands.
    pub origin: Origin,
}

/// `[names.reputation]`: figures that make a suspicion a tier stronger or weaker.
#[derive(Clone, Debug, Default)]
pub struct ReputationPolicy {
    /// Fewer pulls make it stronger.
    pub raise_below_pulls: Option<u64>,
    /// So does a repository younger than this.
    pub raise_younger_than: Option<Duration>,
    /// As many pulls make it weaker, unless something makes it stronger.
    pub lower_above_pulls: Option<u64>,
    /// So does a publisher whom Docker has verified or sponsors.
    pub lower_verified: bool,
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
    /// Names of signers who must be among them.
    pub must_include: Vec<String>,
    /// Which name the image must have been signed under, where the signature says.
    pub signed_name: SignedName,
    /// Where signatures and attestations are looked for, in this order.
    pub signatures_from: Vec<SignaturePlace>,
    /// How old a signature may be.
    pub max_signature_age: Option<Duration>,
    /// What a tag meets that goes back to an image signed earlier.
    pub tag_rollback: Level,
    /// What must be attested.
    pub attestations: Vec<WantedAttestation>,
    /// What the content of layers is held to.
    pub scan: Option<Arc<ScanProfile>>,
    /// What the image's configuration is held to.
    pub config: Option<Arc<ConfigProfile>>,
    /// Where the table stands.
    pub origin: Origin,
}

impl Rule {
    /// Names of signers whose signed reports and statements the scan regards.
    pub fn told_by(&self) -> impl Iterator<Item = &String> {
        let scan = self.scan.iter();
        scan.flat_map(|scan| scan.reports_by.iter().chain(&scan.vex_by))
    }
}

/// Which name an image must have been signed under. cosign itself does not look: there another repository's signature
/// passes for this one's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignedName {
    /// This repository, with any tag.
    #[default]
    SameRepository,
    /// This repository with this tag; with any, where it is asked for by digest.
    Exact,
    /// Any: for images that were copied with their signatures.
    Any,
    /// The repository that this one is a copy of: beginnings of names (registry and whole parts of the path) with what
    /// stood there when it was signed, the longest first. What none of them begins is as for `SameRepository`.
    Remapped(Vec<(String, String)>),
}

/// Where signatures of an image lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignaturePlace {
    /// In its own repository.
    Same,
    /// In this one, which may be in another registry.
    Repository(Repository),
}

impl SignaturePlace {
    /// The repository, for an image of `repository`.
    pub fn of<'a>(&'a self, repository: &'a Repository) -> &'a Repository {
        match self {
            SignaturePlace::Same => repository,
            SignaturePlace::Repository(other) => other,
        }
    }
}

/// `[[rule.attestation]]`. All of it must hold for one statement.
#[derive(Clone, Debug)]
pub struct WantedAttestation {
    /// As the policy calls it: `slsa-provenance`, or a URI.
    pub name: String,
    /// Predicate types that satisfy it; a type also stands for its versions (`…/Document` for `…/Document/v2.3`).
    pub types: Vec<String>,
    /// Names of signers, any of whom may have signed it.
    pub signed_by: Vec<String>,
    /// How old it may be.
    pub max_age: Option<Duration>,
    /// Builders, any of whom must have built it (SLSA provenance).
    pub builder: Vec<String>,
    /// The repository that it must be built from (SLSA provenance).
    pub source: Option<String>,
    /// What must be true of it beyond that.
    pub when: Option<Arc<Condition>>,
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
    /// No health check is set; none: nobody looks.
    pub healthcheck: Option<Level>,
    /// A file came by `ADD`, which fetches and unpacks, beyond the base image's own.
    pub add_instruction: Option<Level>,
    /// Lists of packages were updated by themselves, so that a cache may hold old ones.
    pub update_alone: Option<Level>,
    /// How old an image must be.
    pub min_age: Option<Duration>,
    /// Labels that must be there and not empty.
    pub labels: BTreeSet<String>,
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
            attestation: !rule.attestations.is_empty() || rule.told_by().next().is_some(),
            scan: rule.scan.is_some(),
        }
    }

    /// Whether the tag that was asked for matters too, and not the digest alone.
    pub fn tag_matters(&self, repository: &Repository) -> bool {
        let rule = self.rule_for(repository);
        rule.signed_name == SignedName::Exact
            || rule.tag_rollback == Level::Deny
            || self.0.anomaly.tag_moved == Level::Deny
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

    /// What is unusual.
    pub fn anomaly(&self) -> &AnomalyPolicy {
        &self.0.anomaly
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

    /// What rules hold the content of layers to.
    pub fn scans(&self) -> impl Iterator<Item = &Arc<ScanProfile>> {
        let rules = self.0.rules.iter().chain([&self.0.default]);
        rules.filter_map(|rule| rule.scan.as_ref())
    }

    /// Trusted roots.
    pub fn roots(&self) -> &Roots {
        &self.0.roots
    }

    /// Where the policy's own roots are fetched.
    pub fn root_sources(&self) -> &[RootSource] {
        &self.0.root_sources
    }

    /// Signers of the kinds that are verified.
    pub fn signers(&self) -> &[Signer] {
        &self.0.signers
    }

    /// The publisher that a signer is taken from the catalogue as.
    pub fn publisher_of(&self, signer: &str) -> Option<&str> {
        self.0.publishers.get(signer).map(String::as_str)
    }

    /// Waivers in the order of the file.
    pub fn waivers(&self) -> &[Waiver] {
        &self.0.waivers
    }
}
