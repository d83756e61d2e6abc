//! From the bytes of a layer to those of its tar: sniffed, decompressed, counted, hashed and bounded in one place.
//!
//! gzip by zlib-rs, which is Rust and as fast as C. zstd by the reference library: the decoder in Rust takes three
//! times as long, and a pull waits for it.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::ops::Range;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use zstd::stream::read::Decoder as ZstdDecoder;

use super::{Bomb, Limits, Unscannable};
use crate::oci::Digest;

mod members;

use members::Members;
pub(super) use members::Trace;

/// Bytes taken from the source at once, and decompressed at once: both stay in a core's cache.
const CHUNK_BYTES: usize = 128 << 10;
/// Largest window of zstd as a power of two: 128 MiB, which every client accepts (RFC 8878 asks for 8 MiB only).
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    /// What a media type says (OCI image-spec, layer.md and media-types.md; Docker's image manifest v2).
    pub(super) fn of(media_type: &str) -> Result<Compression, Unscannable> {
        if media_type.ends_with("+encrypted") {
            return Err(Unscannable::Encrypted);
        }
        match media_type {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Ok(Compression::Plain),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Ok(Compression::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Ok(Compression::Zstd),
            foreign if foreign.contains(".nondistributable.") || foreign.contains(".foreign.") => {
                Err(Unscannable::Foreign)
            }
            other => Err(Unscannable::MediaType(other.chars().take(128).collect())),
        }
    }

    fn sniff(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::Plain,
        }
    }
}

/// The source, counted; its failures are told from those of the decompressor.
struct Counted<R> {
    source: R,
    tally: Rc<Tally>,
}

#[derive(Default)]
struct Tally {
    bytes: Cell<u64>,
    failure: RefCell<Option<String>>,
    trace: Option<Rc<RefCell<Trace>>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.source.read(buffer) {
            Ok(count) => {
                if let Some(trace) = &self.tally.trace {
                    let read = buffer.get(..count).unwrap_or_default();
                    trace.borrow_mut().see(self.tally.bytes.get(), read);
                }
                let sum = self.tally.bytes.get().saturating_add(count as u64);
                self.tally.bytes.set(sum);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                *self.tally.failure.borrow_mut() = Some(error.to_string());
                Err(error)
            }
        }
    }
}

/// The tar as a stream of slices.
pub(super) struct Inflated<'a> {
    decoder: Box<dyn Read + 'a>,
    tally: Rc<Tally>,
    limits: &'a Limits,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    bytes: u64,
    hasher: Sha256,
}

impl<'a> Inflated<'a> {
    /// Opens it. `wanted`: a part of the layer that is kept as it was sent, and with it where members begin.
    pub(super) fn open(
        compression: Compression,
        source: impl Read + 'a,
        limits: &'a Limits,
        wanted: Option<Range<u64>>,
    ) -> Result<Inflated<'a>, Unscannable> {
        let trace = wanted.map(|wanted| Rc::new(RefCell::new(Trace::of(wanted))));
        let tally = Rc::new(Tally {
            trace: trace.clone(),
            ..Tally::default()
        });
        let counted = Counted {
            source,
            tally: Rc::clone(&tally),
        };
        let mut source = BufReader::with_capacity(CHUNK_BYTES, counted);
        let start = source.fill_buf();
        let start = start.map_err(|error| Unscannable::Interrupted(error.to_string()))?;
        if start.is_empty() {
            return Err(Unscannable::Truncated);
        }
        if Compression::sniff(start) != compression {
            return Err(Unscannable::Mislabelled);
        }
        let decoder: Box<dyn Read + 'a> = match (compression, trace) {
            (Compression::Plain, _) => Box::new(source),
            (_, Some(trace)) => Box::new(Members::new(compression, source, trace)),
            (Compression::Gzip, None) => Box::new(MultiGzDecoder::new(source)),
            (Compression::Zstd, None) => {
                let broken = |error: io::Error| Unscannable::Compression(error.to_string());
                let mut decoder = ZstdDecoder::with_buffer(source).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
                Box::new(decoder)
            }
        };
        Ok(Inflated {
            decoder,
            tally,
            limits,
            buffer: vec![0; CHUNK_BYTES],
            at: 0,
            end: 0,
            bytes: 0,
            hasher: Sha256::new(),
        })
    }

    /// The bytes at hand, at least one but at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], Unscannable> {
        while self.at == self.end {
            let count = match self.decoder.read(&mut self.buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failure(&error)),
            };
            if count == 0 {
                return Ok(&[]);
            }
            self.at = 0;
            self.end = count;
            self.bytes += count as u64;
            self.hasher
                .update(self.buffer.get(..count).unwrap_or_default());
            self.check()?;
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or_default())
    }

    /// Moves past `count` bytes that [`Inflated::fill`] showed.
    pub(super) fn consume(&mut self, count: usize) {
        self.at = self.end.min(self.at + count);
    }

    /// Bytes of the tar so far, those at hand included.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The place in the tar of the next byte that [`Inflated::fill`] shows.
    pub(super) fn position(&self) -> u64 {
        self.bytes - (self.end - self.at) as u64
    }

    /// What was seen beside the content, once; empty where nothing was wanted.
    pub(super) fn take_trace(&mut self) -> Trace {
        let trace = self.tally.trace.as_ref();
        trace.map(|trace| trace.take()).unwrap_or_default()
    }

    /// Bytes of the layer so far.
    pub(super) fn compressed_bytes(&self) -> u64 {
        self.tally.bytes.get()
    }

    /// The digest of the tar, once it is at its end.
    pub(super) fn diff_id(self) -> Digest {
        Digest::Sha256(self.hasher.finalize().into())
    }

    fn check(&self) -> Result<(), Unscannable> {
        if self.bytes > self.limits.tar_bytes {
            return Err(Unscannable::Bomb(Bomb::Size));
        }
        let most = self.tally.bytes.get().saturating_mul(self.limits.ratio);
        if self.bytes > self.limits.ratio_from_bytes && self.bytes > most {
            return Err(Unscannable::Bomb(Bomb::Ratio));
        }
        Ok(())
    }

    fn failure(&self, error: &io::Error) -> Unscannable {
        if let Some(why) = self.tally.failure.borrow_mut().take() {
            return Unscannable::Interrupted(why);
        }
        let text = error.to_string();
        match error.kind() {
            ErrorKind::UnexpectedEof => Unscannable::Truncated,
            // What follows a whole member or frame begins none.
            _ if text == "invalid gzip header" || text == "Unknown frame descriptor" => {
                Unscannable::TrailingData
            }
            _ => Unscannable::Compression(text),
        }
    }
}
