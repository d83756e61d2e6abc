//! Manifests: what a tag points to, and the bytes (distribution-spec 1.1, "Pulling manifests").

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Response, body::Incoming};

use crate::oci::{
    Descriptor, Digest, DigestError, MAX_MANIFEST_BYTES, ManifestError, Repository, Target,
    media_type,
};

use super::client::Ask;
use super::{Kind, Upstream, UpstreamError, body};

/// Docker's retired format (`…v1+json`, `…v1+prettyjws`).
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1";

/// A manifest whose bytes hash to its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedManifest {
    /// The exact bytes.
    pub bytes: Bytes,
    /// Type as served, without parameters; one of [`media_type::MANIFESTS`].
    pub media_type: String,
    /// What was asked for, or told by the registry, or else the SHA-256; in each case verified.
    pub digest: Digest,
}

impl Upstream {
    /// What a target is now: its type, digest and size. `HEAD` first, which costs no pull at
    /// Docker Hub; `GET` where the registry's answer to that is incomplete.
    ///
    /// # Errors
    /// [`UpstreamError`]; nothing is guessed.
    pub async fn resolve(
        &self,
        repository: &Repository,
        target: &Target,
    ) -> Result<Descriptor, UpstreamError> {
        self.persist(|| self.resolve_once(repository, target)).await
    }

    /// The manifest at a target, verified.
    ///
    /// # Errors
    /// [`UpstreamError`]: `TooLarge` beyond [`MAX_MANIFEST_BYTES`], `DigestMismatch`, `Malformed` for other types.
    pub async fn manifest(
        &self,
        repository: &Repository,
        target: &Target,
    ) -> Result<FetchedManifest, UpstreamError> {
        self.persist(|| self.manifest_once(repository, target))
            .await
    }

    async fn resolve_once(
        &self,
        repository: &Repository,
        target: &Target,
    ) -> Result<Descriptor, UpstreamError> {
        match self.ask_manifest(Method::HEAD, repository, target).await {
            Ok(answer) => {
                if let Some(descriptor) = self.described(answer.headers(), target)? {
                    return Ok(descriptor);
                }
            }
            Err(e) if e.kind() != Kind::Malformed => return Err(e),
            Err(_) => {}
        }
        let fetched = self.manifest_once(repository, target).await?;
        let mut descriptor = Descriptor::of(&fetched.media_type, &fetched.bytes);
        descriptor.digest = fetched.digest;
        Ok(descriptor)
    }

    /// What the headers of `HEAD` say, where they say all.
    fn described(
        &self,
        headers: &HeaderMap,
        target: &Target,
    ) -> Result<Option<Descriptor>, UpstreamError> {
        let (Some(digest), Some(media_type)) = (self.told_digest(headers)?, manifest_type(headers))
        else {
            return Ok(None);
        };
        if let Target::Digest(asked) = target
            && asked.algorithm() == digest.algorithm()
            && *asked != digest
        {
            return Err(self.error(
                Kind::DigestMismatch,
                format!("{asked} was asked for, {digest} is told"),
            ));
        }
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        let Some(size) = length else {
            return Ok(None);
        };
        if size > MAX_MANIFEST_BYTES {
            return Err(self.error(Kind::TooLarge, format!("a manifest of {size} bytes")));
        }
        let mut descriptor = Descriptor::of(media_type, b"");
        descriptor.digest = match target {
            Target::Digest(asked) => *asked,
            Target::Tag(_) => digest,
        };
        descriptor.size = size;
        Ok(Some(descriptor))
    }

    pub(super) async fn manifest_once(
        &self,
        repository: &Repository,
        target: &Target,
    ) -> Result<FetchedManifest, UpstreamError> {
        let answer = self.ask_manifest(Method::GET, repository, target).await?;
        let media_type = manifest_type(answer.headers()).ok_or_else(|| {
            let found = essence(answer.headers()).unwrap_or_default();
            let why = if found.starts_with(SCHEMA_1) {
                ManifestError::Schema1
            } else {
                ManifestError::UnknownType(found.to_owned())
            };
            self.error(Kind::Malformed, why.to_string())
        })?;
        if answer
            .headers()
            .get(CONTENT_ENCODING)
            .is_some_and(|coding| coding != "identity")
        {
            return Err(self.error(Kind::Malformed, "a manifest that is encoded unasked"));
        }
        let told = self.told_digest(answer.headers())?;
        let bytes = body::collect(self, answer.into_body(), MAX_MANIFEST_BYTES).await?;
        let asked = match target {
            Target::Digest(digest) => Some(*digest),
            Target::Tag(_) => None,
        };
        for digest in asked.iter().chain(&told) {
            if !digest.verifies(&bytes) {
                return Err(self.error(
                    Kind::DigestMismatch,
                    format!("the manifest is not {digest}"),
                ));
            }
        }
        let digest = asked.or(told).unwrap_or_else(|| Digest::of(&bytes));
        Ok(FetchedManifest {
            bytes,
            media_type: media_type.to_owned(),
            digest,
        })
    }

    async fn ask_manifest(
        &self,
        method: Method,
        repository: &Repository,
        target: &Target,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let url = self.url(repository, &format!("manifests/{target}"))?;
        let accept = media_type::MANIFESTS.join(", ");
        let ask = Ask {
            method,
            url,
            accept: Some(&accept),
            from: 0,
            if_range: None,
            repository: repository.path(),
        };
        Ok(self.request(&ask).await?.0)
    }

    pub(super) fn url(
        &self,
        repository: &Repository,
        rest: &str,
    ) -> Result<url::Url, UpstreamError> {
        self.base
            .join(&format!("/v2/{}/{rest}", repository.path()))
            .map_err(|_| self.error(Kind::Malformed, "an unusable address"))
    }

    /// `Docker-Content-Digest`; one of an algorithm that we cannot check counts as none.
    fn told_digest(&self, headers: &HeaderMap) -> Result<Option<Digest>, UpstreamError> {
        let Some(value) = headers.get("docker-content-digest") else {
            return Ok(None);
        };
        match value.to_str().unwrap_or_default().parse() {
            Ok(digest) => Ok(Some(digest)),
            Err(DigestError::UnknownAlgorithm) => Ok(None),
            Err(DigestError::Malformed) => {
                Err(self.error(Kind::Malformed, "a malformed Docker-Content-Digest"))
            }
        }
    }
}

/// The content type without its parameters.
pub(super) fn essence(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

fn manifest_type(headers: &HeaderMap) -> Option<&'static str> {
    let essence = essence(headers)?;
    media_type::MANIFESTS
        .into_iter()
        .find(|known| *known == essence)
}
