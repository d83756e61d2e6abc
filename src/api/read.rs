//! What is only read.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::endpoint::Asked;
use super::parameters::Parameters;
use super::problem::Problem;
use super::view::{Decisions, Pullers, Pulls, RevocationView, Revocations, Why};
use crate::console::latest;
use crate::ledger::{About, Decision, DecisionId, HeldKind, Search, Who};
use crate::oci::{Reference, Repository};

/// Rows where nothing is said, and most rows.
const ROWS: (u32, u32) = (100, 1_000);
/// Most pulls beside a decision.
const PULLS: u32 = 100;

pub(super) fn limit(parameters: &Parameters) -> Result<u32, Problem> {
    let limit = parameters.parsed("limit", "limit=100")?.unwrap_or(ROWS.0);
    match limit {
        0 => Err(Problem::bad("limit: at least 1")),
        more if more > ROWS.1 => Err(Problem::bad(format!(
            "limit: at most {}; ask for the rest with since and until, after or skip",
            ROWS.1
        ))),
        fits => Ok(fits),
    }
}

fn window(parameters: &Parameters) -> Result<(Timestamp, Timestamp), Problem> {
    let example = "2026-05-10T12:00:00Z";
    let since = parameters.parsed("since", example)?;
    let until = parameters.parsed("until", example)?;
    Ok((
        since.unwrap_or(Timestamp::UNIX_EPOCH),
        until.unwrap_or(Timestamp::MAX),
    ))
}

fn search(parameters: &Parameters) -> Result<Search, Problem> {
    let (since, until) = window(parameters)?;
    let mut search = Search {
        digest: parameters.parsed("digest", "sha256:…")?,
        allowed: parameters.parsed("allowed", "allowed=false")?,
        code: parameters.parsed("code", "name-squat")?,
        client: parameters.text("client").map(str::to_owned),
        since,
        until,
        after: parameters.parsed("after", "after=17")?,
        most: limit(parameters)?,
        ..Search::default()
    };
    if let Some(text) = parameters.text("image") {
        let example = "docker.io/library/nginx:1.27";
        let reference: Option<Reference> = parameters.parsed("image", example)?;
        let last = text.rsplit('/').next().unwrap_or(text);
        match reference {
            Some(reference) => match reference.digest() {
                Some(digest) => search.digest = Some(*digest),
                None if last.contains(':') => search.reference = Some(reference),
                None => search.repository = Some(Repository::clone(reference.repository())),
            },
            None => return Err(Problem::bad(format!("image: write it as in {example}"))),
        }
    }
    Ok(search)
}

pub(super) async fn decisions(asked: Asked<'_>) -> Result<Value, Problem> {
    let search = search(&asked.parameters)?;
    let found = asked.api.admission.ledger().search(search).await?;
    Ok(json!(Decisions {
        newest: found.iter().map(|one| one.sequence).max(),
        decisions: found.iter().map(|one| (&one.row).into()).collect(),
    }))
}

pub(super) async fn pulls(asked: Asked<'_>) -> Result<Value, Problem> {
    let search = search(&asked.parameters)?;
    let found = asked.api.admission.ledger().search_pulls(search).await?;
    Ok(json!(Pulls {
        newest: found.iter().map(|one| one.sequence).max(),
        pulls: found.into_iter().map(|one| one.row.into()).collect(),
    }))
}

async fn told(asked: &Asked<'_>, found: Option<Decision>) -> Result<Value, Problem> {
    let Some(decision) = found else {
        let why = "no decision of that name is kept; it may be older than the ledger's retention";
        return Err(Problem::missing(why));
    };
    let pulls = asked
        .api
        .admission
        .ledger()
        .pulls_of(decision.id, PULLS)
        .await?;
    Ok(json!(Why {
        decision: (&decision).into(),
        pulls: pulls.into_iter().map(Into::into).collect(),
    }))
}

pub(super) async fn decision(asked: Asked<'_>) -> Result<Value, Problem> {
    let id: DecisionId = asked.id.parse().map_err(|()| {
        Problem::missing("a decision's id is a ULID, as in 01M85E8891F28KPG4FVT9WPHTW")
    })?;
    let found = asked.api.admission.ledger().decision(id).await?;
    told(&asked, found).await
}

pub(super) async fn why(asked: Asked<'_>) -> Result<Value, Problem> {
    let Some(image) = asked.parameters.text("image") else {
        return Err(Problem::bad(
            "which image? image=docker.io/library/nginx:1.27",
        ));
    };
    let ledger = asked.api.admission.ledger();
    let found = latest(ledger.as_ref(), image).await?;
    told(&asked, found).await
}

fn about(parameters: &Parameters) -> Result<Option<About>, Problem> {
    let mut given = ["what", "package", "advisory", "signer"]
        .into_iter()
        .filter_map(|name| Some((name, parameters.text(name)?)));
    let Some((name, text)) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(Problem::bad(
            "one of what, package, advisory and signer at once",
        ));
    }
    Ok(Some(match name {
        "package" => About::package(text),
        "advisory" => About::Held(HeldKind::Advisory, text.to_owned(), None),
        "signer" => About::Held(HeldKind::Signer, text.to_owned(), None),
        _ => About::meant(text),
    }))
}

pub(super) async fn who_pulled(asked: Asked<'_>) -> Result<Value, Problem> {
    let parameters = &asked.parameters;
    let (since, until) = window(parameters)?;
    let who = Who {
        about: about(parameters)?,
        client: parameters.text("client").map(str::to_owned),
        since,
        until,
        most: Some(limit(parameters)?),
        skip: parameters.parsed("skip", "skip=100")?.unwrap_or_default(),
    };
    if who.about.is_none() && who.client.is_none() {
        let why = "who pulled what? One of what, package, advisory, signer and client is needed";
        return Err(Problem::new(StatusCode::BAD_REQUEST, why));
    }
    let found = asked.api.admission.ledger().pulled(who).await?;
    Ok(json!(Pullers {
        all: found.all,
        addresses: found.addresses,
        pullers: found.pullers.into_iter().map(Into::into).collect(),
    }))
}

pub(super) async fn revocations(asked: Asked<'_>) -> Result<Value, Problem> {
    let found = asked.api.admission.ledger().revocations().await?;
    Ok(json!(Revocations {
        revocations: found.iter().map(RevocationView::from).collect(),
    }))
}
