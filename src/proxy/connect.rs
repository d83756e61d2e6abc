//! What clients ask of a proxy, and what they get.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hyper::body::Incoming;
use hyper::header;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::login::{self, Users};
use super::tunnel;
use super::words::{self, established, misdirected, refused};
use crate::ca::Authority;
use crate::config::ProxyUsers;
use crate::gateway::{
    self, Body, Gateway, Limits, Listener, Named, Peer, Side, connection, host_name, names,
};
use crate::policy::Egress;
use crate::telemetry;

/// The proxy's mind.
pub struct Proxy {
    path: Arc<Gateway>,
    authority: Arc<Authority>,
    egress: Egress,
    users: Users,
    limits: Limits,
    tunnels: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Proxy {
    /// Answers for all registries that `path` knows, and carries what `egress` allows.
    pub fn new(
        path: Arc<Gateway>,
        authority: Arc<Authority>,
        egress: Egress,
        limits: Limits,
        stop: watch::Receiver<bool>,
    ) -> Proxy {
        Proxy {
            path,
            authority,
            egress,
            users: None,
            tunnels: Arc::new(Semaphore::new(limits.connections)),
            limits,
            stop,
        }
    }

    /// The same, for those who are on this list; it may change while the proxy runs.
    pub fn for_users(self, users: Arc<ArcSwap<ProxyUsers>>) -> Proxy {
        Proxy {
            users: Some(users),
            ..self
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let peer = match login::login(&self.users, &request, peer) {
            Ok(peer) => peer,
            Err(why) => return words::login(why),
        };
        if request.method() != Method::CONNECT {
            return self.plain(request, peer).await;
        }
        let Some((host, port)) = target(&request) else {
            return refused("CONNECT needs a host and a port, and nothing else");
        };
        // Somebody between the client and us may have decided by the header.
        if request.headers().contains_key(header::HOST) && !names(&request, &host) {
            return refused("CONNECT and the Host header name different hosts");
        }
        let Ok(slot) = self.tunnels.clone().try_acquire_owned() else {
            return refused("too many tunnels are open");
        };
        let known = self.path.dialled();
        match known.at(&host, port) {
            Some(named) => {
                let named = named.clone();
                tokio::spawn(self.clone().intercepted(request, host, named, peer, slot));
                established()
            }
            None if self.egress.allows(&host, port) => {
                self.tunnelled(request, host, port, peer, slot).await
            }
            None if known.knows(&host) => {
                refused(&format!("{host} is not a registry at port {port}"))
            }
            None => {
                tracing::info!(address = %peer.address, host, port, "a host that nobody may reach through the proxy");
                refused(&format!(
                    "{host} is no registry that Lazaret knows, and not in [proxy] allow"
                ))
            }
        }
    }

    /// A registry over plain HTTP, in absolute form (RFC 9112, 3.2.2).
    async fn plain(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let host = host_name(request.uri().host().unwrap_or_default());
        let port = request.uri().port_u16().unwrap_or(80);
        match self.path.dialled().at(&host, port) {
            Some(named) if names(&request, &host) => {
                let (path, named) = (self.path.clone(), named.clone());
                path.answer_as(&named, Side::Proxy, request, &peer).await
            }
            Some(_) => misdirected(),
            None if host.is_empty() => {
                refused("this is a proxy: registries are reached through it, not at it")
            }
            None if self.path.dialled().knows(&host) => {
                refused(&format!("{host} is not a registry at port {port}"))
            }
            None => refused(&format!("{host} is no registry that Lazaret knows")),
        }
    }

    /// Answers as the registry, inside the tunnel.
    async fn intercepted(
        self: Arc<Self>,
        request: Request<Incoming>,
        host: String,
        named: Named,
        peer: Peer,
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
                tracing::warn!(address = %peer.address, host, %error, "a client does not accept our certificate: does it trust the authority? lazaret ca export");
                return;
            }
            Err(_) => return,
        };
        let shown = || gateway::identity(stream.get_ref().1);
        let peer = Peer {
            identity: peer.identity.clone().or_else(shown),
            ..peer
        };
        let (path, dialled) = (self.path.clone(), host);
        let handle = move |request: Request<Incoming>, peer: Peer| {
            let (path, named) = (path.clone(), named.clone());
            let same = names(&request, &dialled) && request.uri().authority().is_none();
            async move {
                match same {
                    true => path.answer_as(&named, Side::Proxy, request, &peer).await,
                    false => misdirected(),
                }
            }
        };
        connection(stream, peer, self.limits, self.stop.clone(), handle).await;
        drop(slot);
    }

    async fn tunnelled(
        &self,
        request: Request<Incoming>,
        host: String,
        port: u16,
        peer: Peer,
        slot: OwnedSemaphorePermit,
    ) -> Response<Body> {
        let server = match tunnel::open(&host, port).await {
            Ok(server) => server,
            Err(error) => return refused(&format!("{host} cannot be reached: {error}")),
        };
        tokio::spawn(async move {
            if let Ok(client) = hyper::upgrade::on(request).await
                && let Err(error) = tunnel::carry(TokioIo::new(client), server, &host).await
            {
                match error.kind() {
                    std::io::ErrorKind::Other => {
                        tracing::warn!(address = %peer.address, host, "a tunnel was closed: {error}");
                    }
                    _ => tracing::debug!(address = %peer.address, host, %error, "a tunnel"),
                }
            }
            drop(slot);
        });
        established()
    }
}

/// The host and port that `CONNECT` names (RFC 9110, 9.3.6): no user, no path.
fn target<B>(request: &Request<B>) -> Option<(String, u16)> {
    let at = request.uri().authority()?;
    let named = (!at.as_str().contains('@')).then(|| host_name(at.host()))?;
    Some((named, at.port_u16()?))
}

/// Serves until `stop` turns true, then lets running exchanges end.
pub async fn serve(listener: Listener, proxy: Arc<Proxy>) {
    let (limits, stop) = (proxy.limits, proxy.stop.clone());
    let own = proxy.clone();
    crate::gateway::serve(listener, limits, stop, move |request, peer| {
        own.clone().answer(request, peer)
    })
    .await;
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let ended = proxy.tunnels.acquire_many(all);
    if tokio::time::timeout(limits.drain, ended).await.is_err() {
        tracing::warn!("stopping with tunnels still open");
    }
}
