//! What clients ask of a proxy, and what they get.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::tunnel;
use crate::ca::Authority;
use crate::gateway::{Body, Gateway, Limits, Listener, connection};
use crate::oci::DOCKER_HUB;
use crate::policy::Egress;
use crate::telemetry;
use crate::upstream::Upstreams;

/// Ports at which registries are answered; what is asked for at others is no registry.
const PORTS: [u16; 2] = [443, 80];
/// The hosts of Docker Hub's API; of other registries it is their name.
const HUB_HOSTS: [&str; 3] = ["registry-1.docker.io", "index.docker.io", "docker.io"];

/// The proxy's mind.
pub struct Proxy {
    path: Arc<Gateway>,
    authority: Authority,
    /// The registries by the hosts that clients dial.
    registries: BTreeMap<String, String>,
    egress: Egress,
    limits: Limits,
    tunnels: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// The hosts that clients dial for these registries, and the registries' names. An address is no name: nobody can be
/// certified as it.
fn dialled(upstreams: &Upstreams) -> BTreeMap<String, String> {
    let mut hosts = BTreeMap::new();
    for name in upstreams.hosts() {
        let hub = (name == DOCKER_HUB)
            .then_some(HUB_HOSTS)
            .into_iter()
            .flatten();
        let named = name.rsplit_once(':').map_or(name, |(host, _)| host);
        let dialled = hub
            .chain([named])
            .filter(|host| host.parse::<IpAddr>().is_err());
        hosts.extend(dialled.map(|host| (host.to_ascii_lowercase(), name.to_owned())));
    }
    hosts
}

impl Proxy {
    /// Answers for all registries of `upstreams`, and carries what `egress` allows.
    pub fn new(
        path: Arc<Gateway>,
        upstreams: &Upstreams,
        authority: Authority,
        egress: Egress,
        limits: Limits,
        stop: watch::Receiver<bool>,
    ) -> Proxy {
        Proxy {
            path,
            authority,
            registries: dialled(upstreams),
            egress,
            tunnels: Arc::new(Semaphore::new(limits.connections)),
            limits,
            stop,
        }
    }

    /// The names that an authority for these registries must be able to certify.
    pub fn hosts(upstreams: &Upstreams) -> Vec<String> {
        dialled(upstreams).into_keys().collect()
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        address: IpAddr,
    ) -> Response<Body> {
        if request.method() != Method::CONNECT {
            return self.plain(request, address).await;
        }
        let target = request.uri().authority();
        let Some((host, port)) = target.and_then(|at| Some((at.host(), at.port_u16()?))) else {
            return refused("CONNECT needs a host and a port");
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let Ok(slot) = self.tunnels.clone().try_acquire_owned() else {
            return refused("too many tunnels are open");
        };
        match self.registries.get(&host) {
            Some(registry) if PORTS.contains(&port) => {
                let registry = registry.clone();
                tokio::spawn(
                    self.clone()
                        .intercepted(request, host, registry, address, slot),
                );
                established()
            }
            _ if self.egress.allows(&host, port) => self.tunnelled(request, host, port, slot).await,
            Some(_) => refused(&format!("{host} is not a registry at port {port}")),
            None => {
                tracing::info!(%address, host, port, "a host that nobody may reach through the proxy");
                refused(&format!(
                    "{host} is no registry that Lazaret knows, and not in [proxy] allow"
                ))
            }
        }
    }

    /// A registry over plain HTTP, in absolute form (RFC 9112, 3.2.2).
    async fn plain(&self, request: Request<Incoming>, address: IpAddr) -> Response<Body> {
        let host = request
            .uri()
            .host()
            .unwrap_or_default()
            .to_ascii_lowercase();
        match self.registries.get(&host) {
            Some(registry) if names(&request, &host) => {
                let registry = registry.clone();
                self.path
                    .clone()
                    .pull_from(&registry, request, address)
                    .await
            }
            Some(_) => misdirected(),
            None if host.is_empty() => {
                refused("this is a proxy: registries are reached through it, not at it")
            }
            None => refused(&format!("{host} is no registry that Lazaret knows")),
        }
    }

    /// Answers as the registry, inside the tunnel.
    async fn intercepted(
        self: Arc<Self>,
        request: Request<Incoming>,
        host: String,
        registry: String,
        address: IpAddr,
        slot: OwnedSemaphorePermit,
    ) {
        let Ok(stream) = hyper::upgrade::on(request).await else {
            return;
        };
        let config = match self.authority.server(&host, telemetry::now()) {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(host, %error, "no certificate could be made");
                return;
            }
        };
        let handshake = TlsAcceptor::from(config).accept(TokioIo::new(stream));
        let stream = match tokio::time::timeout(self.limits.handshake, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::warn!(%address, host, %error, "a client does not accept our certificate: does it trust the authority? lazaret ca export");
                return;
            }
            Err(_) => return,
        };
        let (path, dialled) = (self.path.clone(), host);
        let handle = move |request: Request<Incoming>, address| {
            let (path, registry) = (path.clone(), registry.clone());
            let same = names(&request, &dialled) && request.uri().authority().is_none();
            async move {
                match same {
                    true => path.pull_from(&registry, request, address).await,
                    false => misdirected(),
                }
            }
        };
        connection(stream, address, self.limits, self.stop.clone(), handle).await;
        drop(slot);
    }

    async fn tunnelled(
        &self,
        request: Request<Incoming>,
        host: String,
        port: u16,
        slot: OwnedSemaphorePermit,
    ) -> Response<Body> {
        let server = match tunnel::open(&host, port).await {
            Ok(server) => server,
            Err(error) => return refused(&format!("{host} cannot be reached: {error}")),
        };
        tokio::spawn(async move {
            if let Ok(client) = hyper::upgrade::on(request).await {
                tunnel::carry(TokioIo::new(client), server).await;
            }
            drop(slot);
        });
        established()
    }
}

/// Whether the request's `Host` is the host that was dialled, whatever the port.
fn names<B>(request: &Request<B>, dialled: &str) -> bool {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    host.is_some_and(|host| host.trim_end_matches('.').eq_ignore_ascii_case(dialled))
}

fn established() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    if let Ok(phrase) = ReasonPhrase::try_from(b"Connection established".as_slice()) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// Every client prints the phrase, and none the body.
fn refused(why: &str) -> Response<Body> {
    let plain: String = why
        .chars()
        .filter(|c| c.is_ascii() && !c.is_ascii_control())
        .collect();
    let phrase = format!("Blocked by policy: {plain}");
    answer(StatusCode::FORBIDDEN, &phrase)
}

/// A request for another host than the connection is for (RFC 9110, 15.5.20).
fn misdirected() -> Response<Body> {
    answer(
        StatusCode::MISDIRECTED_REQUEST,
        "this connection is for another host",
    )
}

fn answer(status: StatusCode, phrase: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(format!("{phrase}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Ok(phrase) = ReasonPhrase::try_from(phrase.as_bytes().to_vec()) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// Serves until `stop` turns true, then lets running exchanges end.
pub async fn serve(listener: Listener, proxy: Arc<Proxy>) {
    let (limits, stop) = (proxy.limits, proxy.stop.clone());
    let own = proxy.clone();
    crate::gateway::serve(listener, limits, stop, move |request, address| {
        own.clone().answer(request, address)
    })
    .await;
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let ended = proxy.tunnels.acquire_many(all);
    if tokio::time::timeout(limits.drain, ended).await.is_err() {
        tracing::warn!("stopping with tunnels still open");
    }
}
