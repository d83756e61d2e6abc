//! Tunnels to hosts of the operator's list: nobody looks into them, and they lead to the public Internet only.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};

use crate::upstream::is_public;

/// For finding the host and connecting to it.
const CONNECT: Duration = Duration::from_secs(10);
/// Without a byte in a direction; long polls send something more often.
const IDLE: Duration = Duration::from_secs(300);
/// Bytes that are carried at once in each direction.
const BUFFER: usize = 16 * 1024;
/// Most addresses of a host that are tried.
const MAX_TRIED: usize = 4;

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

/// Carries bytes both ways until one side ends or is silent for too long.
pub(super) async fn carry(client: impl AsyncRead + AsyncWrite + Unpin, server: TcpStream) {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = one_way(from_client, to_server) => {}
        _ = one_way(from_server, to_client) => {}
    }
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
