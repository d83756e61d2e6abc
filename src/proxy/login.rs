//! Who uses the proxy (RFC 7617 in the header of RFC 9110, 11.7.1).

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use hyper::header;

use crate::config::ProxyUsers;
use crate::gateway::Peer;
use crate::ledger::{Identity, KnownBy};

/// Longest header that is looked at: name and token in base64 need some 150 bytes.
const MAX_HEADER: usize = 1_024;

/// What a client without a login is told; Go's clients print the phrase of the status line and nothing else.
pub(super) const NEEDED: &str =
    "Blocked by policy: this proxy needs a name and a token, as in http://NAME:TOKEN@host:3128";
/// What a client with a wrong one is told; it does not say what is wrong with it.
pub(super) const WRONG: &str = "Blocked by policy: this proxy does not know that name and token";

/// Who may use it; nobody is asked where there is no list.
pub(super) type Users = Option<std::sync::Arc<ArcSwap<ProxyUsers>>>;

/// The peer with the identity that it logs in as.
///
/// # Errors
/// What to tell whoever does not log in.
pub(super) fn login<B>(
    users: &Users,
    request: &Request<B>,
    peer: Peer,
) -> Result<Peer, &'static str> {
    let Some(users) = users else {
        return Ok(peer);
    };
    // A certificate proves more than a token does.
    if peer.identity.is_some() {
        return Ok(peer);
    }
    let mut values = request
        .headers()
        .get_all(header::PROXY_AUTHORIZATION)
        .iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(NEEDED);
    };
    let shown = value.to_str().ok().and_then(basic).ok_or(WRONG)?;
    let (name, token) = shown.split_once(':').ok_or(WRONG)?;
    if !users.load().knows(name, token) {
        return Err(WRONG);
    }
    Ok(Peer {
        identity: Identity::new(KnownBy::Proxy, name),
        ..peer
    })
}

fn basic(header: &str) -> Option<String> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (scheme, text) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_strictly() {
        let long = format!("Basic {}", "A".repeat(MAX_HEADER));
        for (header, wanted) in [
            ("Basic dTpw", Some("u:p")),
            ("basic dTpw", Some("u:p")),
            ("Basic  dTpw", Some("u:p")),
            ("Basic", None),
            ("Bearer dTpw", None),
            ("Basic dTp", None),
            ("Basic /w==", None),
            (&long, None),
        ] {
            assert_eq!(basic(header).as_deref(), wanted, "{header}");
        }
    }
}
