//! Accepting connections: bounded in number, in patience and in what they may send; drained at the end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as HttpBody, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::server::TlsStream;

use crate::telemetry;

use super::dialled::host_name;
use super::patient::Patient;
use super::peer::Peer;
use super::tls::{Tls, identity};

/// What one listener bears.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// From accept, or from the last answer, to a complete request head.
    pub head: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// Without a byte taken by the client.
    pub stall: Duration,
    /// For exchanges that run when the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    /// Generous for people, tight for attackers: a head of 16 KiB arrives within a minute from anywhere.
    fn default() -> Limits {
        Limits {
            connections: 4_096,
            head: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            stall: Duration::from_secs(120),
            drain: Duration::from_secs(30),
        }
    }
}

/// Largest request head in bytes; Docker's has about 600.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Binds `address`; port 0 takes any.
    ///
    /// # Errors
    /// As the operating system says.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<Tls>>) -> io::Result<Listener> {
        Ok(Listener {
            socket: TcpListener::bind(address).await?,
            tls,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Serves until `stop` turns true, then lets running exchanges end.
pub async fn serve<H, F, B>(
    listener: Listener,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    handle: H,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let slots = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = accept(&listener.socket, &slots) => accepted,
        };
        let Ok((stream, peer, slot)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (tls, stop, handle) = (listener.tls.clone(), stop.clone(), handle.clone());
        tokio::spawn(async move {
            let _open = Open::count();
            let peer = Peer::from(peer.ip().to_canonical());
            match tls {
                None => connection(stream, peer, limits, stop, handle).await,
                Some(tls) => {
                    if let Some((stream, peer)) = greeted(stream, peer, &tls, limits).await {
                        connection(stream, peer, limits, stop, handle).await;
                    }
                }
            }
            drop(slot);
        });
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.drain, slots.acquire_many(all))
        .await
        .is_err()
    {
        tracing::warn!("stopping with exchanges still running");
    }
}

/// The TLS handshake, and what it says of the client.
async fn greeted(
    stream: TcpStream,
    peer: Peer,
    tls: &Tls,
    limits: Limits,
) -> Option<(TlsStream<TcpStream>, Peer)> {
    let handshake = tls.acceptor().accept(stream);
    let greeted = tokio::time::timeout(limits.handshake, handshake).await;
    let stream = match greeted.ok()? {
        Ok(stream) => stream,
        Err(error) => {
            tracing::info!(address = %peer.address, %error, "a handshake failed");
            return None;
        }
    };
    let (_, session) = stream.get_ref();
    let peer = Peer {
        identity: identity(session),
        server_name: session.server_name().map(|name| host_name(name).into()),
        ..peer
    };
    Some((stream, peer))
}

/// An open connection, as the metrics count them.
struct Open;

impl Open {
    fn count() -> Open {
        telemetry::metrics().connections.add(1);
        Open
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        telemetry::metrics().connections.add(-1);
    }
}

/// Resolves when it is time to stop, also when nobody is left who could say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(
    socket: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = socket.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, slot))
}

/// Serves one connection, whatever it came through, until it ends or `stop` turns true.
pub async fn connection<S, H, F, B>(
    stream: S,
    peer: Peer,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
    handle: H,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>, Peer) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let address = peer.address;
    let service = service_fn(move |request| {
        let response = handle(request, peer.clone());
        async move { Ok::<_, Infallible>(response.await) }
    });
    let io = TokioIo::new(Patient::new(stream, limits.stall));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .half_close(false);
    let mut connection = pin!(builder.serve_connection(io, service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%address, %error, "connection");
    }
}
