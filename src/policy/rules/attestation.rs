//! Is everything attested that the rule asks for?

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::oci::{Manifest, Reference};
use crate::policy::condition::{Budget, Facts};
use crate::policy::judge::Docket;
use crate::policy::model::{SignedName, WantedAttestation};
use crate::policy::{AttestationEvidence, Code, Gathered, Level, Subject, ValidStatement, Vouched};

use super::provenance;
use super::signature::bound;

pub(in crate::policy) fn judge(
    docket: &mut Docket<'_>,
    subject: &Subject,
    attestation: &Gathered<AttestationEvidence>,
) {
    let (rule, origin) = (docket.rule, docket.rule.origin.clone());
    let mut case = Case {
        image: image(subject),
        reference: &subject.reference,
        signed_name: &rule.signed_name,
        now: docket.now,
        budget: Budget::new(),
    };
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
            Gathered::Found(found) => match case.satisfied(wanted, found) {
                Ok((vouched, until)) => {
                    until.into_iter().for_each(|until| docket.changes_at(until));
                    docket.vouch(vouched);
                    continue;
                }
                Err(whys) => match &found.incomplete {
                    Some(why) => unavailable(why),
                    None => missing(wanted, &by, &whys),
                },
            },
        };
        // An index runs nowhere: what its images lack is found when each of them is judged.
        if matches!(subject.manifest, Manifest::Index(_)) {
            let message = format!("each image of the index is judged for itself: {message}");
            docket.find(Code::AttestationDeferred, Level::Note, &origin, message);
            continue;
        }
        docket.find(code, Level::Deny, &origin, message);
    }
}

fn missing(wanted: &WantedAttestation, by: &str, whys: &[String]) -> (Code, String) {
    let mut message = format!("no attestation of type {} by {by}", wanted.name);
    // The same reason of many statements is one reason.
    let whys: BTreeSet<&String> = whys.iter().collect();
    if let Some(why) = whys.first() {
        message.push_str(&format!(" ({why})"));
    }
    (Code::AttestationMissing, message)
}

/// The parts of the name that conditions may ask about. There is no tag among them: a verdict is about a digest.
fn image(subject: &Subject) -> Value {
    let repository = subject.reference.repository();
    json!({
        "registry": repository.host(),
        "repository": repository.path(),
        "name": repository.as_str(),
        "digest": subject.digest,
    })
}

/// What all demands of one verdict share.
struct Case<'a> {
    image: Value,
    reference: &'a Reference,
    signed_name: &'a SignedName,
    now: Timestamp,
    budget: Budget,
}

impl Case<'_> {
    /// The one statement that is all that is wanted, and when it ceases to be; else what the candidates lack.
    fn satisfied(
        &mut self,
        wanted: &WantedAttestation,
        found: &AttestationEvidence,
    ) -> Result<(Vouched, Option<Timestamp>), Vec<String>> {
        let mut whys = Vec::new();
        for statement in &found.statements {
            let is = |kind: &String| {
                let rest = statement.predicate_type.strip_prefix(kind.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if !wanted.types.iter().any(is) {
                continue;
            }
            match self.holds(wanted, statement) {
                Ok(met) => return Ok(met),
                Err(why) => whys.push(why),
            }
        }
        let refused = found.refused.iter();
        whys.extend(refused.map(|refused| format!("{}: {}", refused.found, refused.why)));
        Err(whys)
    }

    fn holds(
        &mut self,
        wanted: &WantedAttestation,
        statement: &ValidStatement,
    ) -> Result<(Vouched, Option<Timestamp>), String> {
        let mut signers = statement.signers.iter();
        let signer = signers
            .find(|signer| wanted.signed_by.contains(signer))
            .ok_or("it is signed by somebody else")?;
        if let Some(name) = &statement.reference {
            bound(self.signed_name, self.reference, Some(name))?;
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
        let until = self.young(wanted, statement)?;
        if let Some(when) = &wanted.when {
            let facts = Facts {
                predicate: &statement.predicate,
                subject: &statement.subject,
                kind: &statement.predicate_type,
                signers: &statement.signers,
                image: &self.image,
            };
            when.holds(&facts, &mut self.budget)?;
        }
        let vouched = Vouched {
            what: wanted.name.clone(),
            signer: signer.clone(),
            at: statement.at,
            found: statement.found.clone(),
            authority: statement.authority.clone(),
        };
        Ok((vouched, until))
    }

    /// When it becomes too old, if ever.
    fn young(
        &self,
        wanted: &WantedAttestation,
        statement: &ValidStatement,
    ) -> Result<Option<Timestamp>, String> {
        let Some(age) = wanted.max_age else {
            return Ok(None);
        };
        let at = statement
            .at
            .ok_or("nobody vouches for when it was signed")?;
        match at.checked_add(age) {
            Ok(until) if self.now < until => Ok(Some(until)),
            _ => Err(format!(
                "it was signed on {}, too long ago",
                at.strftime("%Y-%m-%d")
            )),
        }
    }
}
