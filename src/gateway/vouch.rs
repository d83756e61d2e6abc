//! Summaries of our own verdicts, served beside the images that they are about.
//!
//! They are made when somebody first asks what refers to an image, kept in the ledger, and served while the image is.

use std::sync::Arc;

use hyper::Response;
use moka::sync::Cache;

use crate::admission::{Answer, Ruling, ServedManifest};
use crate::ledger::{Client, KeptSummary, Ledger, LedgerError};
use crate::oci::{Descriptor, Digest, Repository, Route, Target, media_type};
use crate::policy::Permit;
use crate::telemetry;
use crate::vsa::{EMPTY, Summary, VsaSigner, summarize};

use super::body::Body;
use super::part::Part;
use super::pull::Gateway;
use super::request::Ask;
use super::respond;

/// Most summaries whose digests are known at once; older ones are listed no more and seldom asked for.
const MAX_KNOWN: u32 = 50_000;

/// Signs summaries, and knows those that it signed.
pub struct Voucher {
    signer: VsaSigner,
    verifier: String,
    known: Cache<Digest, ()>,
}

impl Voucher {
    /// `verifier`: who we are, a URI.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn new(
        signer: VsaSigner,
        verifier: String,
        ledger: &dyn Ledger,
    ) -> Result<Voucher, LedgerError> {
        let known = Cache::new(2 * u64::from(MAX_KNOWN));
        for digest in ledger.summary_digests(MAX_KNOWN).await? {
            known.insert(digest, ());
        }
        Ok(Voucher {
            signer,
            verifier,
            known,
        })
    }
}

impl Gateway {
    /// The same, with summaries of its verdicts beside the images.
    pub fn vouching(mut self, voucher: Option<Arc<Voucher>>) -> Gateway {
        self.voucher = voucher;
        self
    }

    /// What an image's list has beside what the registry lists: our summary, where we vouch and the image is served.
    pub(super) async fn vouched(
        &self,
        ask: &Ask,
        repository: &Repository,
        digest: &Digest,
    ) -> Option<Descriptor> {
        let voucher = self.voucher.as_ref()?;
        let (_, manifest, ruling) = self.permitted(repository, digest, &ask.client).await?;
        let made = self.summary(voucher, repository, &manifest, &ruling).await;
        match made {
            Ok(summary) => Some(summary.descriptor()),
            Err(error) => {
                tracing::error!(%repository, %digest, error, "an image has no summary of its verdict");
                None
            }
        }
    }

    async fn permitted(
        &self,
        repository: &Repository,
        digest: &Digest,
        client: &Client,
    ) -> Option<(Permit, Arc<ServedManifest>, Arc<Ruling>)> {
        let pinned = repository.at_digest(*digest);
        let admitted = self.admission.admit(&pinned, client);
        match tokio::time::timeout(self.hold.exchange, admitted).await {
            Ok(Ok(Answer::Serve {
                permit,
                manifest,
                ruling,
                ..
            })) => Some((permit, manifest, ruling)),
            _ => None,
        }
    }

    /// The summary of a ruling about an image: the one that is kept, or a new one.
    async fn summary(
        &self,
        voucher: &Voucher,
        repository: &Repository,
        manifest: &ServedManifest,
        ruling: &Ruling,
    ) -> Result<Summary, String> {
        let (ledger, subject) = (self.admission.ledger(), manifest.digest);
        let said = |error: &dyn std::fmt::Display| error.to_string();
        for _ in 0..2 {
            let kept = ledger.summary_of(ruling.decision, subject).await;
            if let Some(kept) = kept.map_err(|error| said(&error))? {
                let summary = Summary {
                    manifest: kept.manifest,
                    bundle: kept.bundle,
                };
                for bytes in [&summary.manifest, &summary.bundle] {
                    voucher.known.insert(Digest::of(bytes), ());
                }
                return Ok(summary);
            }
            let decision = ledger.decision(ruling.decision).await;
            let decision = decision.map_err(|error| said(&error))?;
            let decision = decision.ok_or("its decision is not kept")?;
            let described = Descriptor {
                digest: subject,
                ..Descriptor::of(manifest.media_type, &manifest.bytes)
            };
            let made = summarize(&voucher.signer, &voucher.verifier, &decision, &described);
            let Summary { manifest, bundle } = made.map_err(|error| said(&error))?;
            // Somebody else may have been faster: what is kept counts.
            let kept = KeptSummary {
                at: telemetry::now(),
                decision: ruling.decision,
                repository: repository.clone(),
                subject,
                manifest,
                bundle,
            };
            let kept = ledger.keep_summary(kept).await;
            kept.map_err(|error| said(&error))?;
        }
        Err("it is not kept".to_owned())
    }

    /// A manifest or blob of ours, while the image that it is about is served; none where what is asked for is not ours.
    pub(super) async fn own(&self, ask: &Ask, repository: &Repository) -> Option<Response<Body>> {
        let voucher = self.voucher.as_ref()?;
        let digest = match &ask.route {
            Route::Manifest { target, .. } => match target {
                Target::Digest(digest) => digest,
                Target::Tag(_) => return None,
            },
            Route::Blob { digest, .. } => digest,
            _ => return None,
        };
        let (empty, _) = EMPTY;
        if *digest == Digest::of(empty) && matches!(ask.route, Route::Blob { .. }) {
            // The configuration of every artifact that has none.
            return Some(whole(digest, empty.to_vec(), ask.head));
        }
        voucher.known.get(digest)?;
        let kept = self.admission.ledger().summary_with(*digest).await;
        let kept = kept.ok()??;
        if kept.repository != *repository {
            return None;
        }
        let permitted = self.permitted(repository, &kept.subject, &ask.client).await;
        let (permit, ..) = permitted?;
        if Digest::of(&kept.manifest) == *digest {
            let manifest = ServedManifest {
                bytes: kept.manifest.into(),
                media_type: media_type::OCI_MANIFEST,
                digest: *digest,
            };
            return Some(respond::manifest(&permit, &manifest, ask.head, &[]));
        }
        Some(whole(digest, kept.bundle, ask.head))
    }
}

fn whole(digest: &Digest, bytes: Vec<u8>, head: bool) -> Response<Body> {
    let size = bytes.len() as u64;
    let part = Part {
        start: 0,
        end: size,
        size,
        partial: false,
    };
    let body = if head { Body::Empty } else { Body::full(bytes) };
    respond::blob(digest, part, body)
}
