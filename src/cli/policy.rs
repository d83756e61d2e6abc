//! `lazaret policy …`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::wire::{Trouble, policy as load};
use super::{FAILED, PolicyCommand, REFUSED, output};
use crate::config::policy_schema;
use crate::oci::Reference;
use crate::policy::{Policy, Rule, Unsigned};
use crate::telemetry;

pub(super) fn policy(command: PolicyCommand) -> ExitCode {
    let done = match command {
        PolicyCommand::Check { file } => check(file),
        PolicyCommand::Explain { image, policy } => explain(&image, policy),
        PolicyCommand::Schema => {
            output::out(format_args!("{:#}", policy_schema()));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
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

fn check(file: PathBuf) -> Result<(), Trouble> {
    let loaded = load(Some(file.clone()))?;
    let ended = loaded
        .policy
        .waivers()
        .iter()
        .filter(|waiver| waiver.until <= telemetry::now());
    for waiver in ended {
        output::err(format_args!(
            "warning: {} ended on {} and excuses nothing",
            waiver.origin,
            waiver.until.strftime("%Y-%m-%d")
        ));
    }
    output::out(format_args!(
        "{}: no mistakes ({} rules, {} waivers)",
        file.display(),
        loaded.policy.rules().len(),
        loaded.policy.waivers().len()
    ));
    Ok(())
}

fn explain(image: &str, file: Option<PathBuf>) -> Result<(), Trouble> {
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
            waiver.until.strftime("%Y-%m-%d"),
            waiver.origin
        ));
    }
    Ok(())
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
    demands.extend(rule.attestations.iter().map(|wanted| {
        format!(
            "attestation: {} by {}",
            wanted.name,
            wanted.signed_by.join(" or ")
        )
    }));
    demands.extend(rule.scan.iter().map(|profile| format!("scan: {profile}")));
    demands.extend(
        rule.config
            .iter()
            .map(|profile| format!("configuration: {}", profile.origin)),
    );
    demands
}
