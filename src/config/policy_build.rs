//! From the written policy to the validated one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::oci::{Digest, Platform};
use crate::policy::{
    Code, ConfigProfile, Level, Mode, NamePolicy, Origin, Parts, Pattern, Policy, Rule, Unsigned,
    Waiver,
};

use super::diagnostic::{Diagnostics, nearest};
use super::policy_file::{
    Action, At, ConfigTable, ModeWord, NamesTable, PolicyFile, RuleTable, SignerKind, SignerTable,
    Text, WaiverTable,
};
use super::units;

/// Largest policy file in bytes; thousands of rules fit.
const MAX_POLICY_BYTES: usize = 4 * 1024 * 1024;

/// Reads and validates a policy. `file` is what people call it.
///
/// # Errors
/// All mistakes of the file, each with its place and its remedy.
pub fn parse_policy(text: &str, file: &str) -> Result<Policy, Diagnostics> {
    let mut build = Build {
        file: file.into(),
        diagnostics: Diagnostics::new(file, text),
    };
    if text.len() > MAX_POLICY_BYTES {
        build.diagnostics.error(
            0..0,
            format!("the policy is larger than {MAX_POLICY_BYTES} bytes"),
        );
        return Err(build.diagnostics);
    }
    let written: PolicyFile =
        toml::from_str(text).map_err(|error| Diagnostics::from_toml(file, text, &error, &[]))?;
    let parts = build.policy(&written, epoch(text));
    build.diagnostics.into_result(Policy::new(parts))
}

/// The first 64 bits of the text's SHA-256.
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

struct Build {
    file: Arc<str>,
    diagnostics: Diagnostics,
}

impl Build {
    fn error(&mut self, at: Range<usize>, message: impl Into<String>) -> &mut super::Diagnostic {
        self.diagnostics.error(at, message)
    }

    fn origin(&self, at: &Range<usize>, table: impl Into<String>) -> Origin {
        Origin {
            file: self.file.to_string(),
            line: self.diagnostics.line(at.start),
            table: table.into(),
        }
    }

