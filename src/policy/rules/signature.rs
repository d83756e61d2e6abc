//! Has somebody signed whom the rule trusts?

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::oci::{Reference, Repository};
use crate::policy::judge::Docket;
use crate::policy::model::{SignedName, Unsigned};
use crate::policy::{
    Code, Gathered, Level, Refused, Rule, SignatureEvidence, ValidSignature, Vouched,
};

/// How many refused signatures a person is told of.
const MAX_TOLD: usize = 3;

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, signature: &Gathered<SignatureEvidence>) {
    let (rule, origin) = (docket.rule, docket.rule.origin.clone());
    if rule.unsigned == Unsigned::Allow {
        return;
    }
    let Err((code, message, help)) = signed(docket, signature) else {
        return;
    };
    let (code, level) = match rule.unsigned {
        Unsigned::Warn => (Code::Unsigned, Level::Warn),
        _ => (code, Level::Deny),
    };
    docket.find(code, level, &origin, message).help = help;
}

type Lack = (Code, String, Option<String>);

fn signed(docket: &mut Docket<'_>, signature: &Gathered<SignatureEvidence>) -> Result<(), Lack> {
    let rule = docket.rule;
    let wanted = rule.signed_by.join(" or ");
    if rule.signed_by.is_empty() {
        let why = "a signature is required, and the rule names nobody who could give it";
        return Err((Code::SignatureMissing, why.to_owned(), None));
    }
    let found = match signature {
        Gathered::Found(found) => found,
        Gathered::Absent => {
            let message = format!("no signature found; {wanted} must sign");
            return Err((Code::SignatureMissing, message, None));
        }
        Gathered::Unavailable { why } => return Err(unavailable(&wanted, why)),
    };
    let mut refused = found.refused.clone();
    let mut good: Vec<(&ValidSignature, Option<Timestamp>)> = Vec::new();
    for signature in &found.signatures {
        if !rule.signed_by.contains(&signature.signer) {
            continue;
        }
        match counts(rule, docket.reference, signature, docket.now) {
            Ok(until) => good.push((signature, until)),
            Err(why) => refused.push(Refused {
                found: signature.found.clone(),
                why,
                identity: None,
            }),
        }
    }
    let distinct: BTreeSet<&str> = good.iter().map(|(by, _)| by.signer.as_str()).collect();
    let missing = rule
        .must_include
        .iter()
        .find(|name| !distinct.contains(name.as_str()));
    if distinct.len() as u64 >= u64::from(rule.threshold) && missing.is_none() {
        for (signature, until) in good {
            until.into_iter().for_each(|until| docket.changes_at(until));
            docket.vouch(Vouched {
                what: "signature".to_owned(),
                signer: signature.signer.clone(),
                at: signature.at,
                found: signature.found.clone(),
                authority: signature.authority.clone(),
            });
        }
        return Ok(());
    }
    if let Some(why) = &found.incomplete {
        return Err(unavailable(&wanted, why));
    }
    let lack = match missing {
        Some(name) if distinct.len() as u64 >= u64::from(rule.threshold) => {
            format!("{name} must be among those who sign")
        }
        _ if rule.threshold > 1 => format!(
            "{} of {} required signatures by {wanted}",
            distinct.len(),
            rule.threshold
        ),
        _ => format!("no signature by {wanted}"),
    };
    Err((
        Code::SignatureUntrusted,
        lack + &reasons(&refused),
        paste(&refused),
    ))
}

fn unavailable(wanted: &str, why: &str) -> Lack {
    let message = format!("a signature by {wanted} is required and could not be verified: {why}");
    (Code::SignatureUnavailable, message, None)
}

/// Whether a valid signature counts for this name, and when it ceases to.
fn counts(
    rule: &Rule,
    reference: &Reference,
    signature: &ValidSignature,
    now: Timestamp,
) -> Result<Option<Timestamp>, String> {
    bound(&rule.signed_name, reference, signature.reference.as_deref())?;
    let Some(age) = rule.max_signature_age else {
        return Ok(None);
    };
    let at = signature
        .at
        .ok_or("nobody vouches for when it was signed")?;
    match at.checked_add(age) {
        Ok(until) if now < until => Ok(Some(until)),
        _ => Err(format!(
            "it was signed on {}, too long ago",
            at.strftime("%Y-%m-%d")
        )),
    }
}

