//! THE path of a pull, from request to answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::{Request, Response};
use jiff::Timestamp;

use crate::admission::{Admission, AdmissionError, Answer, Ruling};
use crate::canary::Canary;
use crate::ledger::{Outcome, Pull, PullKind};
use crate::oci::{Digest, ErrorCode, Reference, Repository, Route, Target};
use crate::telemetry;
use crate::upstream::Upstreams;

use super::body::Body;
use super::bypass::Step;
use super::canary::Sightings;
use super::caught::caught;
use super::dialled::{Dialled, Named, names, port};
use super::peer::{Identification, Peer};
use super::request::{Ask, BadRequest};
use super::respond::{self, Refusal};
use super::suspect::{self, Suspects};
use super::tokens;
use super::tombs::Tombs;
use super::vouch::Voucher;
use super::warnings::{Served, warnings};

/// Which kind of listener a request arrived at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A registry mirror: its clients go elsewhere when it says an ordinary no.
    Mirror,
    /// The only registry that its clients know.
    Gateway,
    /// The registry that its clients believe to talk to.
    Proxy,
}

impl Side {
    /// For logs, the ledger and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Side::Mirror => "mirror",
            Side::Gateway => "gateway",
            Side::Proxy => "proxy",
        }
    }
}

/// How long a client is held while its image is judged.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// One exchange: Docker 29 gives up after 30 s without response headers.
    pub exchange: Duration,
    /// Times round: Go's HTTP client follows ten redirects.
    pub hops: u32,
}

impl Default for Hold {
    fn default() -> Hold {
        Hold {
            exchange: Duration::from_secs(20),
            hops: 9,
        }
    }
}

/// What every pull needs.
pub struct Gateway {
    pub(super) admission: Arc<Admission>,
    pub(super) upstreams: Arc<Upstreams>,
    explain: String,
    pub(super) hold: Hold,
    tombs: Tombs,
    pub(super) sightings: Sightings,
    identification: Identification,
    dialled: Arc<Dialled>,
    pub(super) voucher: Option<Arc<Voucher>>,
    pub(super) suspects: Suspects,
}

impl Gateway {
    /// The gate's mind, the closed list of registries, where explain links point (without a slash at the end), and
    /// how long slow judgements hold a client.
    pub fn new(
        admission: Arc<Admission>,
        upstreams: Arc<Upstreams>,
        explain: String,
        hold: Hold,
    ) -> Gateway {
        Gateway {
            admission,
            dialled: Arc::new(Dialled::of(&upstreams)),
            upstreams,
            explain,
            hold,
            tombs: Tombs::new(),
            sightings: Sightings::new(),
            identification: Identification::default(),
            voucher: None,
            suspects: Suspects::default(),
        }
    }

    /// The same, where clients that prove nothing are known by what they say or where they are.
    pub fn identifying(mut self, identification: Identification) -> Gateway {
        self.identification = identification;
        self
    }

    /// The hosts that it can answer as.
    pub fn dialled(&self) -> &Arc<Dialled> {
        &self.dialled
    }

    /// Answers one request. Nothing here decides: it asks admission and words the answer. Who named a host in the TLS
    /// handshake speaks to that host: as a registry, if it is one, and never as another.
    pub async fn pull<B>(
        self: Arc<Self>,
        side: Side,
        request: Request<B>,
        peer: Peer,
    ) -> Response<Body> {
        let request = bodiless(request);
        if let Some(name) = &peer.server_name {
            if !names(&request, name) {
                return respond::misdirected(request.method() == hyper::Method::HEAD);
            }
            if side == Side::Gateway && self.dialled.knows(name) {
                return match self.dialled.led(name, port(&request)).cloned() {
                    Some(named) => self.answer_as(&named, side, request, &peer).await,
                    None => respond::misdirected(request.method() == hyper::Method::HEAD),
                };
            }
        }
        let ask = Ask::read(&request, side, &peer, |host| {
            self.upstreams.get(host).is_some()
        });
        let identity = self.identification.of(side, &peer, request.headers());
        self.answered(side, ask.map(|ask| ask.known(identity)), request)
            .await
    }

