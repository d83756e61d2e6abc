//! Is everything attested that the rule asks for?

use jiff::Timestamp;

use crate::policy::judge::Docket;
use crate::policy::model::WantedAttestation;
use crate::policy::{AttestationEvidence, Code, Gathered, Level, ValidStatement};

use super::provenance;

pub(in crate::policy) fn judge(
    docket: &mut Docket<'_>,
    attestation: &Gathered<AttestationEvidence>,
) {
    let (rule, origin) = (docket.rule, docket.rule.origin.clone());
    for wanted in &rule.attestations {
        let by = wanted.signed_by.join(" or ");
        let unavailable = |why: &str| {
            let message = format!(
                "an attestation of type {} by {by} is required and could not be verified: {why}",
                wanted.name
            );
            (Code::AttestationUnavailable, message)
        };
        let (code, message) = match attestation {
            Gathered::Unavailable { why } => unavailable(why),
            Gathered::Absent => missing(wanted, &by, &[]),
            Gathered::Found(found) => match satisfied(wanted, found, docket.now) {
                Ok(until) => {
                    until.into_iter().for_each(|until| docket.changes_at(until));
                    continue;
                }
                Err(whys) => match &found.incomplete {
                    Some(why) => unavailable(why),
                    None => missing(wanted, &by, &whys),
                },
            },
        };
        docket.find(code, Level::Deny, &origin, message);
    }
}

fn missing(wanted: &WantedAttestation, by: &str, whys: &[String]) -> (Code, String) {
    let mut message = format!("no attestation of type {} by {by}", wanted.name);
    if let Some(why) = whys.first() {
        message.push_str(&format!(" ({why})"));
    }
    (Code::AttestationMissing, message)
}

/// Whether one statement is all that is wanted, and when it ceases to be; else what the candidates lack.
fn satisfied(
    wanted: &WantedAttestation,
    found: &AttestationEvidence,
    now: Timestamp,
) -> Result<Option<Timestamp>, Vec<String>> {
    let mut whys = Vec::new();
    for statement in &found.statements {
        let is = |kind: &String| {
            let rest = statement.predicate_type.strip_prefix(kind.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !wanted.types.iter().any(is) {
            continue;
        }
        match holds(wanted, statement, now) {
            Ok(until) => return Ok(until),
            Err(why) => whys.push(why),
        }
    }
    Err(whys)
}

fn holds(
    wanted: &WantedAttestation,
    statement: &ValidStatement,
    now: Timestamp,
) -> Result<Option<Timestamp>, String> {
    if !statement
        .signers
        .iter()
        .any(|signer| wanted.signed_by.contains(signer))
    {
        return Err("it is signed by somebody else".to_owned());
    }
    if !wanted.builder.is_empty() {
        let builder = provenance::builder(&statement.predicate).unwrap_or("not told");
        if !wanted.builder.iter().any(|known| known == builder) {
            return Err(format!("its builder is {builder}"));
        }
    }
    if let Some(source) = &wanted.source
        && !provenance::is_from(&statement.predicate, source)
    {
        return Err(format!("it was not built from {source}"));
    }
    let Some(age) = wanted.max_age else {
        return Ok(None);
    };
    let at = statement
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
