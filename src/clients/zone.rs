//! What a resolver is told, so that the registries' names lead to Lazaret on all machines that ask it.

use std::net::IpAddr;

/// For which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Zone {
    /// Lines for `/etc/hosts`.
    Hosts,
    /// dnsmasq.
    Dnsmasq,
    /// A block for CoreDNS.
    Coredns,
}

impl Zone {
    /// The text for these names. None has a way round by the other kind of address (A, AAAA) than `ip` is.
    pub fn text(self, ip: IpAddr, names: &[String]) -> String {
        let each = |line: &dyn Fn(&String) -> String| names.iter().map(line).collect::<String>();
        match self {
            Zone::Hosts => each(&|name| format!("{ip}  {name}\n")),
            Zone::Dnsmasq => {
                let other = if ip.is_ipv4() { "AAAA" } else { "A" };
                // `address=` would take the names below these along.
                let lines = each(&|name| format!("host-record={name},{ip}\n"));
                format!("{lines}filter-{other}\n")
            }
            Zone::Coredns => {
                let lines = each(&|name| format!("        {ip} {name}\n"));
                format!(
                    "{} {{\n    hosts {{\n{lines}        ttl 60\n        fallthrough\n    }}\n    forward . /etc/resolv.conf\n}}\n",
                    names.join(" ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_is_told_in_its_words() {
        let names = ["ghcr.io".to_owned(), "quay.io".to_owned()];
        let (four, six) = (
            "192.0.2.10".parse().unwrap(),
            "2001:db8::1".parse().unwrap(),
        );
        for (zone, ip, text) in [
            (
                Zone::Hosts,
                four,
                "192.0.2.10  ghcr.io\n192.0.2.10  quay.io\n",
            ),
            (
                Zone::Dnsmasq,
                four,
                "host-record=ghcr.io,192.0.2.10\nhost-record=quay.io,192.0.2.10\nfilter-AAAA\n",
            ),
            (
                Zone::Dnsmasq,
                six,
                "host-record=ghcr.io,2001:db8::1\nhost-record=quay.io,2001:db8::1\nfilter-A\n",
            ),
            (
                Zone::Coredns,
                four,
                "ghcr.io quay.io {\n    hosts {\n        192.0.2.10 ghcr.io\n        192.0.2.10 quay.io\n        ttl 60\n        fallthrough\n    }\n    forward . /etc/resolv.conf\n}\n",
            ),
        ] {
            assert_eq!(zone.text(ip, &names), text);
        }
    }
}