    /// Answers one request of a client that believes to talk to a registry itself, or to its token service. Boxed:
    /// whoever calls it has futures around it that the compiler would otherwise lay out as one.
    pub fn answer_as<B>(
        self: Arc<Self>,
        named: &Named,
        side: Side,
        request: Request<B>,
        peer: &Peer,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let request = bodiless(request);
        let head = request.method() == hyper::Method::HEAD;
        if tokens::asked(request.method(), request.uri().path()) {
            return Box::pin(async move { tokens::token(telemetry::now(), head) });
        }
        let Named::Registry(registry) = named else {
            return Box::pin(async move { tokens::nothing_else(head) });
        };
        let identity = self.identification.of(side, peer, request.headers());
        let ask = Ask::read_from(&request, side, registry, peer);
        let ask = ask.map(|ask| ask.known(identity));
        Box::pin(async move { self.answered(side, ask, request).await })
    }

    async fn answered(
        self: Arc<Self>,
        side: Side,
        ask: Result<Ask, BadRequest>,
        request: Request<()>,
    ) -> Response<Body> {
        let ask = match ask {
            Ok(ask) => ask,
            Err(bad) => return respond::bad_request(bad, request.method() == hyper::Method::HEAD),
        };
        match caught(self.answer(side, &ask)).await {
            Some(response) => response,
            None => self.crashed(side, &ask),
        }
    }

    async fn answer(&self, side: Side, ask: &Ask) -> Response<Body> {
        let (Some(reference), Some(repository)) = (ask.reference(), ask.repository.as_ref()) else {
            return respond::pong();
        };
        if let Some(canary) = Canary::of(repository) {
            return self.canary(side, ask, canary, &reference);
        }
        if let Some(own) = self.own(ask, repository).await {
            return own;
        }
        match &ask.route {
            Route::Manifest { .. } => self.manifest(side, ask, &reference).await,
            Route::Blob { digest, .. } => self.blob(side, ask, repository, digest).await,
            Route::Tags { .. } => self.tags(ask, &reference).await,
            Route::Referrers { digest, .. } => self.referrers(ask, &reference, digest).await,
            Route::Ping | Route::Upload => respond::pong(),
        }
    }

    /// A panic while an answer was made: it blocks in the client's own shape.
    fn crashed(&self, side: Side, ask: &Ask) -> Response<Body> {
        let why = AdmissionError::Crashed.to_string();
        match (&ask.route, ask.reference()) {
            (Route::Manifest { .. }, Some(reference)) => {
                self.refuse(side, ask, Refusal::of_error(&reference, &why))
            }
            _ => respond::error(ErrorCode::Unavailable, &why, ask.head),
        }
    }

    async fn manifest(&self, side: Side, ask: &Ask, reference: &Reference) -> Response<Body> {
        if let Target::Digest(digest) = reference.target()
            && let Some(refusal) = self.entombed(side, &digest)
        {
            let again = suspect::denied(side, ask, None);
            self.saw(ask, reference.repository(), again).await;
            return respond::refusal(side, ask, &refusal);
        }
        match tokio::time::timeout(
            self.hold.exchange,
            self.admission.admit(reference, &ask.client),
        )
        .await
        {
            Ok(Ok(Answer::Serve {
                permit,
                manifest,
                ruling,
                stale_since,
            })) => {
                self.account(
                    side,
                    ask,
                    reference,
                    Some(manifest.digest),
                    &ruling,
                    Outcome::Served,
                );
                let took = suspect::took(ask, manifest.media_type);
                self.saw(ask, reference.repository(), took).await;
                let warnings = self.warnings(&ruling, stale_since);
                respond::manifest(&permit, &manifest, ask.head, &warnings)
            }
            Ok(Ok(Answer::Refuse(ruling))) => {
                self.account(
                    side,
                    ask,
                    reference,
                    ruling.digest,
                    &ruling,
                    Outcome::Denied,
                );
                let denied = suspect::denied(side, ask, Some(ruling.decision));
                self.saw(ask, reference.repository(), denied).await;
                self.refuse(side, ask, self.words(reference, &ruling))
            }
            Ok(Err(AdmissionError::NotFound(what))) if side != Side::Mirror => respond::error(
                ErrorCode::ManifestUnknown,
                &format!("not found: {what}"),
                ask.head,
            ),
            Ok(Err(error)) => {
                tracing::warn!(%reference, client = ask.client.who(), %error, "no answer");
                self.refuse(side, ask, Refusal::of_error(reference, &error.to_string()))
            }
            Err(_) if ask.hop < self.hold.hops => {
                if side == Side::Mirror {
                    let repository = reference.repository();
                    self.saw(ask, repository, Step::SentRound).await;
                }
                respond::come_back(&ask.next_hop())
            }
            Err(_) => self.refuse(side, ask, Refusal::still_working(reference)),
        }
    }

