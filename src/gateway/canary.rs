//! The canary's answers, in the shapes of all others, and who asked for it lately.
//!
//! Nothing is judged, fetched or written down: checks of a whole fleet leave a count, and for some minutes a memory by
//! which `lazaret doctor` learns that its own pull arrived here.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Response;
use jiff::Timestamp;
use moka::sync::Cache;

use crate::admission::ServedManifest;
use crate::canary::{self, Canary, MAX_NONCE_BYTES, NAMESPACE};
use crate::oci::{ErrorCode, Reference, Route, Target};
use crate::policy::{Mode, Origin, Verdict};
use crate::telemetry;

use super::body::Body;
use super::part::Part;
use super::pull::{Gateway, Side};
use super::request::Ask;
use super::respond::{self, Refusal};

/// Nonces that are remembered: a fleet that checks itself at once.
const MOST_NONCES: u64 = 10_000;
/// For so long: a check takes seconds, its slowest client minutes.
const KEPT: Duration = Duration::from_secs(900);
/// Requests that are remembered of one nonce: a pull has five, and a check pulls with some clients.
const MOST_SEEN: usize = 64;

/// A request for the canary.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sighting {
    /// When.
    pub at: Timestamp,
    /// The canary's repository with its registry, as the client meant it.
    pub repository: String,
    /// At which kind of listener: mirror, gateway, proxy.
    pub listener: &'static str,
    /// From where.
    pub address: IpAddr,
    /// By what.
    pub user_agent: String,
    /// Whether it was answered with content.
    pub served: bool,
}

/// Who asked for which nonce.
pub(super) struct Sightings(Cache<String, Arc<Mutex<Vec<Sighting>>>>);

impl Sightings {
    pub(super) fn new() -> Sightings {
        Sightings(
            Cache::builder()
                .max_capacity(MOST_NONCES)
                .time_to_live(KEPT)
                .build(),
        )
    }

    fn add(&self, nonce: &str, sighting: Sighting) {
        if nonce.len() > MAX_NONCE_BYTES {
            return;
        }
        let seen = self.0.get_with_by_ref(nonce, Arc::default);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MOST_SEEN {
            seen.push(sighting);
        }
    }

    fn of(&self, nonce: &str) -> Vec<Sighting> {
        let seen = self.0.get(nonce).unwrap_or_default();
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

impl Gateway {
    /// The requests for the canary with this nonce in its tag, of the last quarter of an hour.
    pub fn sightings(&self, nonce: &str) -> Vec<Sighting> {
        self.sightings.of(nonce)
    }

    /// Answers for the canary, whatever the policy says: it tells how pulls travel, not what is in an image.
    pub(super) fn canary(
        &self,
        side: Side,
        ask: &Ask,
        canary: Canary,
        reference: &Reference,
    ) -> Response<Body> {
        match (&ask.route, canary) {
            (Route::Manifest { target, .. }, Canary::Denied) => {
                self.deny_canary(side, ask, reference, target)
            }
            (Route::Manifest { target, .. }, Canary::Allowed) => {
                self.serve_canary(side, ask, reference, target)
            }
            (Route::Blob { digest, .. }, Canary::Allowed) => match canary::image().blob(digest) {
                Some(blob) => canary_blob(ask, blob),
                None => respond::error(ErrorCode::BlobUnknown, "no part of the canary", ask.head),
            },
            (Route::Referrers { .. }, Canary::Allowed) => {
                respond::referrers(&[], ask.query.artifact_type.is_some(), ask.head)
            }
            (Route::Tags { .. }, Canary::Allowed) => {
                respond::tags(ask, &["latest".to_owned()], false)
            }
            (Route::Blob { .. } | Route::Referrers { .. } | Route::Tags { .. }, Canary::Denied) => {
                respond::denied(&self.canary_words(reference, &reference.target()), ask.head)
            }
            (Route::Ping | Route::Upload, _) => respond::pong(),
        }
    }

    fn deny_canary(
        &self,
        side: Side,
        ask: &Ask,
        reference: &Reference,
        target: &Target,
    ) -> Response<Body> {
        // Classic Docker comes back by the digest of the tombstone that it was given.
        if let Target::Digest(digest) = target
            && let Some(said) = self.entombed(side, digest)
        {
            return respond::refusal(side, ask, &said);
        }
        self.sighted(side, ask, reference, target, false);
        self.refuse(side, ask, self.canary_words(reference, target))
    }

    fn serve_canary(
        &self,
        side: Side,
        ask: &Ask,
        reference: &Reference,
        target: &Target,
    ) -> Response<Body> {
        let image = canary::image();
        let found = match target {
            Target::Tag(_) => Some(&image.index),
            Target::Digest(digest) => image.manifest(digest),
        };
        let verdict = canary_verdict();
        let (Some(found), Some(permit)) = (found, verdict.permit(Mode::Enforce)) else {
            let why = "the canary has no such manifest";
            return self.refuse(side, ask, Refusal::of_error(reference, why));
        };
        self.sighted(side, ask, reference, target, true);
        let manifest = ServedManifest {
            bytes: found.bytes.clone(),
            media_type: found.media_type,
            digest: found.digest,
        };
        respond::manifest(&permit, &manifest, ask.head, &[])
    }

    fn canary_words(&self, reference: &Reference, target: &Target) -> Refusal {
        Refusal::of_canary(reference, &target.to_string(), self.explain())
    }

    fn sighted(&self, side: Side, ask: &Ask, reference: &Reference, target: &Target, served: bool) {
        telemetry::metrics().canary(side.name(), served);
        let Target::Tag(nonce) = target else { return };
        tracing::debug!(%reference, client = %ask.client.address, "canary");
        let sighting = Sighting {
            at: telemetry::now(),
            repository: reference.repository().to_string(),
            listener: side.name(),
            address: ask.client.address,
            user_agent: ask.client.user_agent.as_ref().to_owned(),
            served,
        };
        self.sightings.add(nonce.as_str(), sighting);
    }
}

/// Nothing can stand against bytes that are built in.
fn canary_verdict() -> Verdict {
    let rule = Origin {
        file: NAMESPACE.to_owned(),
        line: 0,
        table: String::new(),
    };
    Verdict {
        findings: Vec::new(),
        rule,
        valid_until: None,
        vouched: Vec::new(),
        advisories: Vec::new(),
    }
}

fn canary_blob(ask: &Ask, blob: &canary::Served) -> Response<Body> {
    let part = match Part::of(ask.range.as_deref(), blob.bytes.len() as u64) {
        Ok(part) => part,
        Err(size) => return respond::unsatisfiable(size),
    };
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    let body = match ask.head {
        true => Body::Empty,
        false => Body::full(blob.bytes.slice(at(part.start)..at(part.end))),
    };
    respond::blob(&blob.digest, part, body)
}
