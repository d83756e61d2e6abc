//! What a verdict is about.

use crate::oci::{Digest, Manifest, Platform, Reference};

/// An image as it was asked for, at the one digest that is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// As the client asked, in full.
    pub reference: Reference,
    /// Of the top-level manifest or index.
    pub digest: Digest,
    /// The manifest with that digest.
    pub manifest: Manifest,
}

impl Subject {
    /// The children of an index that `platforms` name, and those that name no platform, for clients may choose
    /// these; attestation manifests are left out. Empty for an image.
    pub fn judged_children<'a>(
        &'a self,
        platforms: &'a [Platform],
    ) -> impl Iterator<Item = &'a crate::oci::Descriptor> + 'a {
        let children = match &self.manifest {
            Manifest::Index(index) => index.manifests.as_slice(),
            Manifest::Image(_) => &[],
        };
        children
            .iter()
            .filter(|child| !child.is_attestation())
            .filter(|child| {
                child
                    .platform
                    .as_ref()
                    .is_none_or(|has| platforms.iter().any(|wanted| has.satisfies(wanted)))
            })
    }
}
