//! Files of a server that are no part of the distribution API, whole or from a place on: the export of a database.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{ETAG, HeaderMap};

use super::client::Ask;
use super::{BlobBody, Kind, Upstream, UpstreamError};

/// Longest header that is kept, in bytes: entity tags and checksums have less than 100.
const MAX_KEPT_BYTES: usize = 256;

/// A part of a file that was downloaded before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Bytes that are there.
    pub bytes: u64,
    /// The strong entity tag of what they are a part of.
    pub tag: String,
}

/// A file as it comes.
#[derive(Debug)]
pub struct Download {
    /// Its bytes, from `body.offset` on.
    pub body: BlobBody,
    /// Its strong entity tag (RFC 9110, section 8.8.3), by which it can be gone on with.
    pub tag: Option<String>,
    /// Its checksums as Google's storage tells them (`X-Goog-Hash`): `crc32c=base64,md5=base64`, perhaps in parts.
    pub checksums: Vec<String>,
}

impl Upstream {
    /// The file at a path from the root; the rest of it, where a part is there and it has not changed since.
    ///
    /// # Errors
    /// [`UpstreamError`]; `Malformed` where the server answers another range, or none because there is no rest.
    pub async fn download(
        self: &Arc<Self>,
        path: &str,
        begun: Option<&Begun>,
    ) -> Result<Download, UpstreamError> {
        self.persist(|| async move {
            let url = self.base.join(path);
            let ask = Ask {
                method: Method::GET,
                url: url.map_err(|_| self.error(Kind::Malformed, "an unusable address"))?,
                accept: None,
                from: begun.map_or(0, |begun| begun.bytes),
                if_range: begun.map(|begun| begun.tag.as_str()),
                repository: "",
            };
            let (answer, _) = self.request(&ask).await?;
            let (tag, checksums) = (tag(answer.headers()), checksums(answer.headers()));
            let body = self.body(answer, ask.from)?;
            Ok(Download {
                body,
                tag,
                checksums,
            })
        })
        .await
    }
}

fn tag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    let strong = tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2;
    (strong && tag.len() <= MAX_KEPT_BYTES).then(|| tag.to_owned())
}

fn checksums(headers: &HeaderMap) -> Vec<String> {
    let told = headers.get_all("x-goog-hash").iter();
    let told = told.filter_map(|value| value.to_str().ok());
    let parts = told.flat_map(|value| value.split(','));
    let parts = parts.map(|part| part.trim().to_owned());
    parts
        .filter(|part| part.len() <= MAX_KEPT_BYTES)
        .take(8)
        .collect()
}
