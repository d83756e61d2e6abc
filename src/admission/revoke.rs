//! Revoking in a person's words, from the command line or through the API, and taking it back.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::ledger::{
    About, DecisionId, Event, HeldKind, Ledger, LedgerError, MAX_REVOCATIONS, Puller, Who,
};
use crate::oci::{Digest, Reference, Target};
use crate::policy::{EventKind, Pattern, Policy, Revocation, Revoked};
use crate::trust::publishers;

use super::pullers;

/// Images that are read from the ledger at once.
const PAGE: u32 = 500;
/// Most of those who pulled that a message names.
const MOST_PULLERS: u32 = 50;
/// Longest reason in characters: people read it in an error.
const MAX_REASON: usize = 1_000;

/// What is to be revoked, as somebody says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToRevoke {
    /// A digest, an image, or a pattern of repositories.
    Words(String),
    /// A signer of the policy.
    Signer(String),
    /// A publisher of the catalogue.
    Publisher(String),
}

/// Why nothing was revoked, or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokeError {
    /// The words mean nothing that can be revoked.
    Meaningless(String),
    /// It is revoked, under this id.
    Already(String),
    /// As much is revoked as is looked at in every judgement.
    Full(String),
    /// There is no such revocation.
    Unknown(String),
    /// It could not be recorded.
    Ledger(LedgerError),
}

