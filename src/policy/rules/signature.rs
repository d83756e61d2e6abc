//! Has somebody signed whom the rule trusts?

use std::collections::BTreeSet;

use crate::policy::judge::Docket;
use crate::policy::model::Unsigned;
use crate::policy::{Code, Gathered, Level, SignatureEvidence};

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, signature: &Gathered<SignatureEvidence>) {
    let (rule, origin) = (docket.rule, docket.rule.origin.clone());
    if rule.unsigned == Unsigned::Allow {
        return;
    }
    let wanted = rule.signed_by.join(" or ");
    let (code, message) = if rule.signed_by.is_empty() {
        (
            Code::SignatureMissing,
            "a signature is required, and the rule names nobody who could give it".to_owned(),
        )
    } else {
        match signature {
            Gathered::Found(found) => {
                let trusted: BTreeSet<&String> = found
                    .signers
                    .iter()
                    .filter(|name| rule.signed_by.contains(name))
                    .collect();
                if trusted.len() as u64 >= u64::from(rule.threshold) {
                    return;
                }
                let message = format!(
                    "{} of {} required signatures by {wanted}",
                    trusted.len(),
                    rule.threshold
                );
                (Code::SignatureUntrusted, message)
            }
            Gathered::Absent => (
                Code::SignatureMissing,
                format!("no signature found; {wanted} must sign"),
            ),
            Gathered::Unavailable { why } => (
                Code::SignatureUnavailable,
                format!("a signature by {wanted} is required and could not be verified: {why}"),
            ),
        }
    };
    match rule.unsigned {
        Unsigned::Warn => docket.find(Code::Unsigned, Level::Warn, &origin, message),
        _ => docket.find(code, Level::Deny, &origin, message),
    };
}
