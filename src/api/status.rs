//! How the server is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::Asked;
use super::problem::Problem;
use super::view::moment;
use crate::ledger::{LedgerError, Outbox};
use crate::telemetry;

/// How far those who are told have heard.
#[derive(Serialize, JsonSchema)]
pub(super) struct Targets {
    /// The tables `[notify.NAME]`.
    targets: Vec<Target>,
}

/// How far somebody has heard.
#[derive(Serialize, JsonSchema)]
pub(super) struct Target {
    /// The table's name.
    target: String,
    /// How many events wait for another try.
    waiting: u64,
    /// How many were given up.
    given_up: u64,
    /// The last reason.
    why: Option<String>,
}

pub(super) async fn notify(asked: Asked<'_>) -> Result<Value, Problem> {
    let outbox = asked.api.admission.ledger().outbox();
    let mut targets = Vec::new();
    for name in &asked.api.targets {
        targets.push(target(outbox, name).await?);
    }
    Ok(json!(Targets { targets }))
}

pub(super) async fn target(outbox: &dyn Outbox, name: &str) -> Result<Target, LedgerError> {
    let backlog = outbox.backlog(name.to_owned()).await?;
    Ok(Target {
        target: name.to_owned(),
        waiting: backlog.waiting,
        given_up: backlog.given_up,
        why: backlog.why,
    })
}

/// How the server is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Status {
    /// Of Lazaret.
    version: &'static str,
    /// The policy in force.
    policy: PolicyStatus,
    /// The ledger.
    ledger: LedgerStatus,
    /// What scans ask.
    advisories: Vec<AdvisoryStatus>,
    /// How many revocations are in force.
    revocations: usize,
}

#[derive(Serialize, JsonSchema)]
struct PolicyStatus {
    /// Its file; the shipped one is `policy.toml` too.
    file: String,
    /// A hash of its text, in hexadecimal: it changes with every change.
    epoch: String,
    /// `enforce`, `audit` or `lockdown`.
    mode: Value,
    /// How many rules it has.
    rules: usize,
    /// The platforms that it judges.
    platforms: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct LedgerStatus {
    /// Whether it can be written: else nothing is served.
    writable: bool,
    /// Whether it was as it was written when all of it was last read: at the start and once a day.
    whole: bool,
    /// Pulls that were not recorded since the start.
    dropped_pulls: u64,
}

#[derive(Serialize, JsonSchema)]
struct AdvisoryStatus {
    /// Whose advisories, as OSV calls it.
    ecosystem: String,
    /// When they were fetched, in RFC 3339.
    fetched: Option<String>,
}

pub(super) async fn status(asked: Asked<'_>) -> Result<Value, Problem> {
    let admission = &asked.api.admission;
    let (policy, ledger) = (admission.policy(), admission.ledger());
    let fetched = admission.advisories();
    Ok(json!(Status {
        version: env!("CARGO_PKG_VERSION"),
        policy: PolicyStatus {
            file: policy.source().to_owned(),
            epoch: format!("{:016x}", policy.epoch()),
            mode: json!(policy.mode()),
            rules: policy.rules().len(),
            platforms: policy.platforms().iter().map(ToString::to_string).collect(),
        },
        ledger: LedgerStatus {
            writable: ledger.flush().await.is_ok(),
            whole: telemetry::metrics().ledger_broken.get() == 0,
            dropped_pulls: ledger.dropped_pulls(),
        },
        advisories: fetched
            .into_iter()
            .map(|(ecosystem, at)| AdvisoryStatus {
                ecosystem,
                fetched: moment(Some(at)),
            })
            .collect(),
        revocations: ledger.revocations().await?.len(),
    }))
}
