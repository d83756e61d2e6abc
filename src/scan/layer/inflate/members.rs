//! A compressed stream read member by member, with the place of each: what lazy loading jumps to.

use std::cell::RefCell;
use std::io::{self, BufRead as _, BufReader, Read};
use std::ops::Range;
use std::rc::Rc;

use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::{Compression, Counted, ZSTD_WINDOW_LOG};

/// Most members of a layer: one a file and one for each 64 KiB of its content make some 500 thousand in the largest.
const MAX_MEMBERS: usize = 4_000_000;

/// What a pass saw beside the content of a layer that announces a table of contents.
#[derive(Default)]
pub(in crate::scan::layer) struct Trace {
    /// Where members begin, in the layer and in its tar, both ascending.
    members: Vec<(u64, u64)>,
    wanted: Range<u64>,
    /// The bytes of the layer that were wanted, as far as it has them.
    pub(in crate::scan::layer) captured: Vec<u8>,
}

impl Trace {
    pub(super) fn of(wanted: Range<u64>) -> Trace {
        Trace {
            wanted,
            ..Trace::default()
        }
    }

    /// Takes what is wanted of `bytes`, which begin at `at` in the layer.
    pub(super) fn see(&mut self, at: u64, bytes: &[u8]) {
        let within = |place: u64| usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX);
        let (start, end) = (within(self.wanted.start), within(self.wanted.end));
        let part = bytes.get(start..end.min(bytes.len()));
        self.captured.extend_from_slice(part.unwrap_or_default());
    }

    fn member(&mut self, at: u64, tar: u64) -> io::Result<()> {
        if self.members.len() >= MAX_MEMBERS {
            return Err(io::Error::other("more members than of any real layer"));
        }
        self.members.push((at, tar));
        Ok(())
    }

    /// Where in the tar the content begins of the member that begins at `at` in the layer; none where none begins.
    pub(in crate::scan::layer) fn tar_position(&self, at: u64) -> Option<u64> {
        let found = self.members.binary_search_by_key(&at, |(start, _)| *start);
        self.members.get(found.ok()?).map(|(_, tar)| *tar)
    }
}

/// The members, one after another, as one stream.
pub(super) struct Members<'a, R: Read> {
    compression: Compression,
    state: State<'a, R>,
    trace: Rc<RefCell<Trace>>,
    tar: u64,
}

type Source<R> = BufReader<Counted<R>>;

enum State<'a, R: Read> {
    Between(Source<R>),
    Gzip(Box<GzDecoder<Source<R>>>),
    Zstd(ZstdDecoder<'a, Source<R>>),
    Ended,
}

impl<R: Read> Members<'_, R> {
    pub(super) fn new(
        compression: Compression,
        source: Source<R>,
        trace: Rc<RefCell<Trace>>,
    ) -> Members<'static, R> {
        Members {
            compression,
            state: State::Between(source),
            trace,
            tar: 0,
        }
    }

    /// Begins the next member; the end of the stream if there is none.
    fn begin(&mut self, mut source: Source<R>) -> io::Result<()> {
        if source.fill_buf()?.is_empty() {
            return Ok(());
        }
        let at = source.get_ref().tally.bytes.get() - source.buffer().len() as u64;
        self.trace.borrow_mut().member(at, self.tar)?;
        self.state = if self.compression == Compression::Gzip {
            State::Gzip(Box::new(GzDecoder::new(source)))
        } else {
            let mut decoder = ZstdDecoder::with_buffer(source)?.single_frame();
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            State::Zstd(decoder)
        };
        Ok(())
    }
}

impl<R: Read> Read for Members<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.state {
                State::Between(_) => 0,
                State::Gzip(decoder) => decoder.read(buffer)?,
                State::Zstd(decoder) => decoder.read(buffer)?,
                State::Ended => return Ok(0),
            };
            if count > 0 {
                self.tar += count as u64;
                return Ok(count);
            }
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Between(source) => self.begin(source)?,
                State::Gzip(decoder) => self.state = State::Between(decoder.into_inner()),
                State::Zstd(decoder) => self.state = State::Between(decoder.finish()),
                State::Ended => {}
            }
        }
    }
}
