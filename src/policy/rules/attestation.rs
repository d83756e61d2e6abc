//! Is everything attested that the rule asks for?

use crate::policy::judge::Docket;
use crate::policy::{AttestationEvidence, Code, Gathered, Level};

pub(in crate::policy) fn judge(
    docket: &mut Docket<'_>,
    attestation: &Gathered<AttestationEvidence>,
) {
    let (rule, origin) = (docket.rule, docket.rule.origin.clone());
    for wanted in &rule.attestations {
        let (code, message) = match attestation {
            Gathered::Found(found) if found.predicate_types.contains(wanted) => continue,
            Gathered::Found(_) | Gathered::Absent => (
                Code::AttestationMissing,
                format!("no trusted attestation of type {wanted}"),
            ),
            Gathered::Unavailable { why } => (
                Code::AttestationUnavailable,
                format!(
                    "an attestation of type {wanted} is required and could not be verified: {why}"
                ),
            ),
        };
        docket.find(code, Level::Deny, &origin, message);
    }
}
