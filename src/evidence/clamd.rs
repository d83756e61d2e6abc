//! clamd: files are streamed to it while their layer is read (clamd(8), `INSTREAM`), one connection a file.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::looked::{Looked, Looking};
use crate::scan::Onlooker;

/// Largest piece of a file that is sent at once.
const MAX_CHUNK_BYTES: usize = 64 << 10;
/// Longest answer in bytes: a path, a name, a word.
const MAX_ANSWER_BYTES: u64 = 4_096;
/// How long clamd may be silent: it looks into archives of a hundred MB only once it has them.
const SILENCE: Duration = Duration::from_secs(120);

/// Where a clamd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clamd {
    /// A socket of this machine.
    Unix(PathBuf),
    /// An address; what is sent there is not encrypted.
    Tcp(SocketAddr),
}

trait Stream: Read + Write + Send {}
impl Stream for UnixStream {}
impl Stream for TcpStream {}

impl Clamd {
    /// Connects; waits.
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Clamd::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(SILENCE))?;
                stream.set_write_timeout(Some(SILENCE))?;
                Box::new(stream)
            }
            Clamd::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, SILENCE)?;
                stream.set_read_timeout(Some(SILENCE))?;
                stream.set_write_timeout(Some(SILENCE))?;
                Box::new(stream)
            }
        })
    }

    /// Its version and that of its data; waits.
    pub(super) fn version(&self) -> io::Result<String> {
        let mut stream = self.connect()?;
        stream.write_all(b"zVERSION\0")?;
        let version = answer(&mut stream)?;
        match version.starts_with("ClamAV") {
            true => Ok(version),
            false => Err(io::Error::other("what answers is no clamd")),
        }
    }

    /// Somebody to show a layer's files to.
    pub(super) fn onlooker(&self) -> Streamed {
        Streamed {
            clamd: self.clone(),
            file: None,
            found: Looked::default(),
            broken: None,
        }
    }
}

/// A layer's files on their way to clamd.
pub(super) struct Streamed {
    clamd: Clamd,
    file: Option<Sent>,
    found: Looked,
    /// Why nothing more is sent: another try may end otherwise.
    broken: Option<String>,
}

struct Sent {
    path: String,
    stream: Box<dyn Stream>,
    /// clamd stopped to listen, which it does where a file is larger than it takes.
    stopped: bool,
}

impl Streamed {
    fn open(&mut self, path: &str) -> io::Result<Sent> {
        let mut stream = self.clamd.connect()?;
        stream.write_all(b"zINSTREAM\0")?;
        Ok(Sent {
            path: path.to_owned(),
            stream,
            stopped: false,
        })
    }

    fn told(&mut self, sent: &mut Sent) -> io::Result<()> {
        if !sent.stopped {
            sent.stopped = sent.stream.write_all(&[0; 4]).is_err();
        }
        let answer = answer(&mut sent.stream)?;
        let said = answer.strip_prefix("stream: ").unwrap_or(&answer);
        let told = match said.strip_suffix(" FOUND") {
            Some(name) if name.starts_with("Heuristics.Limits.Exceeded") => {
                self.found.miss(&sent.path, name)
            }
            Some(name) => self.found.find(&sent.path, name),
            None if said == "OK" && !sent.stopped => Ok(()),
            None => self.found.miss(&sent.path, said),
        };
        told.map_err(io::Error::other)
    }
}

impl Looking for Streamed {
    fn finish(self: Box<Self>) -> Result<Looked, String> {
        self.found.ended(self.broken)
    }
}

impl Onlooker for Streamed {
    fn begin(&mut self, path: &str, size: u64) {
        if size == 0 || self.broken.is_some() {
            return;
        }
        match self.open(path) {
            Ok(sent) => self.file = Some(sent),
            Err(error) => self.broken = Some(error.to_string()),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let Some(sent) = self.file.as_mut().filter(|sent| !sent.stopped) else {
            return;
        };
        for chunk in bytes.chunks(MAX_CHUNK_BYTES) {
            let length = u32::try_from(chunk.len()).unwrap_or(0).to_be_bytes();
            let written = sent.stream.write_all(&length);
            if written.and_then(|()| sent.stream.write_all(chunk)).is_err() {
                sent.stopped = true;
                return;
            }
        }
    }

    fn end(&mut self) {
        if let Some(mut sent) = self.file.take()
            && let Err(error) = self.told(&mut sent)
        {
            self.broken = Some(error.to_string());
        }
    }
}

/// An answer up to its NUL.
fn answer(stream: &mut Box<dyn Stream>) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0; 1];
    while stream.read(&mut byte)? == 1 && byte != [0] {
        bytes.extend(byte);
        if bytes.len() as u64 >= MAX_ANSWER_BYTES {
            break;
        }
    }
    match bytes.is_empty() {
        true => Err(io::Error::other("clamd hung up without an answer")),
        false => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
    }
}

#[cfg(test)]
mod tests;
