//! Is this the name that was meant, and may it be asked for at all?

use crate::policy::judge::Docket;
use crate::policy::{Code, Gathered, Level, NameEvidence, NameSuspicion, SuspicionTier};

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, name: &Gathered<NameEvidence>) {
    let names = docket.policy.names();
    let repository = docket.reference.repository();
    if names
        .internal
        .iter()
        .any(|pattern| pattern.matches(repository))
    {
        docket
            .find(
                Code::NameInternal,
                Level::Deny,
                &names.origin,
                format!(
                    "{repository} is one of our own names and must not come from a public registry"
                ),
            )
            .help = Some("pull it from the internal registry".to_owned());
    }
    let listed = names
        .registries
        .iter()
        .any(|host| host == repository.host());
    let allowed = names
        .allow
        .iter()
        .any(|pattern| pattern.matches(repository));
    let mut host_explained = false;
    match name {
        Gathered::Found(found) => {
            for suspicion in &found.suspicions {
                host_explained |= suspicion.rule.starts_with("host");
                suspect(docket, suspicion, allowed);
            }
        }
        Gathered::Absent => {
            docket.find(
                Code::NameUnavailable,
                Level::Deny,
                &names.origin,
                "the name was not judged",
            );
        }
        Gathered::Unavailable { why } => {
            docket.find(
                Code::NameUnavailable,
                Level::Deny,
                &names.origin,
                format!("the name could not be judged: {why}"),
            );
        }
    }
    if !listed && !host_explained {
        docket
            .find(
                Code::NameRegistry,
                Level::Deny,
                &names.origin,
                format!(
                    "{} is not among the registries that the policy allows",
                    repository.host()
                ),
            )
            .help = Some(format!("allowed are {}", names.registries.join(", ")));
    }
}

fn suspect(docket: &mut Docket<'_>, suspicion: &NameSuspicion, allowed: bool) {
    let names = docket.policy.names();
    let code = match suspicion.rule.as_str() {
        rule if rule.starts_with("host") => Code::NameHostSquat,
        rule if rule.starts_with("internal") => Code::NameInternal,
        rule if rule.starts_with("impossible") || rule.starts_with("closed") => {
            Code::NameImpossible
        }
        _ => Code::NameSquat,
    };
    // An exception speaks of a name on a registry; it does not open a registry that is not the one meant.
    let excused = allowed && code != Code::NameHostSquat && code != Code::NameInternal;
    let level = match suspicion.tier {
        _ if excused => Level::Note,
        SuspicionTier::Block => names.block,
        SuspicionTier::Warn => names.warn,
        SuspicionTier::Hint => names.hint,
    };
    let suggestions: Vec<String> = suspicion
        .suggestions
        .iter()
        .map(ToString::to_string)
        .collect();
    let finding = docket.find(code, level, &names.origin, suspicion.message.clone());
    if !suggestions.is_empty() {
        finding.help = Some(format!("did you mean {} ?", suggestions.join(" or ")));
    }
}
