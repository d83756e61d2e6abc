//! `lazaret policy …`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::policy_check::check;
use super::policy_replay::replay;
use super::policy_test::test;
use super::wire::{Trouble, policy as load};
use super::{FAILED, PolicyCommand, REFUSED, output};
use crate::config::policy_schema;
use crate::oci::Reference;
use crate::policy::{Policy, Rule, SignaturePlace, SignedName, Unsigned, last_day};

pub(super) fn policy(command: PolicyCommand) -> ExitCode {
    let done = match command {
        PolicyCommand::Check(args) => check(&args),
        PolicyCommand::Explain { image, policy } => explain(&image, policy),
        PolicyCommand::Replay(args) => replay(&args),
        PolicyCommand::Test(args) => test(&args),
        PolicyCommand::Schema => {
            output::out(format_args!("{:#}", policy_schema()));
            Ok(0)
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            let code = if matches!(trouble, Trouble::Mistakes(_)) {
                REFUSED
            } else {
                FAILED
            };
            output::err(trouble);
            ExitCode::from(code)
        }
    }
}

fn explain(image: &str, file: Option<PathBuf>) -> Result<u8, Trouble> {
    let reference: Reference = image
        .parse()
        .map_err(|error| Trouble::Other(format!("{image}: {error}")))?;
    let policy = load(file)?.policy;
    let rule = policy.rule_for(reference.repository());
    output::out(format_args!("{reference}\n  decided by {}", rule.origin));
    rule.patterns
        .iter()
        .for_each(|pattern| output::out(format_args!("    match {pattern}")));
    demands(&policy, rule)
        .iter()
        .for_each(|demand| output::out(format_args!("  {demand}")));
    let waivers = policy.waivers().iter().filter(|waiver| {
        waiver
            .images
            .iter()
            .any(|p| p.matches(reference.repository()))
    });
    for waiver in waivers {
        output::out(format_args!(
            "  waived: {} until {} ({})",
            waiver.finding,
            last_day(waiver.until),
            waiver.origin
        ));
    }
    Ok(0)
}

/// Where signatures are looked for and which name they must bear, where that is not as usual.
fn looked_for(rule: &Rule) -> Vec<String> {
    let places = rule.signatures_from.iter().map(|place| match place {
        SignaturePlace::Same => "the image's repository".to_owned(),
        SignaturePlace::Repository(other) => other.to_string(),
    });
    let places: Vec<String> = places.collect();
    let mut told = Vec::new();
    if rule.signatures_from != [SignaturePlace::Same] {
        told.push(format!("signatures from: {}", places.join(", ")));
    }
    match &rule.signed_name {
        SignedName::SameRepository => {}
        SignedName::Exact => told.push("signed name: this one, with its tag".to_owned()),
        SignedName::Any => told.push("signed name: any".to_owned()),
        SignedName::Remapped(copies) => told.extend(
            copies
                .iter()
                .map(|(from, to)| format!("signed name: {from} stands for {to}")),
        ),
    }
    told
}

fn days(age: std::time::Duration) -> String {
    match (age.as_secs() / 3600, age.as_secs() / 86_400) {
        (hours, 0) => format!("{hours} h"),
        (_, days) => format!("{days} days"),
    }
}

/// The words and what follows, where something does.
fn some(words: &str, what: &str) -> String {
    match what {
        "" => String::new(),
        what => format!("{words}{what}"),
    }
}

/// What a rule asks for, a sentence each.
fn demands(policy: &Policy, rule: &Rule) -> Vec<String> {
    let mut demands = vec![format!(
        "name: on one of {} registries, and no look-alike",
        policy.names().registries.len()
    )];
    let signers = rule.signed_by.join(" or ");
    demands.push(match (rule.unsigned, rule.signed_by.is_empty()) {
        (Unsigned::Allow, _) => "signature: none asked for".to_owned(),
        (Unsigned::Warn, true) => {
            "signature: a warning, for nobody is named who could sign".to_owned()
        }
        (Unsigned::Warn, false) => format!("signature: by {signers}, or a warning"),
        (Unsigned::Deny, true) => {
            "signature: denied, for nobody is named who could sign".to_owned()
        }
        (Unsigned::Deny, false) => format!("signature: {} of {signers}", rule.threshold),
    });
    if rule.unsigned != Unsigned::Allow && !rule.signed_by.is_empty() {
        let must = rule.must_include.iter();
        demands.extend(must.map(|name| format!("  one of them {name}")));
        let age = rule.max_signature_age.map(days);
        demands.extend(age.map(|age| format!("  no older than {age}")));
    }
    demands.extend(rule.attestations.iter().map(|wanted| {
        let when = wanted.when.as_ref();
        let when = when.map(|when| format!(", when {when}"));
        format!(
            "attestation: {} by {}{}{}{}{}",
            wanted.name,
            wanted.signed_by.join(" or "),
            some(", built by ", &wanted.builder.join(" or ")),
            some(", of ", wanted.source.as_deref().unwrap_or_default()),
            wanted
                .max_age
                .map(|age| format!(", no older than {}", days(age)))
                .unwrap_or_default(),
            when.unwrap_or_default()
        )
    }));
    demands.extend(looked_for(rule));
    demands.extend(
        rule.scan
            .iter()
            .map(|profile| format!("scan: {}", profile.name)),
    );
    demands.extend(
        rule.config
            .iter()
            .map(|profile| format!("configuration: {}", profile.origin)),
    );
    demands
}
