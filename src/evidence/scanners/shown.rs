//! Images that scanners may fetch while they are asked about them: each with a pass of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Asked;
use crate::evidence::Content;
use crate::oci::{Digest, ImageManifest, Repository};

/// Random bytes of a pass.
const PASS_BYTES: usize = 32;
/// The user name in a pass: registries need one.
const USER: &str = "scanner";

/// What is shown to scanners, and where they find it.
pub struct Shown {
    url: String,
    /// By the hash of the pass: a comparison tells nothing of it.
    open: Mutex<HashMap<Digest, Arc<Exhibit>>>,
}

/// One image, as a scanner sees it.
pub struct Exhibit {
    /// Store and registries.
    pub content: Arc<Content>,
    /// Its repository, registry included.
    pub repository: Repository,
    /// Of its manifest.
    pub manifest: Digest,
    /// The manifest.
    pub image: ImageManifest,
}

/// Lets a scanner in for as long as it lives.
pub(super) struct Pass {
    shown: Arc<Shown>,
    key: Digest,
    secret: String,
}

impl Shown {
    /// `url`: where scanners find it, as `http://lazaret.internal:5070`.
    pub fn new(url: String) -> Arc<Shown> {
        Arc::new(Shown {
            url,
            open: Mutex::default(),
        })
    }

    /// Shows an image until the pass is dropped.
    pub(super) fn open(self: &Arc<Shown>, asked: &Asked) -> Result<Pass, String> {
        let mut random = [0; PASS_BYTES];
        rand::fill(&mut random).map_err(|_| "there is no randomness".to_owned())?;
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = Digest::of(secret.as_bytes());
        let exhibit = Exhibit {
            content: asked.content.clone(),
            repository: asked.repository.clone(),
            manifest: asked.manifest,
            image: asked.image.clone(),
        };
        self.lock().insert(key, Arc::new(exhibit));
        Ok(Pass {
            shown: self.clone(),
            key,
            secret,
        })
    }

    /// The image that somebody may see who sends this `Authorization`.
    pub fn admit(&self, authorization: &str) -> Option<Arc<Exhibit>> {
        let secret = match authorization.split_once(' ')? {
            (kind, token) if kind.eq_ignore_ascii_case("bearer") => token.to_owned(),
            (kind, pair) if kind.eq_ignore_ascii_case("basic") => {
                let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
                pair.split_once(':')?.1.to_owned()
            }
            _ => return None,
        };
        self.lock().get(&Digest::of(secret.as_bytes())).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Exhibit>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exhibit {
    /// Whether a blob is the image's: its configuration or one of its layers, with its size.
    pub fn blob(&self, digest: &Digest) -> Option<&crate::oci::Descriptor> {
        let parts = std::iter::once(&self.image.config).chain(&self.image.layers);
        parts.into_iter().find(|part| part.digest == *digest)
    }
}

impl Pass {
    pub(super) fn url(&self) -> &str {
        &self.shown.url
    }

    pub(super) fn authorization(&self) -> String {
        let pair = format!("{USER}:{}", self.secret);
        format!("Basic {}", STANDARD.encode(pair))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.shown.lock().remove(&self.key);
    }
}
