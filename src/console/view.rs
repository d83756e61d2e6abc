//! A decision for programs: what `lazaret log --json`, explain pages and the API tell of it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::ledger::Decision;

/// A settled verdict.
#[derive(Serialize, JsonSchema)]
pub struct DecisionView {
    /// Its identity, a ULID.
    id: String,
    /// When, in RFC 3339.
    at: String,
    /// What was asked for.
    reference: String,
    /// What was judged; null where the name alone was refused.
    digest: Option<String>,
    /// Whether pulls go on.
    allowed: bool,
    /// What denials did at the time: `enforce`, `audit` or `lockdown`.
    mode: Value,
    /// `findings` (each with `code`, `level`, `message`, `help`, `origin`, `waived`), the `rule` that decided, `valid_until`,
    /// and who `vouched`.
    #[schemars(with = "serde_json::Map<String, Value>")]
    verdict: Value,
    /// The policy that judged.
    policy: PolicyOf,
    /// Who asked first.
    client: ClientView,
    /// Milliseconds from question to verdict.
    gathered_ms: u32,
}

#[derive(Serialize, JsonSchema)]
struct PolicyOf {
    /// Its file.
    file: String,
    /// A hash of its text, in hexadecimal.
    epoch: String,
}

#[derive(Serialize, JsonSchema)]
struct ClientView {
    /// From where.
    address: String,
    /// What it says of itself.
    user_agent: String,
    /// Through which listener it came.
    listener: String,
    /// As whom it is known, as in `certificate:ci.acme.example`; null where nobody knows.
    identity: Option<String>,
}

impl From<&Decision> for DecisionView {
    fn from(decision: &Decision) -> DecisionView {
        let client = &decision.client;
        DecisionView {
            id: decision.id.to_string(),
            at: decision.at.to_string(),
            reference: decision.reference.to_string(),
            digest: decision.digest.map(|digest| digest.to_string()),
            allowed: decision.allowed,
            mode: serde_json::json!(decision.mode),
            verdict: serde_json::json!(decision.verdict),
            policy: PolicyOf {
                file: decision.policy_file.clone(),
                epoch: format!("{:016x}", decision.policy_epoch),
            },
            client: ClientView {
                address: client.address.to_string(),
                user_agent: client.user_agent.to_string(),
                listener: client.listener.to_owned(),
                identity: client.identity.as_ref().map(ToString::to_string),
            },
            gathered_ms: decision.gathered_ms,
        }
    }
}

/// The same as a document.
pub fn decision_json(decision: &Decision) -> Value {
    serde_json::json!(DecisionView::from(decision))
}
