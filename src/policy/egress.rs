//! Which hosts beside registries clients may reach through the proxy.

/// A host and port that may be reached: `deb.debian.org:443`, `*.debian.org:443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    host: String,
    below: bool,
    port: u16,
}

impl AllowedHost {
    /// Reads one; without a port it is 443.
    ///
    /// # Errors
    /// A sentence for who wrote it.
    pub fn parse(text: &str) -> Result<AllowedHost, String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => {
                let port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
                (host, port)
            }
            None => (text, 443),
        };
        let (below, host) = match host.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        let label = |label: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !label.is_empty() && label.chars().all(plain)
        };
        if !host.split('.').all(label) || below && !host.contains('.') {
            return Err(format!(
                "{text:?} is no host; write deb.debian.org:443 or *.debian.org:443"
            ));
        }
        Ok(AllowedHost {
            host: host.to_ascii_lowercase(),
            below,
            port,
        })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        let named = match self.below {
            true => host
                .strip_suffix(&self.host)
                .is_some_and(|rest| rest.ends_with('.')),
            false => host == self.host,
        };
        named && port == self.port
    }
}

/// The operator's list; everything else is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress(pub Vec<AllowedHost>);

impl Egress {
    /// Whether a tunnel to it may be made.
    pub fn allows(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|allowed| allowed.covers(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_whole() {
        let egress = Egress(
            ["deb.debian.org", "*.pypi.org:443", "a.example:8443"]
                .map(|text| AllowedHost::parse(text).unwrap())
                .to_vec(),
        );
        for (host, port, wanted) in [
            ("deb.debian.org", 443, true),
            ("DEB.debian.org", 443, true),
            ("deb.debian.org", 80, false),
            ("evil-deb.debian.org", 443, false),
            ("debian.org", 443, false),
            ("files.pypi.org", 443, true),
            ("a.b.pypi.org", 443, true),
            ("pypi.org", 443, false),
            ("evilpypi.org", 443, false),
            ("pypi.org.evil.example", 443, false),
            ("a.example", 8443, true),
            ("a.example", 443, false),
        ] {
            assert_eq!(egress.allows(host, port), wanted, "{host}:{port}");
        }
        for text in [
            "", "*", "*.", "*.org", "a b", "a:x", "a:99999", "http://a", "a/b", "*.*.org", "a..b",
        ] {
            assert!(AllowedHost::parse(text).is_err(), "{text:?}");
        }
    }
}