/// Whether an image may bear this name, where its signature says one.
pub(super) fn bound(
    wanted: &SignedName,
    reference: &Reference,
    signed: Option<&str>,
) -> Result<(), String> {
    let signed = match (wanted, signed) {
        (SignedName::Any, _) => return Ok(()),
        (SignedName::Exact, None) => return Err("it names no image".to_owned()),
        (_, None) => return Ok(()),
        (_, Some(signed)) => signed,
    };
    let parsed: Option<Reference> = signed.parse().ok();
    let fits = parsed.is_some_and(|signed| match wanted {
        // Whoever asks by digest names no tag that could be another's.
        SignedName::Exact if reference.tag().is_none() => {
            signed.repository() == reference.repository()
        }
        SignedName::Exact => signed == *reference,
        SignedName::Remapped(copies) => {
            original(copies, reference.repository()).as_ref() == Some(signed.repository())
        }
        _ => signed.repository() == reference.repository(),
    });
    if fits {
        Ok(())
    } else {
        Err(format!("it signs the image under the name {signed}"))
    }
}

/// The repository that `copy` is a copy of: the longest beginning that ends with a part of the name decides.
fn original(copies: &[(String, String)], copy: &Repository) -> Option<Repository> {
    let found = copies.iter().find_map(|(from, to)| {
        let rest = copy.as_str().strip_prefix(from.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
    });
    let Some(name) = found else {
        return Some(copy.clone());
    };
    let (host, path) = name.split_once('/')?;
    Repository::new(host, path).ok()
}

fn reasons(refused: &[Refused]) -> String {
    let told: Vec<String> = refused
        .iter()
        .take(MAX_TOLD)
        .map(|refused| format!("{}: {}", refused.found, refused.why))
        .collect();
    let more = refused.len().saturating_sub(MAX_TOLD);
    match (told.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(" ({})", told.join("; ")),
        (false, more) => format!(" ({}; and {more} more)", told.join("; ")),
    }
}

/// Who did sign, as a policy would say it.
fn paste(refused: &[Refused]) -> Option<String> {
    let seen: BTreeSet<_> = refused
        .iter()
        .filter_map(|refused| refused.identity.as_ref())
        .collect();
    let seen = seen.first()?;
    Some(format!(
        "it is signed by somebody else; to trust them: kind = \"keyless\", issuer = \"{}\", subject = \"{}\"",
        seen.issuer, seen.subject
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_followed_to_where_they_were_signed() {
        // As the policy's loader sorts them: the longest first.
        let copies = [
            ("mirror.corp/rh/ubi9", "registry.access.redhat.com/ubi9"),
            ("mirror.corp/hub", "docker.io"),
            ("mirror.corp/rh", "quay.io"),
        ]
        .map(|(from, to)| (from.to_owned(), to.to_owned()));
        let wanted = SignedName::Remapped(copies.to_vec());
        for (pulled, signed, fits) in [
            (
                "mirror.corp/rh/ubi9:1",
                "registry.access.redhat.com/ubi9:1",
                true,
            ),
            (
                "mirror.corp/rh/ubi9/nginx:1",
                "registry.access.redhat.com/ubi9/nginx",
                true,
            ),
            ("mirror.corp/rh/other:1", "quay.io/other", true),
            (
                "mirror.corp/rh/ubi9-minimal:1",
                "quay.io/ubi9-minimal",
                true,
            ),
            ("mirror.corp/rhel/app:1", "quay.io/el/app", false),
            ("mirror.corp/rhel/app:1", "mirror.corp/rhel/app", true),
            (
                "mirror.corp/hub/library/nginx:1",
                "docker.io/library/nginx",
                true,
            ),
            ("mirror.corp/hub/library/nginx:1", "nginx", true),
            ("mirror.corp/rh/ubi9:1", "mirror.corp/rh/ubi9", false),
            (
                "mirror.corp/rh/ubi9:1",
                "registry.access.redhat.com/ubi8",
                false,
            ),
            (
                "elsewhere.corp/rh/ubi9:1",
                "registry.access.redhat.com/ubi9",
                false,
            ),
            ("mirror.corp/rh:1", "quay.io/rh", false),
        ] {
            let pulled: Reference = pulled.parse().unwrap();
            let said = bound(&wanted, &pulled, Some(signed));
            assert_eq!(said.is_ok(), fits, "{pulled} {signed}: {said:?}");
        }
    }
}