    /// What the tombstone with this digest said, if it was one that this kind of listener gives.
    pub(super) fn entombed(&self, side: Side, digest: &Digest) -> Option<Arc<Refusal>> {
        (side == Side::Mirror)
            .then(|| self.tombs.said(digest))
            .flatten()
    }

    /// Where explain links point.
    pub(super) fn explain(&self) -> &str {
        &self.explain
    }

    /// What goes with an image that is served.
    fn warnings(&self, ruling: &Ruling, stale_since: Option<Timestamp>) -> Vec<String> {
        warnings(&Served {
            verdict: &ruling.verdict,
            stale_since,
            why: &format!("{}/why/{}", self.explain, ruling.decision),
            now: telemetry::now(),
        })
    }

    pub(super) fn refuse(&self, side: Side, ask: &Ask, refusal: Refusal) -> Response<Body> {
        let response = respond::refusal(side, ask, &refusal);
        if let Some(tombstone) = respond::digest_of(&response) {
            self.tombs.remember(tombstone, refusal);
        }
        response
    }

    async fn blob(
        &self,
        side: Side,
        ask: &Ask,
        repository: &Repository,
        digest: &Digest,
    ) -> Response<Body> {
        let admitted = self.admission.admit_blob(repository, digest, &ask.client);
        match tokio::time::timeout(self.hold.exchange, admitted).await {
            Ok(Ok(Ok(approved))) => {
                self.saw(ask, repository, Step::Took).await;
                self.serve_blob(ask, digest, approved).await
            }
            Ok(Ok(Err(ruling))) => {
                let reference = repository.at_digest(*digest);
                self.account(
                    side,
                    ask,
                    &reference,
                    Some(*digest),
                    &ruling,
                    Outcome::Denied,
                );
                let unopened = suspect::unopened(digest, true);
                self.saw(ask, repository, unopened).await;
                respond::denied(&self.words(&reference, &ruling), ask.head)
            }
            Ok(Err(error @ AdmissionError::NotApproved(_))) => {
                let unopened = suspect::unopened(digest, false);
                self.saw(ask, repository, unopened).await;
                respond::error(ErrorCode::BlobUnknown, &error.to_string(), ask.head)
            }
            Ok(Err(error)) => respond::error(ErrorCode::Unavailable, &error.to_string(), ask.head),
            Err(_) if ask.hop < self.hold.hops => respond::come_back(&ask.next_hop()),
            Err(_) => respond::error(
                ErrorCode::Unavailable,
                "the image of this blob is still being judged",
                ask.head,
            ),
        }
    }

    /// One log line and one pull record per manifest asked for; HEAD counts, for a client that has the
    /// image asks no further.
    fn account(
        &self,
        side: Side,
        ask: &Ask,
        reference: &Reference,
        digest: Option<Digest>,
        ruling: &Ruling,
        outcome: Outcome,
    ) {
        let served = matches!(outcome, Outcome::Served);
        tracing::info!(
            %reference,
            decision = %ruling.decision,
            client = ask.client.who(),
            "{}",
            if served { "served" } else { "blocked" }
        );
        telemetry::metrics().pull(side.name(), served);
        self.admission.ledger().record_pull(Pull {
            at: telemetry::now(),
            decision: ruling.decision,
            digest,
            client: ask.client.clone(),
            kind: PullKind::Manifest,
            outcome,
            bytes: 0,
        });
    }

    pub(super) fn words(&self, reference: &Reference, ruling: &Ruling) -> Refusal {
        Refusal::of_ruling(reference, ruling, &self.explain)
    }
}

/// A request without its body: nothing that is answered here has one.
fn bodiless<B>(request: Request<B>) -> Request<()> {
    let (parts, _) = request.into_parts();
    Request::from_parts(parts, ())
}
