//! Dials, and refuses to dial: the address is checked where it is used, so no second look-up
//! of a name can lead elsewhere.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::AddressRange;
use super::address::{is_never_by_name, is_public};
use super::proxy::Proxy;
use super::stream::Stream;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Connects to one registry's hosts.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Arc<Dialer>);

/// What a connector knows.
pub(super) struct Dialer {
    /// The registry's own host and port, where its URL has an address or `localhost`: named, so allowed.
    pub(super) own: Option<(String, u16)>,
    /// Hosts that may have private addresses.
    pub(super) trusted_hosts: Vec<String>,
    /// Ranges that may be dialled although not public.
    pub(super) ranges: Vec<AddressRange>,
    /// Whether link-local and metadata addresses are refused though they be listed or named.
    pub(super) never_link_local: bool,
    pub(super) proxy: Option<Proxy>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// The address may not be dialled.
    NotAllowed(String),
    /// Not in time.
    Timeout,
    /// It failed.
    Failed(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::NotAllowed(what) => {
                write!(f, "{what} is not a public address and not listed")
            }
            ConnectError::Timeout => f.write_str("no connection in time"),
            ConnectError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ConnectError {}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = Arc::clone(&self.0);
        Box::pin(async move {
            match tokio::time::timeout(dialer.timeout, dialer.connect(&uri)).await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_) => Err(ConnectError::Timeout),
            }
        })
    }
}

impl Dialer {
    async fn connect(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let https = uri.scheme_str() == Some("https");
        let host = uri
            .host()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.serves(&host));
        let mut tcp = match proxy {
            Some(proxy) => {
                self.check_unresolved(&host, port)?;
                dial(&resolve(&proxy.host, proxy.port).await?).await?
            }
            None => dial(&self.permitted(&host, port, resolve(&host, port).await?)?).await?,
        };
        if !https {
            return Ok(Stream::Plain {
                tcp,
                proxied: proxy.is_some(),
            });
        }
        if let Some(proxy) = proxy {
            let authority = if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            };
            proxy.tunnel(&mut tcp, &authority).await.map_err(failed)?;
        }
        let name = ServerName::try_from(host).map_err(failed)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let tls = connector.connect(name, tcp).await.map_err(failed)?;
        Ok(Stream::Tls(Box::new(tls)))
    }

    /// The addresses of a host that may be dialled; an error where none may.
    pub(super) fn permitted(
        &self,
        host: &str,
        port: u16,
        found: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let refused = found.first().map(SocketAddr::ip);
        let allowed: Vec<_> = found
            .into_iter()
            .filter(|address| self.allows(host, port, address.ip()))
            .take(MAX_ADDRESSES)
            .collect();
        match refused {
            Some(ip) if allowed.is_empty() => {
                Err(ConnectError::NotAllowed(format!("{host} ({ip})")))
            }
            _ => Ok(allowed),
        }
    }

    fn allows(&self, host: &str, port: u16, ip: IpAddr) -> bool {
        if self.never_link_local && is_never_by_name(ip) {
            return false;
        }
        is_public(ip)
            || self.ranges.iter().any(|range| range.contains(ip))
            || self.own.as_ref().is_some_and(|(name, own_port)| {
                name == host
                    && *own_port == port
                    && (host != "localhost" || ip.to_canonical().is_loopback())
            })
            || (!is_never_by_name(ip) && self.trusted_hosts.iter().any(|listed| listed == host))
    }

    /// Through a proxy we do not see addresses; what the name alone tells is checked all the same.
    fn check_unresolved(&self, host: &str, port: u16) -> Result<(), ConnectError> {
        let ip = match host.parse::<IpAddr>() {
            Ok(ip) => ip,
            Err(_) if host == "localhost" || host.ends_with(".localhost") => {
                IpAddr::from([127, 0, 0, 1])
            }
            Err(_) => return Ok(()),
        };
        if self.allows(host, port, ip) {
            Ok(())
        } else {
            Err(ConnectError::NotAllowed(host.to_owned()))
        }
    }
}

pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    #[cfg(test)]
    if let Some(ip) = super::tests::names::next(host) {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(failed)?
        .collect();
    if found.is_empty() {
        return Err(ConnectError::Failed(format!("{host} has no address")));
    }
    Ok(found)
}

pub(super) async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let tcp = TcpStream::connect(addresses).await.map_err(failed)?;
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

fn failed(error: impl fmt::Display) -> ConnectError {
    ConnectError::Failed(error.to_string())
}
