//! `policy.toml` as it is written: plain tables, spans kept, unknown keys refused.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::policy_anomaly::AnomalyTable;
use super::policy_reference::SignedNameWord;
use super::policy_scan::ScanTable;

/// A value with its place in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct At<T>(pub(super) Spanned<T>);

impl<T> At<T> {
    pub(super) fn get(&self) -> &T {
        self.0.get_ref()
    }

    pub(super) fn span(&self) -> std::ops::Range<usize> {
        self.0.span()
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// A text with its place in the file.
pub(super) type Text = At<String>;

/// Who may pull what, and what it must prove: the policy of a Lazaret gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Lazaret policy")]
pub(super) struct PolicyFile {
    /// Version of this format: 1.
    pub(super) version: At<u32>,
    /// `enforce` blocks; `audit` records true verdicts and blocks nothing.
    pub(super) mode: Option<ModeWord>,
    /// Which images of a multi-platform index are judged; default linux/amd64 and linux/arm64.
    pub(super) platforms: Option<Vec<Text>>,
    /// What names are held to.
    pub(super) names: At<NamesTable>,
    /// Name of the `[scan.NAME]` table that every rule is held to which names none; default: nobody looks.
    pub(super) default_scan: Option<Text>,
    /// What is made of what is unusual.
    pub(super) anomaly: Option<At<AnomalyTable>>,
    /// People and machines that sign, by a name of your choice.
    #[serde(default)]
    pub(super) signer: BTreeMap<String, At<SignerTable>>,
    /// Trusted roots of one's own Sigstore instances; `sigstore` and `github` are built in.
    #[serde(default)]
    pub(super) root: BTreeMap<String, At<RootTable>>,
    /// What scans are held to, by a name of your choice.
    #[serde(default)]
    pub(super) scan: BTreeMap<String, At<ScanTable>>,
    /// What image configurations are held to, by a name of your choice.
    #[serde(default)]
    pub(super) config: BTreeMap<String, At<ConfigTable>>,
    /// What images must prove; the most specific match decides.
    #[serde(default)]
    pub(super) rule: Vec<At<RuleTable>>,
    /// What images must prove that no rule names.
    pub(super) default: At<RuleTable>,
    /// Findings that are excused for a time.
    #[serde(default)]
    pub(super) waiver: Vec<At<WaiverTable>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ModeWord {
    Enforce,
    Audit,
    Lockdown,
}

/// What becomes of something.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// Only noted.
    Allow,
    /// Said to the person; the pull goes on.
    Warn,
    /// The pull stops.
    Deny,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamesTable {
    /// Registries that may be named: a closed list.
    pub(super) registries: Vec<Text>,
    /// Names that must never come from a public registry.
    #[serde(default)]
    pub(super) internal: Vec<Text>,
    /// Our own names, protected like the popular ones.
    #[serde(default)]
    pub(super) protect: Vec<Text>,
    /// Names that look like squats and are not.
    #[serde(default)]
    pub(super) allow: Vec<Text>,
    /// How mistakes are met: `relaxed` lets likely ones pass, `strict` stops them and says what may be one;
    /// default standard. `block`, `warn` and `hint` win over it.
    pub(super) strictness: Option<Strictness>,
    /// What a name meets that is surely a mistake or a squat; default deny.
    pub(super) block: Option<Action>,
    /// What a name meets that is likely one; default warn.
    pub(super) warn: Option<Action>,
    /// What a name meets that may be one; default allow.
    pub(super) hint: Option<Action>,
    /// What suspicions of a single rule meet, whatever their tier: `{ name-doubled = "allow" }`.
    #[serde(default)]
    pub(super) rules: BTreeMap<String, At<Action>>,
    /// What a name meets that anybody could publish under and nobody has pulled here before; default allow.
    pub(super) first_seen: Option<Action>,
    /// Figures of Docker Hub that make suspicions stronger or weaker; without this table it is not asked.
    pub(super) reputation: Option<At<ReputationTable>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReputationTable {
    /// Fewer pulls make a suspicion a tier stronger.
    pub(super) raise_below_pulls: Option<u64>,
    /// So does a repository that is younger: `90d`.
    pub(super) raise_younger_than: Option<Text>,
    /// As many pulls make it a tier weaker, unless something makes it stronger.
    pub(super) lower_above_pulls: Option<u64>,
    /// So does a publisher whom Docker has verified or sponsors.
    #[serde(default)]
    pub(super) lower_verified: bool,
}

/// How much is made of suspicions about names.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Strictness {
    /// Sure mistakes are denied, likely ones noted.
    Relaxed,
    /// Sure mistakes are denied, likely ones warned of.
    #[default]
    Standard,
    /// Sure and likely mistakes are denied, possible ones warned of.
    Strict,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum SignerKind {
    Key,
    Keyless,
    Notation,
    Pgp,
    Publisher,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RootTable {
    /// File with a Sigstore trusted root (JSON), beside the policy.
    pub(super) file: Option<Text>,
    /// The TUF repository that publishes it.
    pub(super) tuf: Option<At<TufTable>>,
    /// How long it is believed after it was last refreshed, or its file written: `30d`.
    pub(super) max_age: Option<Text>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TufTable {
    /// Where it is: `https://tuf.example`.
    pub(super) mirror: Text,
    /// File with its root metadata (`1.root.json`, or a later one), beside the policy.
    pub(super) root: Text,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignerTable {
    /// `key`, `keyless`, `notation`, `pgp` or `publisher`; a `publisher` key implies the last.
    pub(super) kind: Option<SignerKind>,
    /// A name of the built-in catalogue.
    pub(super) publisher: Option<Text>,
    /// Issuer of the identity (keyless).
    pub(super) issuer: Option<Text>,
    /// Identity, as an anchored glob (keyless).
    pub(super) subject: Option<Text>,
    /// Public keys, or files with them beside the policy (key, pgp).
    pub(super) pem: Option<Vec<Text>>,
    /// The hash that the key's owner signs with; default any (key).
    pub(super) hash: Option<HashWord>,
    /// Name of the trusted root; default `sigstore` (keyless, key).
    pub(super) root: Option<Text>,
    /// Further words of the certificate, each with the values that are allowed (keyless).
    #[serde(default)]
    pub(super) claims: BTreeMap<String, At<Vec<String>>>,
    /// Root certificates of the signers, or files with them beside the policy (notation).
    pub(super) ca: Option<Vec<Text>>,
    /// Root certificates of authorities that sign for others and are believed about the time (notation).
    pub(super) signing_authority: Option<Vec<Text>>,
    /// The same of timestamp authorities (notation).
    pub(super) tsa: Option<Vec<Text>>,
    /// Whose certificates: `C=US, O=Acme, CN=ci` (notation).
    pub(super) subjects: Option<Vec<Text>>,
    /// `strict` (the default), or `permissive`, which passes over expiry, time and unknown revocation (notation).
    pub(super) level: Option<Text>,
    /// `cached` (the default), by the lists in `crl`; `fetched`, by these and what issuers tell when asked; or `skip`
    /// (notation).
    pub(super) revocation: Option<Text>,
    /// How long after its end a list or an answer is still believed: `12h`; none by default (notation).
    pub(super) revocation_grace: Option<Text>,
    /// Files with certificate revocation lists beside the policy (notation).
    pub(super) crl: Option<Vec<Text>>,
    /// Where their signatures lie; default: with the registry, by its extension for signatures (pgp).
    pub(super) lookaside: Option<Text>,
    /// `required` (the default), or `off` where a publisher's keyed signatures are in no transparency log.
    pub(super) tlog: Option<Text>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum HashWord {
    Auto,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigTable {
    /// What an image meets that runs as root or names no user; default allow.
    pub(super) root_user: Option<Action>,
    /// What an image meets that exposes a port below 1024; default allow.
    pub(super) privileged_ports: Option<Action>,
    /// What an image meets with an environment variable that looks like a secret; default allow.
    pub(super) secret_env: Option<Action>,
    /// What an image meets that sets no health check; default: nobody looks.
    pub(super) healthcheck: Option<Action>,
    /// What an image meets that brings files by `ADD`, its base apart; default: nobody looks.
    pub(super) add_instruction: Option<Action>,
    /// What an image meets with an update of package lists that installs nothing; default: nobody looks.
    pub(super) update_alone: Option<Action>,
    /// How old an image must be, as in "3d".
    pub(super) min_age: Option<Text>,
    /// Labels that must be there and not empty.
    #[serde(default)]
    pub(super) labels: Vec<Text>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AttestationTable {
    /// Predicate type: `slsa-provenance`, `spdx`, `cyclonedx`, `vuln`, `openvex`, or a URI.
    #[serde(rename = "type")]
    pub(super) predicate_type: Text,
    /// Names of signers, any of whom must have signed it.
    pub(super) signed_by: At<Vec<Text>>,
    /// How old it may be.
    pub(super) max_age: Option<Text>,
    /// Builders, any of whom must have built it (SLSA provenance).
    #[serde(default)]
    pub(super) builder: Vec<String>,
    /// The repository that it must be built from (SLSA provenance).
    pub(super) source: Option<String>,
    /// What must be true of it, in CEL: `predicate`, `subject`, `type`, `signers`, `image`.
    pub(super) when: Option<Text>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    /// Which images: `docker.io/library/*`, `registry.k8s.io/**`, or a full name. Not in `[default]`.
    #[serde(rename = "match")]
    pub(super) patterns: Option<At<Vec<Text>>>,
    /// What an image without a trusted signature meets; default deny.
    pub(super) unsigned: Option<Action>,
    /// Names of signers, any of whom may vouch.
    #[serde(default)]
    pub(super) signed_by: Vec<Text>,
    /// How many distinct ones must; default 1.
    pub(super) threshold: Option<At<u32>>,
    /// Names of signers who must be among them.
    #[serde(default)]
    pub(super) must_include: Vec<Text>,
    /// Which name a signature must give the image: `same-repo` (the default), `exact`, `any`, or `{ remap = { … } }`.
    pub(super) reference: Option<At<SignedNameWord>>,
    /// Repositories where signatures are looked for; `same` is the image's own, and the default.
    pub(super) signatures_from: Option<At<Vec<Text>>>,
    /// How old a signature may be.
    pub(super) max_signature_age: Option<Text>,
    /// What a tag meets that goes back to an image signed earlier; default warn.
    pub(super) tag_rollback: Option<Action>,
    /// Name of a `[scan.NAME]` table, or `none`; default: `default_scan`.
    pub(super) scan: Option<Text>,
    /// Name of a `[config.NAME]` table.
    pub(super) config: Option<Text>,
    /// What must be attested.
    #[serde(default)]
    pub(super) attestation: Vec<AttestationTable>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverTable {
    /// Code of the finding that is excused, or an advisory by any of its names: `CVE-2026-1234`.
    pub(super) finding: Text,
    /// Packages that it is about; default all.
    #[serde(default)]
    pub(super) packages: Vec<Text>,
    /// Files of the image that it is about, as findings name them; default all.
    #[serde(default)]
    pub(super) paths: Vec<Text>,
    /// For which images.
    pub(super) images: At<Vec<Text>>,
    /// Of these the ones with these digests; default all.
    #[serde(default)]
    pub(super) digests: Vec<Text>,
    /// Why.
    pub(super) reason: Text,
    /// Who answers for it.
    pub(super) owner: Text,
    /// Ticket, if there is one.
    pub(super) ticket: Option<String>,
    /// Last day (midnight UTC ends it), or a time.
    pub(super) until: Until,
}

/// A TOML date or date-time with its place.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Until(pub(super) Spanned<toml::value::Datetime>);

impl JsonSchema for Until {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Until".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// The JSON schema of `policy.toml`, from the types that read it.
pub fn policy_schema() -> serde_json::Value {
    schemars::schema_for!(PolicyFile).to_value()
}
