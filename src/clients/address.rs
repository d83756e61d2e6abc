//! Where Lazaret is, as clients write it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::masked;

/// A listener as clients reach it: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    tls: bool,
    host: String,
    port: u16,
}

impl Address {
    /// Reads `https://lazaret.example:5443`, or the same without a scheme, which means `https`.
    ///
    /// # Errors
    /// A sentence for who wrote it.
    pub fn parse(text: &str) -> Result<Address, String> {
        let wrong = || {
            format!(
                "{:?} is no address of a listener; write https://lazaret.example:5443",
                masked(text)
            )
        };
        let full = match text.contains("://") {
            true => text.to_owned(),
            false => format!("https://{text}"),
        };
        let url = Url::parse(&full).map_err(|_| wrong())?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        let host = match url.host() {
            Some(Host::Ipv6(address)) => format!("[{address}]"),
            Some(host) => host.to_string(),
            None => return Err(wrong()),
        };
        let port = url.port_or_known_default().ok_or_else(wrong)?;
        let found = Address { tls, host, port };
        if plain { Ok(found) } else { Err(wrong()) }
    }

    /// From parts: of a listener that this machine knows.
    pub fn new(tls: bool, host: &str, port: u16) -> Address {
        let host = host.to_ascii_lowercase();
        Address { tls, host, port }
    }

    /// Whether it has a certificate.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Host without port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, or the host alone where the port is the scheme's own: as image names and configuration files write it.
    pub fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// Whether only this machine reaches it.
    pub fn loopback(&self) -> bool {
        let bare = self.host.trim_matches(['[', ']']);
        let address: Option<IpAddr> = bare.parse().ok();
        self.host == "localhost" || address.is_some_and(|address| address.is_loopback())
    }

    /// Whether a text of a configuration file means this address.
    pub fn is(&self, text: &str) -> bool {
        Address::parse(text.trim_end_matches('/')).is_ok_and(|other| other == *self)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let table = [
            (
                "https://gw.example:5443",
                "https://gw.example:5443",
                "gw.example:5443",
            ),
            (
                "HTTPS://GW.example:443/",
                "https://gw.example",
                "gw.example",
            ),
            (
                "gw.example:5443",
                "https://gw.example:5443",
                "gw.example:5443",
            ),
            (
                "http://127.0.0.1:5050",
                "http://127.0.0.1:5050",
                "127.0.0.1:5050",
            ),
            ("http://[::1]:5050", "http://[::1]:5050", "[::1]:5050"),
        ];
        for (text, shown, authority) in table {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.authority(), authority);
            assert!(address.is(text) && address.is(shown), "{text}");
        }
        for bad in [
            "",
            "ftp://gw",
            "https://gw/path",
            "https://u@gw",
            "https://gw/?q",
            "a b",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        let loopback = |text| Address::parse(text).unwrap().loopback();
        assert!(loopback("http://[::1]:1") && loopback("http://localhost:1"));
        assert!(!loopback("http://10.0.0.1:1"));
    }
}
