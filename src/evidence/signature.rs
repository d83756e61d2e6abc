//! Signatures and attestations: discovered, then examined for the signers whom the rule names.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::oci::{Descriptor, Digest, Manifest, Reference, Repository};
use crate::policy::{AttestationEvidence, Gathered, Policy, SignatureEvidence, Subject};
use crate::telemetry;
use crate::trust::{Examined, Identity, Image, Says, Signer, examine};

use super::buildkit::{self, Unsigned, Within};
use super::discover::{Candidate, Discovery, Sought, discover};
use super::dossier::raw;
use super::issuers::inquire;
use super::openpgp;
use super::weigh::{signers, weigh};
use super::{Content, ContentError};

/// All that was found and is not examined yet.
#[derive(Deserialize, Serialize)]
pub(super) struct Haul {
    /// What was looked for.
    pub(super) asked: Wanted,
    /// Beside the image itself.
    pub(super) image: Beside,
    /// Beside each index that lists it.
    pub(super) within: Vec<Beside>,
    /// In BuildKit's attestation manifests.
    pub(super) unsigned: Vec<Unsigned>,
}

/// What lies beside one manifest.
#[derive(Deserialize, Serialize)]
pub(super) struct Beside {
    pub(super) digest: Digest,
    #[serde(with = "raw")]
    pub(super) bytes: Bytes,
    pub(super) discovery: Discovery,
}

/// Where a rule has signatures looked for, and whether attestations too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Wanted {
    places: Vec<String>,
    attestations: bool,
    shelves: openpgp::Shelves,
}

impl Wanted {
    fn by(policy: &Policy, home: &Repository) -> Wanted {
        let places = places(policy, home);
        Wanted {
            places: places.iter().map(Repository::to_string).collect(),
            attestations: policy.needs(home).attestation,
            shelves: openpgp::shelves(signers(policy, policy.rule_for(home))),
        }
    }

    /// Whether looking for this finds all that the other one asks for, and no more places than it looks at.
    fn covers(&self, other: &Wanted) -> bool {
        self.places == other.places
            && (self.attestations || !other.attestations)
            && self.shelves.is_superset(&other.shelves)
    }
}

/// Both kinds at once: they lie in the same places, in the same formats. What is signed and attested of an index in
/// `within` counts for the image that it lists.
pub(super) async fn collect(
    content: Arc<Content>,
    subject: Arc<Subject>,
    policy: Arc<Policy>,
    within: Arc<[Within]>,
) -> (Gathered<SignatureEvidence>, Gathered<AttestationEvidence>) {
    let needs = policy.needs(subject.reference.repository());
    if !needs.signature && !needs.attestation {
        let why = "no signature was asked for";
        return (Gathered::unavailable(why), Gathered::unavailable(why));
    }
    let haul = match haul(&content, &subject, &policy, &within, needs.attestation).await {
        Ok(haul) => haul,
        Err(error) => {
            let why = error.to_string();
            return (
                Gathered::unavailable(why.clone()),
                Gathered::unavailable(why),
            );
        }
    };
    let dossiers = content.dossiers().clone();
    // Milliseconds of arithmetic each, and a file is written: not on the threads that serve.
    let examined = tokio::task::spawn_blocking(move || {
        dossiers.keep_haul(subject.reference.repository(), &subject.digest, &haul);
        weigh(haul, &subject, &policy, telemetry::now())
    });
    examined.await.unwrap_or_else(|_| crashed())
}

fn crashed() -> (Gathered<SignatureEvidence>, Gathered<AttestationEvidence>) {
    let why = "the check crashed; the server's log has the reason";
    (Gathered::unavailable(why), Gathered::unavailable(why))
}

