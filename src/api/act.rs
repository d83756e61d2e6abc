//! What changes something, or proposes to.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::endpoint::Asked;
use super::problem::Problem;
use super::view::{RevocationView, RevokeBody, Waiver, WaiverBody};
use crate::admission::{ToRevoke, revoke as revoke_it, take_back as take_it_back};
use crate::ledger::DecisionId;
use crate::policy::{Excuse, PROPOSED, proposals};
use crate::telemetry;

fn body<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Problem> {
    serde_json::from_slice(&asked.body).map_err(|error| Problem::bad(format!("the body: {error}")))
}

pub(super) async fn revoke(asked: Asked<'_>) -> Result<Value, Problem> {
    let RevokeBody {
        what,
        signer,
        publisher,
        reason,
    } = body(&asked)?;
    let what = match (what, signer, publisher) {
        (Some(what), None, None) => ToRevoke::Words(what),
        (None, Some(signer), None) => ToRevoke::Signer(signer),
        (None, None, Some(publisher)) => ToRevoke::Publisher(publisher),
        _ => return Err(Problem::bad("one of what, signer and publisher is needed")),
    };
    let (ledger, by) = (asked.api.admission.ledger(), asked.by.to_owned());
    let (policy, now) = (asked.api.admission.policy(), telemetry::now());
    let revoked = revoke_it(ledger.as_ref(), Some(&policy), &what, &reason, by, now).await;
    let revocation = revoked?;
    // Not in a second, when it would be read anyway, but before this is answered.
    asked.api.admission.reread_revocations().await?;
    tracing::warn!(id = revocation.id, what = %revocation.what, by = asked.by, "revoked");
    Ok(json!(RevocationView::from(&revocation)))
}

pub(super) async fn take_back(asked: Asked<'_>) -> Result<Value, Problem> {
    let (ledger, by) = (asked.api.admission.ledger(), asked.by.to_owned());
    let revocation = take_it_back(ledger.as_ref(), asked.id, by, telemetry::now()).await?;
    asked.api.admission.reread_revocations().await?;
    tracing::warn!(id = revocation.id, what = %revocation.what, by = asked.by, "no longer revoked");
    Ok(json!(RevocationView::from(&revocation)))
}

pub(super) async fn waiver(asked: Asked<'_>) -> Result<Value, Problem> {
    let wanted: WaiverBody = body(&asked)?;
    let id: DecisionId = wanted
        .decision
        .parse()
        .map_err(|()| Problem::bad("decision: a decision's id is a ULID"))?;
    let until: Timestamp = match &wanted.until {
        Some(day) => format!("{day}T00:00:00Z")
            .parse()
            .map_err(|_| Problem::bad(format!("until: {day:?} is no day, as in 2027-01-31")))?,
        None => telemetry::now()
            .checked_add(PROPOSED)
            .unwrap_or(Timestamp::MAX),
    };
    let found = asked.api.admission.ledger().decision(id).await?;
    let decision = found.ok_or_else(|| Problem::missing(format!("no decision {id} is kept")))?;
    let excuse = Excuse {
        reason: wanted.reason.unwrap_or_default(),
        owner: wanted.owner.unwrap_or_default(),
        ticket: wanted.ticket,
        digest: decision.digest.filter(|_| wanted.this_digest),
    };
    let repository = decision.reference.repository().as_str();
    let word = wanted.finding.as_deref();
    let tables = proposals(repository, &decision.verdict, word, &excuse, until);
    if tables.is_empty() {
        return Err(Problem::missing(match word {
            Some(word) => {
                format!("the decision has no finding {word:?} that a waiver could excuse")
            }
            None => "nothing in the decision denies that a waiver could excuse".to_owned(),
        }));
    }
    Ok(json!(Waiver {
        toml: tables.join("\n"),
    }))
}