    fn policy(&mut self, written: &PolicyFile, epoch: u64) -> Parts {
        if *written.version.get() != 1 {
            self.error(
                written.version.span(),
                "this version of Lazaret reads policies of version 1",
            );
        }
        for (name, signer) in &written.signer {
            self.signer(name, signer);
        }
        for scan in written.scan.values() {
            if let Some(age) = &scan.get().max_database_age {
                self.duration(age);
            }
        }
        let profiles: BTreeMap<&str, Arc<ConfigProfile>> = written
            .config
            .iter()
            .map(|(name, table)| (name.as_str(), Arc::new(self.config(name, table))))
            .collect();
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
            Some(ModeWord::Enforce) | None => Mode::Enforce,
        };
        let platforms = self.platforms(written.platforms.as_deref());
        Parts {
            file: self.file.clone(),
            epoch,
            mode,
            platforms,
            names,
            rules,
            default,
            waivers,
        }
    }

    fn platforms(&mut self, written: Option<&[Text]>) -> Vec<Platform> {
        let shipped = ["linux/amd64", "linux/arm64"]
            .iter()
            .filter_map(|text| text.parse().ok());
        let Some(written) = written else {
            return shipped.collect();
        };
        let mut platforms = Vec::new();
        for text in written {
            match text.get().parse::<Platform>() {
                Ok(platform) => platforms.push(platform),
                Err(why) => drop(self.error(text.span(), why.to_string())),
            }
        }
        platforms
    }

    fn names(&mut self, table: &At<NamesTable>) -> NamePolicy {
        let written = table.get();
        if written.registries.is_empty() {
            self.error(
                table.span(),
                "no registry is allowed, so every pull would be denied",
            )
            .help("list at least one, as in registries = [\"docker.io\"]");
        }
        for host in &written.registries {
            if crate::oci::Repository::new(host.get(), "x/y")
                .map_or(true, |r| r.host() != host.get())
            {
                self.error(host.span(), format!("{:?} is no registry host", host.get()))
                    .help(
                        "write it as it stands before the first / of an image, as in \"ghcr.io\"",
                    );
            }
        }
        NamePolicy {
            registries: written
                .registries
                .iter()
                .map(|host| host.get().clone())
                .collect(),
            internal: self.patterns(&written.internal, false),
            protect: self.patterns(&written.protect, false),
            allow: self.patterns(&written.allow, false),
            block: written.block.map_or(Level::Deny, level),
            warn: written.warn.map_or(Level::Warn, level),
            hint: written.hint.map_or(Level::Note, level),
            origin: self.origin(&table.span(), "[names]"),
        }
    }

    fn patterns(&mut self, written: &[Text], with_host: bool) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for text in written {
            match Pattern::parse(text.get()) {
                Ok(pattern) if with_host && !pattern.names_host() => {
                    let help =
                        format!("write the registry too, as in \"docker.io/{}\"", text.get());
                    self.error(text.span(), "the pattern names no registry")
                        .help(help);
                }
                Ok(pattern) => patterns.push(pattern),
                Err(why) => drop(
                    self.error(
                        text.span(),
                        format!("the pattern {:?} is malformed", text.get()),
                    )
                    .help(why),
                ),
            }
        }
        patterns
    }

    fn signer(&mut self, name: &str, table: &At<SignerTable>) {
        let signer = table.get();
        let kind = match (signer.kind, &signer.publisher) {
            (Some(kind), _) => kind,
            (None, Some(_)) => SignerKind::Publisher,
            (None, None) => {
                self.error(table.span(), format!("[signer.{name}] has no kind"))
                    .help(
                        "write kind = \"key\", \"keyless\", \"notation\", \"pgp\" or \"publisher\"",
                    );
                return;
            }
        };
        for (key, text) in [
            ("issuer", &signer.issuer),
            ("subject", &signer.subject),
            ("publisher", &signer.publisher),
        ] {
            if let Some(text) = text.as_ref().filter(|text| {
                text.get()
                    .trim_matches(['*', '.', '^', '$', ' '])
                    .is_empty()
            }) {
                self.error(text.span(), format!("the {key} matches everybody"))
                    .help("name who is trusted");
            }
        }
        if let Some(tlog) = signer
            .tlog
            .as_ref()
            .filter(|tlog| tlog.get() != "off" && tlog.get() != "required")
        {
            self.error(tlog.span(), format!("unknown word `{}`", tlog.get()))
                .help(suggestion(tlog.get(), ["off", "required"]));
        }
        let empty = |list: &Option<Vec<Text>>| list.as_ref().is_none_or(Vec::is_empty);
        let missing = match kind {
            SignerKind::Keyless if signer.issuer.is_none() => Some("issuer"),
            SignerKind::Keyless if signer.subject.is_none() => Some("subject"),
            SignerKind::Key | SignerKind::Pgp if empty(&signer.pem) => Some("pem"),
            SignerKind::Notation if signer.trust_store.is_none() => Some("trust_store"),
            SignerKind::Notation if empty(&signer.trusted_identities) => Some("trusted_identities"),
            SignerKind::Publisher if signer.publisher.is_none() => Some("publisher"),
            _ => None,
        };
        if let Some(key) = missing {
            self.error(
                table.span(),
                format!("[signer.{name}] has no {key}, so it could be anybody"),
            )
            .help(format!("add {key} = …"));
        }
    }

    fn config(&mut self, name: &str, table: &At<ConfigTable>) -> ConfigProfile {
        let written = table.get();
        ConfigProfile {
            root_user: written.root_user.map_or(Level::Note, level),
            privileged_ports: written.privileged_ports.map_or(Level::Note, level),
            secret_env: written.secret_env.map_or(Level::Note, level),
            min_age: written.min_age.as_ref().and_then(|age| self.duration(age)),
            labels: written
                .labels
                .iter()
                .map(|label| label.get().clone())
                .collect(),
            origin: self.origin(&table.span(), format!("[config.{name}]")),
        }
    }

    fn duration(&mut self, text: &Text) -> Option<std::time::Duration> {
        units::duration(text.get().as_str())
            .map_err(|why| {
                self.error(text.span(), format!("{:?} is no duration", text.get()))
                    .help(why);
            })
            .ok()
    }

    fn rule(
        &mut self,
        table: &At<RuleTable>,
        file: &PolicyFile,
        profiles: &BTreeMap<&str, Arc<ConfigProfile>>,
        default: bool,
    ) -> Rule {
        let written = table.get();
        let patterns = match (&written.patterns, default) {
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
        };
        for pattern in &patterns {
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
        self.known("signer", &written.signed_by, file.signer.keys());
        for attestation in &written.attestation {
            self.known("signer", &attestation.signed_by, file.signer.keys());
        }
        self.known("scan", written.scan.as_slice(), file.scan.keys());
        self.known("config", written.config.as_slice(), file.config.keys());
        let threshold = written
            .threshold
            .as_ref()
            .map_or(1, |threshold| *threshold.get());
        if let Some(place) = written
            .threshold
            .as_ref()
            .filter(|_| threshold == 0 || threshold as usize > written.signed_by.len())
        {
            let message = format!(
                "{threshold} of {} signers can never be met",
                written.signed_by.len()
            );
            self.error(place.span(), message)
                .help("threshold counts distinct names of signed_by");
        }
        Rule {
            patterns,
            unsigned: match written.unsigned {
                Some(Action::Allow) => Unsigned::Allow,
                Some(Action::Warn) => Unsigned::Warn,
                Some(Action::Deny) | None => Unsigned::Deny,
            },
            signed_by: written
                .signed_by
                .iter()
                .map(|name| name.get().clone())
                .collect(),
            threshold,
            attestations: written
                .attestation
                .iter()
                .map(|wanted| wanted.predicate_type.get().clone())
                .collect(),
            scan: written.scan.as_ref().map(|name| name.get().clone()),
            config: written
                .config
                .as_ref()
                .and_then(|name| profiles.get(name.get().as_str()).cloned()),
            origin: self.origin(
                &table.span(),
                if default { "[default]" } else { "[[rule]]" },
            ),
        }
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

    fn waiver(&mut self, table: &At<WaiverTable>) -> Option<Waiver> {
        let written = table.get();
        for (key, text) in [("reason", &written.reason), ("owner", &written.owner)] {
            if text.get().trim().is_empty() {
                self.error(text.span(), format!("the waiver's {key} is empty"))
                    .help("a waiver says why and who answers for it");
            }
        }
        if written.images.get().is_empty() {
            self.error(written.images.span(), "the waiver is for no image");
        }
        let images = self.patterns(written.images.get(), true);
        let finding = written.finding.get().parse::<Code>();
        if finding.is_err() {
            let codes = Code::ALL.iter().map(|code| code.as_str());
            let message = format!("unknown finding code `{}`", written.finding.get());
            self.error(written.finding.span(), message)
                .help(suggestion(written.finding.get(), codes));
        }
        let until = instant(written.until.0.get_ref());
        if until.is_none() {
            self.error(written.until.0.span(), "until is no point in time")
                .help("write a date, as in until = 2027-01-31");
        }
        Some(Waiver {
            finding: finding.ok()?,
            images,
            reason: written.reason.get().clone(),
            owner: written.owner.get().clone(),
            until: until?,
            origin: self.origin(&table.span(), "[[waiver]]"),
        })
    }
}

fn level(action: Action) -> Level {
    match action {
        Action::Allow => Level::Note,
        Action::Warn => Level::Warn,
        Action::Deny => Level::Deny,
    }
}

/// A date ends with its day, in UTC; a time without offset is UTC.
fn instant(written: &toml::value::Datetime) -> Option<Timestamp> {
    let date = written.date?;
    let text = match (written.time, written.offset) {
        (Some(_), Some(_)) => written.to_string(),
        (Some(_), None) => format!("{written}Z"),
        (None, _) => {
            let start: Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
            return start.checked_add(jiff::SignedDuration::from_hours(24)).ok();
        }
    };
    text.parse().ok()
}

/// "did you mean", if one of `known` is close to `word`; else what there is.
fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none yet: add the table".to_owned(),
        None => format!("known are {}", known.join(", ")),
    }
}
