//! Small content by digest: from the store, else from its registry, always verified.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Bytes, BytesMut};
use url::Url;

use crate::oci::{
    Descriptor, Digest, MAX_MANIFEST_BYTES, Manifest, ManifestError, Repository, Target, media_type,
};
use crate::store::Store;
use crate::telemetry;
use crate::upstream::{SettingsError, Upstream, UpstreamError, Upstreams};

use super::dossier::Dossiers;
use super::issuers::Issuers;

/// The manifest types that are asked for and understood.
pub const MANIFEST_TYPES: [&str; 4] = media_type::MANIFESTS;

/// The folder of what issuers of certificates told, beside the store.
const TOLD: &str = "revocations";

/// Reads manifests and configurations. What it returns hashes to the digest asked for,
/// and is not for clients: it needs no permit because it serves the judge.
pub struct Content {
    store: Store,
    upstreams: Arc<Upstreams>,
    issuers: Issuers,
    dossiers: Arc<Dossiers>,
    /// Documents that are known whether the store has them or not.
    known: HashMap<Digest, Bytes>,
    /// Who fetches what: several collectors read the same configuration at once, and it is fetched once.
    fetching: Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
}

impl Content {
    /// Reads through `store` from the registries in `upstreams`.
    pub fn new(store: Store, upstreams: Arc<Upstreams>) -> Content {
        let data = store.beside("");
        Content::in_folder(store, upstreams, &data)
    }

    /// The same with what else is kept in another data folder than the store's.
    pub fn in_folder(store: Store, upstreams: Arc<Upstreams>, data: &Path) -> Content {
        Content {
            store,
            upstreams,
            issuers: Issuers::in_folder(&data.join(TOLD)),
            dossiers: Arc::new(Dossiers::in_folder(data)),
            known: HashMap::new(),
            fetching: Mutex::default(),
        }
    }

    /// The same store without any registry: what is not in it is not there.
    pub fn kept(&self) -> Content {
        Content {
            store: self.store.clone(),
            upstreams: Arc::new(Upstreams::nobody()),
            issuers: self.issuers.clone(),
            dossiers: self.dossiers.clone(),
            known: HashMap::new(),
            fetching: Mutex::default(),
        }
    }

    /// The same with documents that somebody kept, each under its digest.
    pub(super) fn knowing(&self, known: HashMap<Digest, Bytes>) -> Content {
        Content {
            known,
            ..self.kept()
        }
    }

    /// A document of at most `most` bytes that is here.
    async fn here(&self, digest: &Digest, most: u64) -> Option<Bytes> {
        match self.known.get(digest) {
            Some(bytes) if bytes.len() as u64 <= most => Some(bytes.clone()),
            _ => self.store.read_small(digest, most).await,
        }
    }

    /// The store behind.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The registry that holds `repository`.
    ///
    /// # Errors
    /// [`ContentError::UnknownRegistry`]: the list of registries is closed.
    pub fn upstream(&self, repository: &Repository) -> Result<&Arc<Upstream>, ContentError> {
        self.upstreams
            .get(repository.host())
            .ok_or_else(|| ContentError::UnknownRegistry(repository.host().to_owned()))
    }

    /// What is kept of images that were judged.
    pub(super) fn dossiers(&self) -> &Arc<Dossiers> {
        &self.dossiers
    }

    pub(super) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// A server that the policy names, or an authority whom it trusts, and that is no registry.
    pub(super) fn elsewhere(&self, url: &Url) -> Result<Arc<Upstream>, SettingsError> {
        self.upstreams.elsewhere(url)
    }

    /// A manifest by digest, parsed. A malformed one leaves nothing in the store.
    ///
    /// # Errors
    /// [`ContentError`] says whose side failed.
    pub async fn manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<(Bytes, Manifest), ContentError> {
        let kept = self.here(digest, MAX_MANIFEST_BYTES).await;
        telemetry::metrics().cache("manifest", kept.is_some());
        if let Some(bytes) = kept {
            let manifest = Manifest::parse(&bytes, None).map_err(ContentError::Manifest)?;
            return Ok((bytes, manifest));
        }
        let upstream = self.upstream(repository)?;
        let fetched = upstream
            .manifest(repository, &Target::Digest(*digest))
            .await
            .map_err(ContentError::Upstream)?;
        let manifest = Manifest::parse(&fetched.bytes, Some(&fetched.media_type))
            .map_err(ContentError::Manifest)?;
        self.keep(digest, &fetched.bytes).await;
        Ok((fetched.bytes, manifest))
    }

    /// A blob of at most `most` bytes that the judge reads whole.
    ///
    /// # Errors
    /// [`ContentError`] says whose side failed.
    pub async fn small(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        most: u64,
    ) -> Result<Bytes, ContentError> {
        if descriptor.size > most {
            return Err(ContentError::TooLarge {
                digest: descriptor.digest,
                most,
            });
        }
        if let Some(bytes) = self.here(&descriptor.digest, most).await {
            return Ok(bytes);
        }
        let turn = self.turn(&descriptor.digest);
        let _turn = turn.lock().await;
        if let Some(bytes) = self.store.read_small(&descriptor.digest, most).await {
            return Ok(bytes);
        }
        let upstream = self.upstream(repository)?;
        let mut body = upstream
            .blob(repository, &descriptor.digest, 0)
            .await
            .map_err(ContentError::Upstream)?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.chunk().await {
            bytes.extend_from_slice(&chunk.map_err(ContentError::Upstream)?);
            if bytes.len() as u64 > descriptor.size {
                return Err(ContentError::WrongContent(descriptor.digest));
            }
        }
        let bytes = bytes.freeze();
        if bytes.len() as u64 != descriptor.size || !descriptor.digest.verifies(&bytes) {
            return Err(ContentError::WrongContent(descriptor.digest));
        }
        self.keep(&descriptor.digest, &bytes).await;
        Ok(bytes)
    }

    /// For one at a time to hold while it fetches.
    fn turn(&self, digest: &Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = fetching.get(digest).and_then(Weak::upgrade) {
            return turn;
        }
        fetching.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        fetching.insert(*digest, Arc::downgrade(&turn));
        turn
    }

    /// A full disk must not stop a pull that was judged in memory.
    async fn keep(&self, digest: &Digest, bytes: &Bytes) {
        if let Err(error) = self.store.put(digest, bytes.clone()).await {
            tracing::warn!(%digest, %error, "content is not kept");
        }
    }
}

/// Why content cannot be read.
#[derive(Clone, Debug)]
pub enum ContentError {
    /// No such registry on the closed list.
    UnknownRegistry(String),
    /// The registry's side.
    Upstream(UpstreamError),
    /// The manifest is no manifest that can be judged.
    Manifest(ManifestError),
    /// Larger than the judge reads.
    TooLarge {
        /// Of the blob.
        digest: Digest,
        /// The bound in bytes.
        most: u64,
    },
    /// Size or hash are not the descriptor's.
    WrongContent(Digest),
    /// The image's shape: nested indexes and the like.
    Shape(String),
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentError::UnknownRegistry(host) => {
                write!(
                    f,
                    "{host} is not among the registries that this gateway is configured for"
                )
            }
            ContentError::Upstream(error) => error.fmt(f),
            ContentError::Manifest(error) => error.fmt(f),
            ContentError::TooLarge { digest, most } => {
                write!(
                    f,
                    "{digest} is larger than the {most} bytes that are judged"
                )
            }
            ContentError::WrongContent(digest) => {
                write!(f, "the registry sent other content than {digest}")
            }
            ContentError::Shape(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ContentError {}
