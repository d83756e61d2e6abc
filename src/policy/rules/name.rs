//! Is this the name that was meant, and may it be asked for at all?

use crate::policy::judge::Docket;
use crate::policy::{
    Code, Gathered, Level, NameEvidence, NameSuspicion, Reputation, Standing, SuspicionTier,
};

use super::reputation::{weigh, words};

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
            super::revocation::judge(docket, &found.revoked);
            for suspicion in &found.suspicions {
                host_explained |= suspect(docket, suspicion, found.reputation.as_ref(), allowed)
                    && suspicion.rule.starts_with("host");
            }
            first_seen(docket, found.standing, allowed);
            namesake(docket, found, allowed);
            new_publisher(docket, found, allowed);
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

/// A stranger's name waits for somebody to approve it, unless it is stopped already.
fn first_seen(docket: &mut Docket<'_>, standing: Standing, allowed: bool) {
    let (names, repository) = (docket.policy.names(), docket.reference.repository());
    let ours = || names.protect.iter().any(|own| own.matches(repository));
    if names.first_seen == Level::Note
        || standing != Standing::New
        || allowed
        || ours()
        || docket.denied()
    {
        return;
    }
    docket
        .find(
            Code::NameFirstSeen,
            names.first_seen,
            &names.origin,
            format!("nobody has pulled {repository} here before, and anybody could publish under such a name"),
        )
        .help = Some(format!(
        "if it is what you want, have it approved: lazaret names approve {repository}"
    ));
}

/// Whether what is unusual about a name counts: of a stranger's that is not stopped already.
fn is_strange(docket: &Docket<'_>, level: Level, name: &NameEvidence, allowed: bool) -> bool {
    let repository = docket.reference.repository();
    let mut own = docket.policy.names().protect.iter();
    let ours = own.any(|own| own.matches(repository));
    let stranger = name.standing == Standing::New && !allowed && !ours;
    level != Level::Note && stranger && !docket.denied()
}

/// A stranger's name of whose publisher nothing was ever pulled here.
fn new_publisher(docket: &mut Docket<'_>, name: &NameEvidence, allowed: bool) {
    let anomaly = docket.policy.anomaly();
    let (level, origin) = (anomaly.new_publisher, &anomaly.origin);
    if !name.new_publisher || !is_strange(docket, level, name, allowed) {
        return;
    }
    let repository = docket.reference.repository();
    let publisher = repository.publisher();
    let message = format!("nothing of {publisher} was pulled here before");
    docket.find(Code::PublisherNew, level, origin, message).help = Some(format!(
        "look at who {publisher} is; if it is what you want, have it approved: lazaret names approve {repository}"
    ));
}

/// A stranger's name that is pulled here from elsewhere.
fn namesake(docket: &mut Docket<'_>, name: &NameEvidence, allowed: bool) {
    let anomaly = docket.policy.anomaly();
    let (level, origin) = (anomaly.new_registry, &anomaly.origin);
    let Some(known) = &name.namesake else {
        return;
    };
    if !is_strange(docket, level, name, allowed) {
        return;
    }
    let repository = docket.reference.repository();
    let message = format!("{repository} was never pulled here; {known} was");
    docket.find(Code::RegistryNew, level, origin, message).help = Some(format!(
        "if it is the same publisher's, have it approved: lazaret names approve {repository}"
    ));
}

/// Writes the finding; true where it stops the pull.
fn suspect(
    docket: &mut Docket<'_>,
    suspicion: &NameSuspicion,
    figures: Option<&Reputation>,
    allowed: bool,
) -> bool {
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
    let weighed = weigh(suspicion, figures, names.reputation.as_ref(), docket.now);
    if let Some(until) = weighed.until {
        docket.changes_at(until);
    }
    let tier = match weighed.tier {
        SuspicionTier::Block => names.block,
        SuspicionTier::Warn => names.warn,
        SuspicionTier::Hint => names.hint,
    };
    let level = match names.rules.get(&suspicion.rule) {
        _ if excused => Level::Note,
        Some(level) => *level,
        None => tier,
    };
    let suggestions: Vec<String> = suspicion
        .suggestions
        .iter()
        .map(ToString::to_string)
        .collect();
    let message = match figures.filter(|_| weighed.tier != suspicion.tier) {
        Some(figures) => format!("{}; {}", suspicion.message, words(figures)),
        None => suspicion.message.clone(),
    };
    let finding = docket.find(code, level, &names.origin, message);
    if !suggestions.is_empty() {
        finding.help = Some(format!("did you mean {} ?", suggestions.join(" or ")));
    }
    level == Level::Deny
}
