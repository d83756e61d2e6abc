//! The listeners of a server, bound and wired.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::wire::{Built, Trouble, about};
use crate::ca::{Authority, Clients};
use crate::config::reload::{Change, read, watch as watch_file};
use crate::config::{self, ProxyServer, Server, parse_proxy_users};
use crate::gateway::{
    ClientCertificates, Dialled, Gateway, Identification, IdentityHeader, Limits, Listener, Side,
    Tls, TlsSource,
};
use crate::proxy::Proxy;

/// All that a server listens with.
pub(super) struct Listeners {
    pub(super) mirror: Listener,
    pub(super) admin: Listener,
    pub(super) gateway: Option<Listener>,
    pub(super) proxy: Option<Listener>,
    pub(super) inspection: Option<Listener>,
    /// Who certifies us as registries, where that is needed.
    pub(super) authority: Option<Arc<Authority>>,
    /// To be read again now and then.
    pub(super) tls: Vec<Arc<Tls>>,
}

/// Binds all listeners of the settings.
pub(super) async fn bind(server: &Server, built: &Built) -> Result<Listeners, Trouble> {
    let (gateway, proxy) = (&server.gateway, &server.proxy);
    let named = gateway.as_ref().is_some_and(|by| by.registry_names);
    let authority = match named || proxy.is_some() {
        true => Some(super::ca::authority(server)?),
        false => None,
    };
    let registries = authority
        .clone()
        .filter(|_| named)
        .map(|by| (by, Arc::new(Dialled::of(&built.upstreams))));
    let mut tls = Vec::new();
    let mut door = async |listener: &config::Listener, registries| {
        let (bound, its) = open(listener, registries).await?;
        tls.extend(its);
        Ok::<_, Trouble>(bound)
    };
    let mirror = door(&server.mirror, None).await?;
    let admin = door(&server.admin, None).await?;
    let gateway = match gateway {
        Some(gateway) => Some(door(gateway, registries).await?),
        None => None,
    };
    let inspection = match &server.inspection {
        Some(inspection) => Some(door(&inspection.listener, None).await?),
        None => None,
    };
    let proxy = match proxy {
        Some(proxy) => Some(door(&outer(proxy), None).await?),
        None => None,
    };
    Ok(Listeners {
        mirror,
        admin,
        gateway,
        proxy,
        inspection,
        authority,
        tls,
    })
}

/// The proxy's own listener: without TLS of its own, clients show certificates inside the tunnel.
fn outer(proxy: &ProxyServer) -> config::Listener {
    let mut listener = proxy.listener.clone();
    listener.clients = listener.clients.filter(|_| listener.tls.is_some());
    listener
}

async fn open(
    listener: &config::Listener,
    registries: Option<(Arc<Authority>, Arc<Dialled>)>,
) -> Result<(Listener, Option<Arc<Tls>>), Trouble> {
    let files = listener.tls.as_ref();
    let files = files.map(|tls| (tls.certificate.clone(), tls.key.clone()));
    let tls = match files.is_some() || registries.is_some() {
        true => {
            let clients = listener.clients.clone();
            let source = TlsSource {
                files,
                registries,
                clients: clients.map(|by| ClientCertificates {
                    authorities: by.authorities,
                    revoked: by.revoked,
                    required: by.required,
                }),
            };
            let loaded = Tls::load(source);
            let loaded = loaded.map_err(|error| Trouble::Other(error.to_string()))?;
            let loaded = Arc::new(loaded);
            if let Some(file) = loaded.revoked() {
                let by = loaded.clone();
                follow_revoked(file, move |lists| {
                    by.revoke(lists).map_err(|why| why.to_string())
                });
            }
            Some(loaded)
        }
        false => None,
    };
    let bound = Listener::bind(listener.listen, tls.clone()).await;
    let bound = bound.map_err(|error| {
        Trouble::Other(format!("cannot listen on {}: {error}", listener.listen))
    })?;
    Ok((bound, tls))
}

/// Lists of revoked certificates are taken as soon as they change.
fn follow_revoked(
    file: PathBuf,
    take: impl Fn(Result<&str, String>) -> Result<(), String> + Send + Sync + 'static,
) {
    tokio::spawn(async move {
        // It may have changed since the listener was made: taking it once more does no harm.
        let text = read(&file).unwrap_or_default();
        let _ = take(Ok(&text));
        watch_file(file.clone(), &text, |change| {
            let taken = match &change {
                Change::Text(text) => take(Ok(text)),
                Change::Unreadable(error) => take(Err(error.to_string())),
            };
            match taken {
                Ok(()) => tracing::info!(file = %file.display(), "revoked certificates loaded"),
                Err(why) => tracing::error!(
                    file = %file.display(),
                    "the lists of revoked certificates cannot be used, and no client's certificate is believed until they can: {why}"
                ),
            }
        })
        .await;
    });
}

/// As whom clients are known.
pub(super) fn identification(server: &Server) -> Identification {
    let side = |word: &String| {
        let all = [Side::Mirror, Side::Gateway, Side::Proxy];
        all.into_iter().find(|side| side.name() == word)
    };
    let header = server.identity.header.as_ref();
    let header = header.map(|header| IdentityHeader {
        name: header.name.clone(),
        sides: header.listeners.iter().filter_map(side).collect(),
        from: header.from.clone(),
    });
    Identification::new(header, server.identity.addresses.iter().cloned())
}

/// The proxy of these settings.
pub(super) fn proxy(
    settings: &ProxyServer,
    path: Arc<Gateway>,
    authority: Arc<Authority>,
    stopping: watch::Receiver<bool>,
) -> Result<Proxy, Trouble> {
    let clients = settings.listener.clients.as_ref();
    let authority = match clients.filter(|_| settings.listener.tls.is_none()) {
        Some(by) => {
            let asked = Clients::load(&by.authorities, by.revoked.as_deref(), by.required);
            let asked = asked.map_err(|error| Trouble::Other(error.to_string()))?;
            let asked = Arc::new(asked);
            if let Some(file) = by.revoked.clone() {
                let asked = asked.clone();
                follow_revoked(file, move |lists| {
                    asked.take(lists).map_err(|why| why.to_string())
                });
            }
            Arc::new(authority.asking(asked))
        }
        None => authority,
    };
    let (egress, limits) = (settings.egress.clone(), Limits::default());
    let proxy = Proxy::new(path, authority, egress, limits, stopping);
    let Some(file) = settings.users.clone() else {
        return Ok(proxy);
    };
    let text = read(&file).map_err(about(&file))?;
    let name = file.to_string_lossy().into_owned();
    let users = parse_proxy_users(&text, &name).map_err(Trouble::Mistakes)?;
    let users = Arc::new(ArcSwap::from_pointee(users));
    let followed = users.clone();
    tokio::spawn(async move {
        watch_file(file.clone(), &text, |change| {
            let read = match change {
                Change::Text(text) => {
                    parse_proxy_users(&text, &name).map_err(|mistakes| mistakes.to_string())
                }
                Change::Unreadable(error) => Err(error.to_string()),
            };
            match read {
                Ok(users) => {
                    tracing::info!(
                        file = name,
                        users = users.count(),
                        "users of the proxy loaded"
                    );
                    followed.store(Arc::new(users));
                }
                Err(why) => tracing::error!(
                    file = name,
                    "the users of the proxy are not loaded, the old ones stay:\n{why}"
                ),
            }
        })
        .await;
    });
    Ok(proxy.for_users(users))
}