impl fmt::Display for RevokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RevokeError::Ledger(error) => error.fmt(f),
            RevokeError::Meaningless(why)
            | RevokeError::Already(why)
            | RevokeError::Full(why)
            | RevokeError::Unknown(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RevokeError {}

impl From<LedgerError> for RevokeError {
    fn from(error: LedgerError) -> RevokeError {
        RevokeError::Ledger(error)
    }
}

fn meaningless<T>(why: impl Into<String>) -> Result<T, RevokeError> {
    Err(RevokeError::Meaningless(why.into()))
}

/// Revokes, and writes down with it that people are to hear of it. `policy`: says which signers a publisher has.
///
/// # Errors
/// [`RevokeError`].
pub async fn revoke(
    ledger: &dyn Ledger,
    policy: Option<&Policy>,
    what: &ToRevoke,
    reason: &str,
    by: String,
    now: Timestamp,
) -> Result<Revocation, RevokeError> {
    let what = meant(ledger, what).await?;
    let reason = reason.trim();
    if reason.is_empty() {
        return meaningless("why? The reason is what everybody reads whose pull is denied");
    }
    if reason.chars().count() > MAX_REASON {
        return meaningless(format!("the reason has more than {MAX_REASON} characters"));
    }
    let in_force = ledger.revocations().await?;
    if let Some(same) = in_force.iter().find(|one| one.what == what) {
        let why = format!("{what} is revoked already: {}", same.id);
        return Err(RevokeError::Already(why));
    }
    if in_force.len() >= MAX_REVOCATIONS {
        return Err(RevokeError::Full(format!(
            "{MAX_REVOCATIONS} revocations are in force, and no more are looked at; take some back, or revoke a pattern"
        )));
    }
    // As the ledger keeps it, so that it is told alike now and later.
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let revocation = Revocation {
        id: DecisionId::new(now).to_string(),
        what,
        reason: reason.to_owned(),
        by,
        at: now,
    };
    let told = announcement(&revocation, policy, ledger).await;
    ledger.revoke(revocation.clone(), told).await?;
    Ok(revocation)
}

/// Takes a revocation back.
///
/// # Errors
/// [`RevokeError`].
pub async fn take_back(
    ledger: &dyn Ledger,
    id: &str,
    by: String,
    now: Timestamp,
) -> Result<Revocation, RevokeError> {
    let in_force = ledger.revocations().await?;
    let Some(revocation) = in_force.into_iter().find(|one| one.id == id) else {
        let why = format!("{id} is no revocation in force; lazaret revoke lists them");
        return Err(RevokeError::Unknown(why));
    };
    ledger.end_revocation(id.to_owned(), by, now).await?;
    Ok(revocation)
}

/// What somebody may have pulled of what is revoked.
async fn had(
    what: &Revoked,
    policy: Option<&Policy>,
    ledger: &dyn Ledger,
) -> Result<Vec<About>, LedgerError> {
    let signed = |name: &String| About::Held(HeldKind::Signer, name.clone(), None);
    Ok(match what {
        Revoked::Digest(digest) => vec![About::Digest(*digest)],
        Revoked::Images(_) => {
            let mut repositories = BTreeMap::new();
            let mut after = None;
            loop {
                let page = ledger.admitted_images(after, PAGE).await?;
                let Some(last) = page.last() else {
                    break;
                };
                after = Some((last.repository.clone(), last.digest));
                let meant = page
                    .into_iter()
                    .filter(|one| what.means_name(&one.repository));
                repositories.extend(meant.map(|one| (one.repository.to_string(), one.repository)));
            }
            repositories.into_values().map(About::Repository).collect()
        }
        Revoked::Signer(name) => vec![signed(name)],
        Revoked::Publisher(_) => {
            let signers = policy.into_iter().flat_map(|policy| {
                let meant = policy.signers().iter().map(|signer| &signer.name);
                meant
                    .filter(|name| what.means_signer(policy, name))
                    .map(&signed)
            });
            signers.collect()
        }
    })
}

/// What people are to hear of it, with who has it as far as that is found in time.
async fn announcement(
    revocation: &Revocation,
    policy: Option<&Policy>,
    ledger: &dyn Ledger,
) -> Event {
    let mut told = vec![format!("{} ({})", revocation.reason, revocation.by)];
    told.extend(pullers::lines(who_had(&revocation.what, policy, ledger)).await);
    Event {
        detail: told.join("\n"),
        ..Event::new(
            EventKind::Revoked,
            revocation.what.to_string(),
            revocation.at,
        )
    }
}

/// Those who pulled what is revoked, no more than a message names.
async fn who_had(
    what: &Revoked,
    policy: Option<&Policy>,
    ledger: &dyn Ledger,
) -> Result<Vec<Puller>, LedgerError> {
    let mut pullers = Vec::new();
    for about in had(what, policy, ledger).await? {
        pullers.extend(ledger.pullers(Who::of(about, MOST_PULLERS)).await?);
        if pullers.len() >= MOST_PULLERS as usize {
            break;
        }
    }
    pullers.truncate(MOST_PULLERS as usize);
    Ok(pullers)
}

/// What the words mean.
async fn meant(ledger: &dyn Ledger, what: &ToRevoke) -> Result<Revoked, RevokeError> {
    let text = match what {
        ToRevoke::Signer(signer) => return Ok(Revoked::Signer(signer.clone())),
        ToRevoke::Publisher(id) if publishers().iter().any(|known| known.id == *id) => {
            return Ok(Revoked::Publisher(id.clone()));
        }
        ToRevoke::Publisher(id) => {
            return meaningless(format!(
                "{id} is not in the catalogue; lazaret publishers lists it"
            ));
        }
        ToRevoke::Words(text) => text,
    };
    if let Ok(digest) = text.parse::<Digest>() {
        return Ok(Revoked::Digest(digest));
    }
    if text.contains('*') {
        let pattern = Pattern::parse(text)
            .map_err(|why| RevokeError::Meaningless(format!("{text}: {why}")))?;
        if !pattern.names_host() {
            let help = "it names no registry; write it too, as in docker.io/acme/**";
            return meaningless(format!("{text}: {help}"));
        }
        return Ok(Revoked::Images(pattern));
    }
    image(text, ledger).await
}

/// An image with a tag or digest is that digest; a bare name is the repository.
async fn image(text: &str, ledger: &dyn Ledger) -> Result<Revoked, RevokeError> {
    let reference: Reference = text
        .parse()
        .map_err(|error| RevokeError::Meaningless(format!("{text}: {error}")))?;
    let repository = reference.repository();
    let last = text.rsplit('/').next().unwrap_or(text);
    match reference.target() {
        Target::Digest(digest) => Ok(Revoked::Digest(digest)),
        Target::Tag(tag) if last.contains(':') => {
            match ledger.last_tag(repository.clone(), tag).await? {
                Some((digest, _)) => Ok(Revoked::Digest(digest)),
                None => meaningless(format!(
                    "{reference} was never asked for here, so its digest is not known; revoke its digest or {repository}"
                )),
            }
        }
        Target::Tag(_) => Pattern::parse(repository.as_str())
            .map(Revoked::Images)
            .map_err(|why| RevokeError::Meaningless(why.to_string())),
    }
}
