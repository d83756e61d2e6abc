//! Log servers: datagrams (RFC 5426), TCP with counted octets (RFC 6587) and the same over TLS (RFC 5425).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Message, forms};
use crate::upstream::{Line, Peer};

/// Longest datagram: what every receiver should take (RFC 5426, section 3.2).
const MAX_DATAGRAM: usize = 2_048;
/// Longest message in a stream: what every receiver should take (RFC 5425, section 4.3.1).
const MAX_STREAM: usize = 8_192;
/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a server is given to refuse what it does not take: those that do take it say nothing.
const GRACE: Duration = Duration::from_millis(500);

/// A log server.
#[derive(Debug)]
pub struct SyslogServer {
    /// The server.
    pub peer: Peer,
    /// How messages are told apart.
    pub framing: Framing,
    /// The facility's number (RFC 5424, section 6.2.1).
    pub facility: u8,
}

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A datagram each. Nobody knows whether it arrived.
    Udp,
    /// Octets are counted.
    Tcp,
    /// Octets are counted, within TLS.
    Tls,
}

impl SyslogServer {
    /// Sends one message, as `host`. The protocol has no answer: a stream that ended well may still have lost it.
    ///
    /// # Errors
    /// In a sentence.
    pub async fn send(&self, message: &Message, host: &str) -> Result<(), String> {
        let form = |most| forms::syslog(message, host, self.facility, most);
        let sending = async {
            match self.framing {
                Framing::Udp => self.peer.datagram(form(MAX_DATAGRAM).as_bytes()).await,
                Framing::Tcp => {
                    self.stream(self.peer.connect().await?, &form(MAX_STREAM))
                        .await
                }
                Framing::Tls => {
                    let secured = self.peer.secure(self.peer.connect().await?).await?;
                    self.stream(secured, &form(MAX_STREAM)).await
                }
            }
        };
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        sent.unwrap_or_else(|_| Err(format!("{}: not sent in time", self.peer)))
    }

    async fn stream(&self, mut line: impl Line, text: &str) -> Result<(), String> {
        let framed = format!("{} {text}", text.len());
        let sent = async {
            line.write_all(framed.as_bytes()).await?;
            line.flush().await?;
            line.shutdown().await?;
            // A connection that is reset was not read.
            let mut rest = [0; 64];
            match tokio::time::timeout(GRACE, line.read(&mut rest)).await {
                Ok(Err(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
                _ => Ok(()),
            }
        };
        sent.await
            .map_err(|error: std::io::Error| format!("{}: {error}", self.peer))
    }
}