/// The same from what was found before, examined anew; nobody is asked.
///
/// # Errors
/// Why that says nothing of what this policy asks for.
pub(super) async fn recall(
    kept: &Arc<Content>,
    subject: &Arc<Subject>,
    policy: &Arc<Policy>,
) -> Result<(Gathered<SignatureEvidence>, Gathered<AttestationEvidence>), String> {
    let home = subject.reference.repository();
    let needs = policy.needs(home);
    if !needs.signature && !needs.attestation {
        let why = "no signature was asked for";
        return Ok((Gathered::unavailable(why), Gathered::unavailable(why)));
    }
    let (dossiers, about) = (kept.dossiers().clone(), subject.clone());
    let read = move || dossiers.haul(about.reference.repository(), &about.digest);
    let haul = tokio::task::spawn_blocking(read).await.ok().flatten();
    let mut haul = haul.ok_or("its signatures were not looked for, or are not kept any more")?;
    let wanted = Wanted::by(policy, home);
    if !haul.asked.covers(&wanted) {
        return Err(match wanted.attestations && !haul.asked.attestations {
            true => "its attestations were not looked for".to_owned(),
            false => "its signatures were looked for in other places".to_owned(),
        });
    }
    let signers = signers(policy, policy.rule_for(home));
    for (digest, bytes, discovery) in haul.discoveries() {
        let image = Image {
            digest,
            manifest: Some(bytes.clone()),
        };
        if inquire(kept, policy, &signers, &image, discovery).await > 0 {
            return Err("the issuer of a certificate would have to be asked".to_owned());
        }
    }
    let (subject, policy) = (subject.clone(), policy.clone());
    let weighed =
        tokio::task::spawn_blocking(move || weigh(haul, &subject, &policy, telemetry::now()));
    Ok(weighed.await.unwrap_or_else(|_| crashed()))
}

/// The repositories where the rule has signatures of `home` looked for.
fn places(policy: &Policy, home: &Repository) -> Vec<Repository> {
    let places = policy.rule_for(home).signatures_from.iter();
    places.map(|place| place.of(home).clone()).collect()
}

async fn haul(
    content: &Arc<Content>,
    subject: &Subject,
    policy: &Policy,
    within: &[Within],
    attestations: bool,
) -> Result<Haul, ContentError> {
    let home = subject.reference.repository();
    let places = places(policy, home);
    let (bytes, manifest) = content.manifest(home, &subject.digest).await?;
    let sought = |digest: Digest| Sought {
        home,
        places: &places,
        digest,
        attestations,
        shelves: openpgp::shelves(signers(policy, policy.rule_for(home))),
    };
    let mut discovery = discover(content, &sought(subject.digest)).await;
    let mut indexes = Vec::new();
    for of in within {
        indexes.push(Beside {
            digest: of.digest,
            bytes: of.bytes.clone(),
            discovery: discover(content, &sought(of.digest)).await,
        });
    }
    let mut unsigned = Vec::new();
    if attestations {
        let image = Descriptor::of(manifest.media_type(), &bytes);
        let image = Descriptor {
            digest: subject.digest,
            ..image
        };
        let attached = std::mem::take(&mut discovery.attached);
        unsigned = buildkit::gather(
            content,
            home,
            &places,
            &image,
            attached,
            within,
            &mut discovery,
        )
        .await;
    }
    let mut haul = Haul {
        asked: Wanted::by(policy, home),
        image: Beside {
            digest: subject.digest,
            bytes,
            discovery,
        },
        within: indexes,
        unsigned,
    };
    let signers = signers(policy, policy.rule_for(home));
    for (digest, bytes, discovery) in haul.discoveries() {
        let image = Image {
            digest,
            manifest: Some(bytes.clone()),
        };
        inquire(content, policy, &signers, &image, discovery).await;
    }
    Ok(haul)
}

impl Haul {
    /// How large it is, about.
    pub(super) fn bytes(&self) -> usize {
        let besides = self.within.iter().chain([&self.image]);
        let besides = besides.map(|by| by.bytes.len() + by.discovery.bytes());
        let unsigned = self.unsigned.iter().map(|by| {
            let said = by
                .statements
                .iter()
                .map(|one| one.predicate.to_string().len());
            by.bytes.len() + by.beside.bytes() + said.sum::<usize>()
        });
        besides.chain(unsigned).sum()
    }

    /// All that was found, each with the manifest that it lies beside.
    fn discoveries(&mut self) -> impl Iterator<Item = (Digest, &Bytes, &mut Discovery)> {
        let besides = self.within.iter_mut().chain([&mut self.image]);
        let besides = besides.map(|by| (by.digest, &by.bytes, &mut by.discovery));
        let unsigned = self.unsigned.iter_mut();
        besides.chain(unsigned.map(|by| (by.digest, &by.bytes, &mut by.beside)))
    }
}

