//! OpenPGP signatures that a registry keeps itself (containers/image, `docs/signature-protocols.md`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;

use crate::oci::{Digest, Repository};

use super::client::Ask;
use super::{Kind, Upstream, UpstreamError, body};

/// Largest list in bytes: a signature has some 2 KiB.
const MAX_LIST_BYTES: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    signatures: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    version: u64,
    #[serde(rename = "type")]
    kind: String,
    content: String,
}

impl Upstream {
    /// The OpenPGP messages that the registry's extension lists for an image; none where it knows of none.
    ///
    /// # Errors
    /// [`UpstreamError`]: a list that cannot be had whole is an error, never a shorter list.
    pub async fn openpgp_signatures(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Bytes>, UpstreamError> {
        let path = format!("/extensions/v2/{}/signatures/{digest}", repository.path());
        let list = self.persist(|| async {
            let url = self.base.join(&path);
            let ask = Ask {
                method: Method::GET,
                url: url.map_err(|_| self.error(Kind::Malformed, "an unusable address"))?,
                accept: Some("application/json"),
                from: 0,
                if_range: None,
                repository: repository.path(),
            };
            let (answer, _) = self.request(&ask).await?;
            body::collect(self, answer.into_body(), MAX_LIST_BYTES).await
        });
        let list = match list.await {
            Ok(list) => list,
            Err(error) if error.kind() == Kind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let wrong = |why: String| self.error(Kind::Malformed, format!("its signatures: {why}"));
        let list: List = serde_json::from_slice(&list).map_err(|error| wrong(error.to_string()))?;
        let messages = list.signatures.into_iter();
        messages
            .filter(|listed| listed.version == 2 && listed.kind == "atomic")
            .map(|listed| {
                let decoded = STANDARD.decode(listed.content);
                decoded
                    .map(Bytes::from)
                    .map_err(|error| wrong(error.to_string()))
            })
            .collect()
    }
}
