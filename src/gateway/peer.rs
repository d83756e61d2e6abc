//! The other end of a connection, and as whom it is known.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderName};

use crate::config::AddressRange;
use crate::ledger::{Identity, KnownBy};

use super::pull::Side;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Who it proved to be: by its certificate, or by logging in at the proxy.
    pub identity: Option<Identity>,
    /// The name that it gave in the TLS handshake (SNI), in lower case.
    pub server_name: Option<Arc<str>>,
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Peer {
        Peer {
            address,
            identity: None,
            server_name: None,
        }
    }
}

/// A header by which clients say who they are, and where it is believed.
#[derive(Clone, Debug)]
pub struct IdentityHeader {
    /// Its name.
    pub name: HeaderName,
    /// The listeners where it counts; none: all.
    pub sides: Vec<Side>,
    /// The addresses from which it counts; none: all.
    pub from: Vec<AddressRange>,
}

impl IdentityHeader {
    /// What it says, where it is believed. One that stands twice says nothing: readers differ about which counts.
    fn read(&self, side: Side, peer: &Peer, headers: &HeaderMap) -> Option<Identity> {
        let here = self.sides.is_empty() || self.sides.contains(&side);
        let from = self.from.is_empty() || self.from.iter().any(|by| by.contains(peer.address));
        let mut values = headers.get_all(&self.name).iter();
        let (value, more) = (values.next()?, values.next());
        let text = value.to_str().ok().filter(|_| here && from)?;
        Identity::new(KnownBy::Header, text).filter(|_| more.is_none())
    }
}

/// How clients are known that prove nothing.
#[derive(Clone, Debug, Default)]
pub struct Identification {
    header: Option<IdentityHeader>,
    /// The narrowest range first.
    addresses: Vec<(AddressRange, Identity)>,
}

impl Identification {
    /// By a header, and by the ranges of addresses that have a name.
    pub fn new(
        header: Option<IdentityHeader>,
        addresses: impl IntoIterator<Item = (AddressRange, String)>,
    ) -> Identification {
        let named = |(range, name): (AddressRange, String)| {
            Some((range, Identity::new(KnownBy::Address, &name)?))
        };
        let mut addresses: Vec<_> = addresses.into_iter().filter_map(named).collect();
        addresses.sort_by_key(|(range, _)| std::cmp::Reverse(range.bits()));
        Identification { header, addresses }
    }

    /// As whom the peer is known: what it proved counts more than what it says, and that more than where it is.
    pub(super) fn of(&self, side: Side, peer: &Peer, headers: &HeaderMap) -> Option<Identity> {
        let said = || self.header.as_ref()?.read(side, peer, headers);
        let placed = || {
            let mut ranges = self.addresses.iter();
            let (_, identity) = ranges.find(|(range, _)| range.contains(peer.address))?;
            Some(identity.clone())
        };
        peer.identity.clone().or_else(said).or_else(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).unwrap()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let named = values
            .iter()
            .map(|value| (HeaderName::from_static("x-team"), value.parse().unwrap()));
        named.collect()
    }

    #[test]
    fn proof_before_word_before_place() {
        let header = IdentityHeader {
            name: HeaderName::from_static("x-team"),
            sides: vec![Side::Gateway],
            from: vec![range("10.0.0.0/8")],
        };
        let places = [
            ("10.0.0.0/8", "all"),
            ("10.1.0.0/16", "team-a"),
            ("fd00::/8", "six"),
        ];
        let places = places.map(|(text, name)| (range(text), name.to_owned()));
        let rules = Identification::new(Some(header), places);
        let proven = Identity::new(KnownBy::Certificate, "ci");
        type Case = (
            &'static str,
            Side,
            &'static [&'static str],
            bool,
            Option<&'static str>,
        );
        let table: [Case; 10] = [
            (
                "10.1.2.3",
                Side::Gateway,
                &["me"],
                true,
                Some("certificate:ci"),
            ),
            ("10.1.2.3", Side::Gateway, &["me"], false, Some("header:me")),
            (
                "10.1.2.3",
                Side::Mirror,
                &["me"],
                false,
                Some("address:team-a"),
            ),
            (
                "10.2.2.3",
                Side::Mirror,
                &["me"],
                false,
                Some("address:all"),
            ),
            (
                "::ffff:10.1.2.3",
                Side::Gateway,
                &[],
                false,
                Some("address:team-a"),
            ),
            (
                "10.1.2.3",
                Side::Gateway,
                &["a", "b"],
                false,
                Some("address:team-a"),
            ),
            (
                "10.1.2.3",
                Side::Gateway,
                &[" "],
                false,
                Some("address:team-a"),
            ),
            ("192.0.2.1", Side::Gateway, &["me"], false, None),
            (
                "fd00::1",
                Side::Gateway,
                &["me"],
                false,
                Some("address:six"),
            ),
            (
                "192.0.2.1",
                Side::Gateway,
                &[],
                true,
                Some("certificate:ci"),
            ),
        ];
        for (address, side, said, proves, wanted) in table {
            let peer = Peer {
                identity: proven.clone().filter(|_| proves),
                ..Peer::from(address.parse::<IpAddr>().unwrap())
            };
            let known = rules.of(side, &peer, &headers(said));
            let known = known.map(|identity| identity.to_string());
            assert_eq!(known.as_deref(), wanted, "{address} {side:?} {said:?}");
        }
    }
}