/// Most images of an index whose unsigned statements are shown.
const MAX_SHOWN: usize = 16;

/// One thing that lies beside an image, for people.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub place: String,
    /// What it claims, if it could be read.
    pub says: Option<Says>,
    /// The policy's signers who signed it.
    pub signers: Vec<String>,
    /// When.
    pub at: Option<jiff::Timestamp>,
    /// Who signed it, by certificate, trusted or not.
    pub identity: Option<Identity>,
    /// Why it is not believed.
    pub refusals: Vec<String>,
}

/// Everything that lies beside an image, examined for all the policy's signers, and where nothing could be learnt.
///
/// # Errors
/// [`ContentError`]: the image itself cannot be read.
pub async fn signatures_of(
    content: &Arc<Content>,
    reference: &Reference,
    digest: Digest,
    policy: &Policy,
) -> Result<(Vec<Found>, Option<String>), ContentError> {
    let home = reference.repository();
    let (bytes, manifest) = content.manifest(home, &digest).await?;
    let sought = Sought {
        home,
        places: &places(policy, home),
        digest,
        attestations: true,
        shelves: openpgp::shelves(policy.signers()),
    };
    let mut discovery = discover(content, &sought).await;
    let unsigned = unsigned_of(content, &sought, &bytes, manifest, &mut discovery).await;
    let image = Image {
        digest,
        manifest: Some(bytes),
    };
    let signers: Vec<&Signer> = policy.signers().iter().collect();
    inquire(content, policy, &signers, &image, &mut discovery).await;
    let refused = discovery.refused.into_iter().map(|refused| Found {
        place: refused.found,
        says: None,
        signers: Vec::new(),
        at: None,
        identity: None,
        refusals: vec![refused.why],
    });
    let candidates = discovery.candidates.into_iter().map(|candidate| {
        let Candidate { found, material } = candidate;
        shown(
            found,
            examine(
                &material,
                &image,
                &signers,
                policy.roots(),
                telemetry::now(),
            ),
        )
    });
    let found = candidates.chain(unsigned).chain(refused).collect();
    Ok((found, discovery.incomplete))
}

/// BuildKit's statements about an image, or about each image of an index.
async fn unsigned_of(
    content: &Arc<Content>,
    sought: &Sought<'_>,
    bytes: &Bytes,
    manifest: Manifest,
    discovery: &mut Discovery,
) -> Vec<Found> {
    let of = |digest: Digest| Descriptor {
        digest,
        ..Descriptor::of(manifest.media_type(), bytes)
    };
    let mut images = vec![of(sought.digest)];
    let mut within = Vec::new();
    if let Manifest::Index(index) = &manifest {
        let listed = index
            .manifests
            .iter()
            .filter(|entry| !entry.is_attestation());
        images.extend(listed.take(MAX_SHOWN).cloned());
        within.push(Within {
            digest: sought.digest,
            bytes: bytes.clone(),
            index: index.clone(),
        });
    }
    let mut found = Vec::new();
    for image in images {
        let attached = std::mem::take(&mut discovery.attached);
        let (home, places) = (sought.home, sought.places);
        let unsigned =
            buildkit::gather(content, home, places, &image, attached, &within, discovery).await;
        found.extend(unsigned.into_iter().flat_map(|unsigned| {
            let place = format!("{} of {}", unsigned.found, image.digest);
            unsigned.statements.into_iter().map(move |said| Found {
                place: place.clone(),
                says: Some(Says::Attestation(said)),
                signers: Vec::new(),
                at: None,
                identity: None,
                refusals: vec![
                    "nobody signed it; it counts where somebody signs what it stands in".to_owned(),
                ],
            })
        }));
    }
    found
}

fn shown(place: String, examined: Examined) -> Found {
    let signed = examined.signed;
    Found {
        place,
        says: examined.says,
        at: signed.iter().filter_map(|signed| signed.at).min(),
        signers: signed.into_iter().map(|signed| signed.signer).collect(),
        identity: examined.identity,
        refusals: examined.refusals,
    }
}
