//! Tunnels to hosts of the operator's list: nobody looks into them but for the name in a TLS greeting, and they lead to the
//! public Internet only.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};

use super::hello;
use crate::upstream::is_public;

/// For finding the host and connecting to it.
const CONNECT: Duration = Duration::from_secs(10);
/// Without a byte in a direction; long polls send something more often.
const IDLE: Duration = Duration::from_secs(300);
/// Bytes that are carried at once in each direction.
const BUFFER: usize = 16 * 1024;
/// Most addresses of a host that are tried.
const MAX_TRIED: usize = 4;
/// A fatal alert: the name is not recognized (RFC 6066, section 3; RFC 8446, section 6.2).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Connects to the host at an address that was looked at: a name must not lead inside.
pub(super) async fn open(host: &str, port: u16) -> io::Result<TcpStream> {
    let opened = tokio::time::timeout(CONNECT, async {
        let found = lookup_host((host, port)).await?;
        let public: Vec<SocketAddr> = found
            .filter(|at| is_public(at.ip()))
            .take(MAX_TRIED)
            .collect();
        let mut last = io::Error::other("its name leads to no public address");
        for address in public {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    });
    opened
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

/// Carries bytes both ways until one side ends or is silent for too long. Who greets another server than `host` by TLS is
/// not let through: a CDN's address serves many hosts, and a registry may be among them.
pub(super) async fn carry(
    client: impl AsyncRead + AsyncWrite + Unpin,
    server: TcpStream,
    host: &str,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (from_server, mut to_server) = server.into_split();
    let up = async {
        let greeting = hello::greeting(&mut from_client);
        let greeting = tokio::time::timeout(IDLE, greeting).await??;
        if let Some(name) = greeting
            .name
            .filter(|name| !name.eq_ignore_ascii_case(host))
        {
            return Err(io::Error::other(format!("it greets {name} by TLS")));
        }
        to_server.write_all(&greeting.bytes).await?;
        one_way(from_client, to_server).await
    };
    let error = {
        let mut down = pin!(one_way(from_server, &mut to_client));
        tokio::select! {
            ended = up => match ended {
                // Who has asked all may still wait for the answer.
                Ok(()) => return down.await,
                Err(error) => error,
            },
            ended = &mut down => return ended,
        }
    };
    if error.kind() == io::ErrorKind::Other {
        let _ = to_client.write_all(&UNRECOGNIZED_NAME).await;
    }
    Err(error)
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = tokio::time::timeout(IDLE, from.read(&mut buffer)).await??;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        tokio::time::timeout(IDLE, to.write_all(bytes)).await??;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::hello::tests::hello;
    use tokio::net::TcpListener;

    /// What a server hears of these first bytes, and what comes back to the client.
    async fn carried(bytes: &[u8], host: &str) -> (Vec<u8>, Vec<u8>, io::Result<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = TcpStream::connect(listener.local_addr().unwrap());
        let (server, accepted) = tokio::join!(server, listener.accept());
        let (mut heard, (mut client, ours)) = (accepted.unwrap().0, tokio::io::duplex(1 << 16));
        let client = async move {
            client.write_all(bytes).await.unwrap();
            client.shutdown().await.unwrap();
            let mut back = Vec::new();
            client.read_to_end(&mut back).await.unwrap();
            back
        };
        let far = async move {
            let mut all = Vec::new();
            heard.read_to_end(&mut all).await.unwrap();
            // Only now, when the client has said all.
            heard.write_all(&all).await.unwrap();
            all
        };
        let carry = carry(ours, server.unwrap(), host);
        let (ended, back, all) = tokio::join!(carry, client, far);
        (all, back, ended)
    }

    #[tokio::test]
    async fn who_greets_another_server_does_not_reach_it() {
        let other = hello("registry-1.docker.io");
        let (heard, back, ended) = carried(&other, "deb.debian.org").await;
        assert!(heard.is_empty());
        assert_eq!(back, UNRECOGNIZED_NAME);
        assert_eq!(
            ended.unwrap_err().to_string(),
            "it greets registry-1.docker.io by TLS"
        );
    }

    #[tokio::test]
    async fn all_else_is_carried_untouched() {
        for bytes in [
            hello("deb.debian.org"),
            hello("192.0.2.1"),
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"SSH-2.0-x\r\n".to_vec(),
        ] {
            let (heard, back, ended) = carried(&bytes, "deb.debian.org").await;
            assert!(ended.is_ok(), "{ended:?}");
            assert_eq!((&heard, &back), (&bytes, &bytes));
        }
    }
}
