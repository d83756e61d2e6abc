//! The waivers of the policy in force: of what use they are, and what is doubtful about them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::Asked;
use super::problem::Problem;
use crate::ledger::{WaiverUse, doubts};
use crate::policy::{Concern, Waiver};
use crate::telemetry;

/// The waivers of the policy in force, in its order.
#[derive(Serialize, JsonSchema)]
pub(super) struct Waivers {
    /// The tables `[[waiver]]`.
    waivers: Vec<WaiverView>,
}

#[derive(Serialize, JsonSchema)]
struct WaiverView {
    /// Its identity, which stays the same where reason, owner, end or place in the file change.
    id: String,
    /// Where it stands.
    file: String,
    /// On which line.
    line: u32,
    /// A code, or an advisory's id.
    finding: String,
    /// For which images.
    images: Vec<String>,
    /// Of which packages; empty for all.
    packages: Vec<String>,
    /// In which files; empty for all.
    paths: Vec<String>,
    /// With which digests; empty for all.
    digests: Vec<String>,
    /// Why.
    reason: String,
    /// Who answers for it.
    owner: String,
    /// Where it is discussed.
    ticket: Option<String>,
    /// When it ends, in RFC 3339.
    until: String,
    /// Of what use it was; null where it never was.
    used: Option<Use>,
    /// What is doubtful about it.
    concerns: Vec<Doubt>,
}

#[derive(Serialize, JsonSchema)]
struct Use {
    /// When first, in RFC 3339.
    first: String,
    /// When last.
    last: String,
    /// In how many decisions.
    decisions: u64,
}

#[derive(Serialize, JsonSchema)]
struct Doubt {
    /// `ended`, `ends-soon`, `lasts-long`, `whole-registry`, `every-finding` or `unused`.
    kind: String,
    /// The same as a part of a sentence.
    message: String,
}

pub(super) async fn waivers(asked: Asked<'_>) -> Result<Value, Problem> {
    let admission = &asked.api.admission;
    let used = admission.ledger().waivers_used().await?;
    let (policy, now) = (admission.policy(), telemetry::now());
    let waivers = policy.waivers().iter();
    let waivers = waivers.map(|waiver| view(waiver, &used, doubts(waiver, Some(&used), now)));
    Ok(json!(Waivers {
        waivers: waivers.collect(),
    }))
}

fn view(waiver: &Waiver, used: &BTreeMap<String, WaiverUse>, doubts: Vec<Concern>) -> WaiverView {
    let id = waiver.id();
    let texts = |list: &[String]| list.to_vec();
    WaiverView {
        file: waiver.origin.file.clone(),
        line: waiver.origin.line,
        finding: waiver.finding.to_string(),
        images: waiver.images.iter().map(ToString::to_string).collect(),
        packages: texts(&waiver.packages),
        paths: texts(&waiver.paths),
        digests: waiver.digests.iter().map(ToString::to_string).collect(),
        reason: waiver.reason.clone(),
        owner: waiver.owner.clone(),
        ticket: waiver.ticket.clone(),
        until: waiver.until.to_string(),
        used: used.get(&id).map(|of| Use {
            first: of.first.to_string(),
            last: of.last.to_string(),
            decisions: of.decisions,
        }),
        concerns: doubts
            .iter()
            .map(|one| Doubt {
                kind: one.as_str().to_owned(),
                message: one.to_string(),
            })
            .collect(),
        id,
    }
}
