//! Servers of the operator's choice that speak something else than HTTP: mail, logs.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::AddressRange;
use super::connect::{Dialer, dial, resolve};
use super::tls;

/// Bytes to and from a server.
pub trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// A server and a port.
pub struct Peer {
    host: String,
    port: u16,
    dialer: Dialer,
    tls: Arc<ClientConfig>,
}

impl Peer {
    /// A server. Its address must be public, written as an address (or `localhost`), or lie in `ranges`; link-local
    /// addresses, where clouds keep credentials, are never dialled.
    ///
    /// # Errors
    /// A certificate authority's file cannot be used.
    pub fn new(
        host: &str,
        port: u16,
        ranges: Vec<AddressRange>,
        ca_files: &[PathBuf],
        timeout: Duration,
    ) -> Result<Peer, String> {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let config = tls::client_config(ca_files.iter())?;
        let mut plain = ClientConfig::clone(&config);
        plain.alpn_protocols.clear();
        let literal = host == "localhost" || host.parse::<IpAddr>().is_ok();
        Ok(Peer {
            dialer: Dialer {
                own: literal.then(|| (host.clone(), port)),
                trusted_hosts: Vec::new(),
                ranges,
                never_link_local: true,
                proxy: None,
                tls: config,
                timeout,
            },
            host,
            port,
            tls: Arc::new(plain),
        })
    }

    /// A connection without TLS.
    ///
    /// # Errors
    /// In a sentence.
    pub async fn connect(&self) -> Result<TcpStream, String> {
        let connecting = async {
            let found = resolve(&self.host, self.port).await?;
            dial(&self.dialer.permitted(&self.host, self.port, found)?).await
        };
        match tokio::time::timeout(self.dialer.timeout, connecting).await {
            Ok(connected) => connected.map_err(|error| format!("{self}: {error}")),
            Err(_) => Err(format!("{self}: no connection in time")),
        }
    }

    /// TLS over a connection.
    ///
    /// # Errors
    /// In a sentence.
    pub async fn secure(&self, tcp: TcpStream) -> Result<impl Line + use<>, String> {
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|error| format!("{self}: {error}"))?;
        let connector = TlsConnector::from(self.tls.clone());
        let shaking = connector.connect(name, tcp);
        match tokio::time::timeout(self.dialer.timeout, shaking).await {
            Ok(secured) => secured.map_err(|error| format!("{self}: {error}")),
            Err(_) => Err(format!("{self}: no TLS in time")),
        }
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// In a sentence.
    pub async fn datagram(&self, bytes: &[u8]) -> Result<(), String> {
        let wrong = |error: &dyn fmt::Display| format!("{self}: {error}");
        let sending = async {
            let found = resolve(&self.host, self.port).await;
            let found = found.map_err(|error| wrong(&error))?;
            let permitted = self.dialer.permitted(&self.host, self.port, found);
            let permitted = permitted.map_err(|error| wrong(&error))?;
            let to = permitted.first().ok_or_else(|| wrong(&"no address"))?;
            let from: IpAddr = match to.is_ipv4() {
                true => std::net::Ipv4Addr::UNSPECIFIED.into(),
                false => std::net::Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((from, 0)).await;
            let socket = socket.map_err(|error| wrong(&error))?;
            let sent = socket.send_to(bytes, to).await;
            sent.map(drop).map_err(|error| wrong(&error))
        };
        let sent = tokio::time::timeout(self.dialer.timeout, sending).await;
        sent.unwrap_or_else(|_| Err(wrong(&"not sent in time")))
    }

    /// The host, as TLS checks it.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({self})")
    }
}
