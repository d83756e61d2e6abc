//! Documents of a registry's owner that are no part of the distribution API.

use bytes::Bytes;
use hyper::Method;

use super::client::Ask;
use super::{Kind, Upstream, UpstreamError, body};

impl Upstream {
    /// The error for a document that is not what it should be.
    pub fn malformed(&self, why: impl Into<String>) -> UpstreamError {
        self.error(Kind::Malformed, why)
    }

    /// The document at a path from the root, of at most `most` bytes.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn document(&self, path: &str, most: u64) -> Result<Bytes, UpstreamError> {
        self.persist(|| async move {
            let url = self.base.join(path);
            let ask = Ask {
                method: Method::GET,
                url: url.map_err(|_| self.error(Kind::Malformed, "an unusable address"))?,
                accept: None,
                from: 0,
                if_range: None,
                repository: "",
            };
            let (answer, _) = self.request(&ask).await?;
            body::collect(self, answer.into_body(), most).await
        })
        .await
    }
}
