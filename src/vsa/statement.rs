//! The statement (in-toto Statement v1) with a verification summary (SLSA VSA v1).

use serde_json::{Value, json};

use crate::ledger::Decision;
use crate::oci::Digest;
use crate::policy::Level;

/// What kind of claim it is.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// The type of a statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The version of SLSA whose words these are.
const SLSA: &str = "1.1";

/// What a decision says of an image. `subject`: the digest that was asked for, which is the judged one or a platform's
/// image in a judged index. `verifier`: who we are, a URI.
///
/// Audit mode lets pulls go on, but what the judge would deny has not passed. What was verified beyond our own policy is
/// for that to say, so no SLSA level is claimed: `verifiedLevels` has a word of our own.
pub fn statement(decision: &Decision, subject: &Digest, verifier: &str) -> Value {
    let repository = decision.reference.repository();
    let passed = decision.verdict.allows();
    let (algorithm, hex) = algorithm(subject);
    let told = decision.verdict.findings.iter();
    let findings: Vec<Value> = told
        .filter(|finding| finding.level > Level::Note)
        .map(|finding| {
            json!({
                "code": finding.code, "level": finding.level,
                "waived_until": finding.waived.as_ref().map(|waived| waived.until.to_string()),
            })
        })
        .collect();
    json!({
        "_type": STATEMENT,
        "subject": [{ "name": repository.as_str(), "digest": { algorithm: hex } }],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": { "id": verifier, "version": { "lazaret": env!("CARGO_PKG_VERSION") } },
            "timeVerified": decision.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "resourceUri": format!("{repository}@{subject}"),
            "policy": {
                "uri": decision.policy_file,
                "digest": { "lazaretEpoch": format!("{:016x}", decision.policy_epoch) },
            },
            "verificationResult": if passed { "PASSED" } else { "FAILED" },
            "verifiedLevels": [if passed { "LAZARET_POLICY" } else { "FAILED" }],
            "slsaVersion": SLSA,
            "lazaret": {
                "decision": decision.id,
                "reference": decision.reference.to_string(),
                "judged": decision.digest,
                "mode": decision.mode,
                "rule": decision.verdict.rule.to_string(),
                "findings": findings,
            },
        },
    })
}

fn algorithm(digest: &Digest) -> (String, String) {
    let text = digest.to_string();
    let (algorithm, hex) = text.split_once(':').unwrap_or_default();
    (algorithm.to_owned(), hex.to_owned())
}
