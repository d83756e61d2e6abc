//! The name in a TLS greeting (SNI; RFC 6066, section 3), read without touching what goes on.

use std::io;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest greeting: with post-quantum keys it has about 2 KiB, and no record has more.
const MAX_HELLO: usize = 16 * 1024 + 5;
/// How a record begins that greets (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// The first bytes of a client.
pub(super) struct Greeting {
    /// As they came.
    pub(super) bytes: Vec<u8>,
    /// The server that they name; none where they name none, or are no TLS.
    pub(super) name: Option<String>,
}

/// Reads from a client until it has greeted. Whoever does not speak TLS is not waited for.
///
/// # Errors
/// What comes begins as TLS and is none.
pub(super) async fn greeting(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Greeting> {
    let mut bytes = Vec::new();
    loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(Greeting { bytes, name: None });
        }
        if let Some(name) = named(&bytes)? {
            return Ok(Greeting { bytes, name });
        }
        if bytes.len() > MAX_HELLO {
            return Err(io::Error::other("its TLS greeting is too long"));
        }
    }
}

/// The name, if enough is there to tell.
fn named(bytes: &[u8]) -> io::Result<Option<Option<String>>> {
    if bytes.first() != Some(&HANDSHAKE) {
        return Ok(Some(None));
    }
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest)?;
        match acceptor.accept() {
            Ok(Some(hello)) => {
                return Ok(Some(hello.client_hello().server_name().map(str::to_owned)));
            }
            Ok(None) => {}
            Err((error, _)) => return Err(io::Error::other(error)),
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// What a client says first to a server of this name.
    pub(crate) fn hello(name: &str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_greeting_is_read_whole_however_it_is_cut() {
        let whole = hello("ghcr.io");
        for cut in [1, 5, 6, 100, whole.len() - 1] {
            let (first, rest) = whole.split_at(cut);
            assert_eq!(named(first).unwrap(), None, "{cut}");
            let mut client = first.chain(rest);
            let greeting = greeting(&mut client).await.unwrap();
            assert_eq!(greeting.name.as_deref(), Some("ghcr.io"));
            assert_eq!(greeting.bytes, whole);
        }
    }

    #[tokio::test]
    async fn only_tls_has_a_name() {
        for (bytes, name) in [
            (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), None),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), None),
            (Vec::new(), None),
            (hello("192.0.2.1"), None),
            (hello("ghcr.io"), Some("ghcr.io")),
        ] {
            let greeting = greeting(&mut bytes.as_slice()).await.unwrap();
            assert_eq!(greeting.name.as_deref(), name);
            assert_eq!(greeting.bytes, bytes);
        }
        let mut odd = hello("ghcr.io");
        odd[5] = 99;
        assert!(greeting(&mut odd.as_slice()).await.is_err());
        let mut long = hello("ghcr.io");
        long[3..5].copy_from_slice(&[0xff, 0xff]);
        long.resize(MAX_HELLO + 1, 0);
        assert!(greeting(&mut long.as_slice()).await.is_err());
    }
}
