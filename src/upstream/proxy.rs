//! The forward proxy towards the Internet.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::{ProxySettings, SettingsError};

/// Longest head of an answer to `CONNECT`; real ones have about 40 bytes.
const MAX_CONNECT_ANSWER: usize = 8 * 1024;

/// A parsed proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// Value of `Proxy-Authorization`.
    pub(super) authorization: Option<String>,
    no_proxy: Vec<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

impl Proxy {
    pub(super) fn new(settings: &ProxySettings) -> Result<Proxy, SettingsError> {
        let wrong = |problem: &str| SettingsError::new("proxy", problem);
        let url = Url::parse(&settings.url).map_err(|_| wrong("the address is no URL"))?;
        if url.scheme() != "http" {
            return Err(wrong(
                "write http://host:port (TLS goes through it by CONNECT)",
            ));
        }
        let host = url.host_str().ok_or(wrong("the address has no host"))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let authorization = (!url.username().is_empty()).then(|| {
            let user = decoded(url.username());
            let password = decoded(url.password().unwrap_or_default());
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        });
        Ok(Proxy {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            authorization,
            no_proxy: settings
                .no_proxy
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        })
    }

    /// Whether a host is reached through the proxy.
    pub(super) fn serves(&self, host: &str) -> bool {
        !self.no_proxy.iter().any(|suffix| {
            let suffix = suffix.trim_start_matches("*.").trim_start_matches('.');
            suffix == "*"
                || host.strip_suffix(suffix).is_some_and(|head| {
                    !suffix.is_empty() && (head.is_empty() || head.ends_with('.'))
                })
        })
    }

    /// Asks the proxy for a tunnel (RFC 9110 section 9.3.6).
    pub(super) async fn tunnel(&self, tcp: &mut TcpStream, authority: &str) -> io::Result<()> {
        let authorization = self
            .authorization
            .as_ref()
            .map(|value| format!("Proxy-Authorization: {value}\r\n"))
            .unwrap_or_default();
        let ask =
            format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n");
        tcp.write_all(ask.as_bytes()).await?;
        let mut head = Vec::new();
        // Byte by byte: what follows the empty line belongs to TLS.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_CONNECT_ANSWER {
                return Err(io::Error::other(
                    "the proxy's answer to CONNECT is too long",
                ));
            }
            head.push(tcp.read_u8().await?);
        }
        let status = head.split(|&b| b == b' ').nth(1);
        if status.is_some_and(|status| status.first() == Some(&b'2')) {
            Ok(())
        } else {
            Err(io::Error::other("the proxy refused the tunnel"))
        }
    }
}
