//! The tables of a policy that stand for themselves: names, configuration profiles, waivers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::names::RULES;
use crate::oci::{Digest, Platform};
use crate::policy::{
    Code, ConfigProfile, Level, NamePolicy, Pattern, ReputationPolicy, WaivedFinding, Waiver,
};

use super::diagnostic::nearest;
use super::policy_build::Build;
use super::policy_file::{
    Action, At, ConfigTable, NamesTable, ReputationTable, Strictness, Text, WaiverTable,
};
use super::units;

/// What the tiers block, warn and hint do.
fn tiers(strictness: Strictness) -> (Level, Level, Level) {
    match strictness {
        Strictness::Relaxed => (Level::Deny, Level::Note, Level::Note),
        Strictness::Standard => (Level::Deny, Level::Warn, Level::Note),
        Strictness::Strict => (Level::Deny, Level::Deny, Level::Warn),
    }
}

impl Build {
    pub(super) fn platforms(&mut self, written: Option<&[Text]>) -> Vec<Platform> {
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

    pub(super) fn names(&mut self, table: &At<NamesTable>) -> NamePolicy {
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
        let (block, warn, hint) = tiers(written.strictness.unwrap_or_default());
        NamePolicy {
            registries: written
                .registries
                .iter()
                .map(|host| host.get().clone())
                .collect(),
            internal: self.patterns(&written.internal, false),
            protect: self.patterns(&written.protect, false),
            allow: self.patterns(&written.allow, false),
            block: written.block.map_or(block, level),
            warn: written.warn.map_or(warn, level),
            hint: written.hint.map_or(hint, level),
            rules: self.name_rules(&written.rules),
            reputation: written
                .reputation
                .as_ref()
                .map(|table| self.reputation(table)),
            first_seen: written.first_seen.map_or(Level::Note, level),
            origin: self.origin(&table.span(), "[names]"),
        }
    }

    fn reputation(&mut self, table: &At<ReputationTable>) -> ReputationPolicy {
        let written = table.get();
        if let (Some(few), Some(many)) = (written.raise_below_pulls, written.lower_above_pulls)
            && many < few
        {
            self.error(
                table.span(),
                "lower_above_pulls is less than raise_below_pulls",
            )
            .help("few pulls make a suspicion stronger and many make it weaker");
        }
        ReputationPolicy {
            raise_below_pulls: written.raise_below_pulls,
            raise_younger_than: written
                .raise_younger_than
                .as_ref()
                .and_then(|age| self.duration(age)),
            lower_above_pulls: written.lower_above_pulls,
            lower_verified: written.lower_verified,
        }
    }

    fn name_rules(&mut self, written: &BTreeMap<String, At<Action>>) -> BTreeMap<String, Level> {
        for (rule, action) in written {
            if RULES.iter().all(|(known, _)| known != rule) {
                self.error(
                    action.span(),
                    format!("no rule about names is called {rule:?}"),
                )
                .help(suggestion(rule, RULES.iter().map(|(known, _)| *known)));
            }
        }
        let levels = written.iter();
        levels
            .map(|(rule, action)| (rule.clone(), level(*action.get())))
            .collect()
    }

    pub(super) fn patterns(&mut self, written: &[Text], with_host: bool) -> Vec<Pattern> {
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

    pub(super) fn config(&mut self, name: &str, table: &At<ConfigTable>) -> ConfigProfile {
        let written = table.get();
        ConfigProfile {
            root_user: written.root_user.map_or(Level::Note, level),
            privileged_ports: written.privileged_ports.map_or(Level::Note, level),
            secret_env: written.secret_env.map_or(Level::Note, level),
            healthcheck: written.healthcheck.map(level),
            add_instruction: written.add_instruction.map(level),
            update_alone: written.update_alone.map(level),
            min_age: written.min_age.as_ref().and_then(|age| self.duration(age)),
            labels: written
                .labels
                .iter()
                .map(|label| label.get().clone())
                .collect(),
            origin: self.origin(&table.span(), format!("[config.{name}]")),
        }
    }

    pub(super) fn duration(&mut self, text: &Text) -> Option<std::time::Duration> {
        units::duration(text.get().as_str())
            .map_err(|why| {
                self.error(text.span(), format!("{:?} is no duration", text.get()))
                    .help(why);
            })
            .ok()
    }

    fn digests(&mut self, written: &[Text]) -> Vec<Digest> {
        let mut digests = Vec::new();
        for text in written {
            match text.get().parse::<Digest>() {
                Ok(digest) => digests.push(digest),
                Err(_) => drop(
                    self.error(text.span(), format!("{:?} is no digest", text.get()))
                        .help("write it as decisions show it: sha256: and 64 hex digits"),
                ),
            }
        }
        digests
    }

    pub(super) fn waiver(&mut self, table: &At<WaiverTable>) -> Option<Waiver> {
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
        let finding = waived_finding(written.finding.get());
        if finding.is_none() {
            let codes = Code::ALL.iter().map(|code| code.as_str());
            let message = format!("unknown finding code `{}`", written.finding.get());
            self.error(written.finding.span(), message)
                .help(suggestion(written.finding.get(), codes));
        }
        if finding == Some(WaivedFinding::Code(Code::Revoked)) {
            self.error(written.finding.span(), "no waiver excuses a revocation")
                .help("take it back: lazaret revoke --undo ID");
        }
        let digests = self.digests(&written.digests);
        let until = instant(written.until.0.get_ref());
        if until.is_none() {
            self.error(written.until.0.span(), "until is no point in time")
                .help("write a date, as in until = 2027-01-31");
        }
        Some(Waiver {
            finding: finding?,
            packages: written
                .packages
                .iter()
                .map(|one| one.get().clone())
                .collect(),
            paths: written.paths.iter().map(|one| one.get().clone()).collect(),
            images,
            digests,
            ticket: written.ticket.clone(),
            reason: written.reason.get().clone(),
            owner: written.owner.get().clone(),
            until: until?,
            origin: self.origin(&table.span(), "[[waiver]]"),
        })
    }
}

/// A code, or what looks like the id of an advisory: `CVE-2026-1`, `GHSA-…`.
fn waived_finding(written: &str) -> Option<WaivedFinding> {
    if let Ok(code) = written.parse::<Code>() {
        return Some(WaivedFinding::Code(code));
    }
    let (database, rest) = written.split_once('-')?;
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let id = !database.is_empty() && database.chars().all(upper) && !rest.trim().is_empty();
    id.then(|| WaivedFinding::Advisory(written.to_owned()))
}

pub(super) fn level(action: Action) -> Level {
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
pub(super) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none yet: add the table".to_owned(),
        None => format!("known are {}", known.join(", ")),
    }
}
