//! What an image holds, for those who ask later who has it.

use crate::evidence::Opened;
use crate::ledger::{HeldKind, Holdings};
use crate::oci::Digest;
use crate::policy::{Gathered, ScanEvidence, Verdict};

/// What was found in the images. Where they were not looked into, nothing is said, and what is known stands.
pub(super) fn of_scan(scan: &Gathered<ScanEvidence>) -> Holdings {
    let mut holdings = Holdings::default();
    let Gathered::Found(found) = scan else {
        return holdings;
    };
    let looked: Vec<_> = found
        .images
        .iter()
        .filter_map(|image| image.contents.as_ref().ok())
        .collect();
    if looked.len() < found.images.len() {
        return holdings;
    }
    holdings.say(HeldKind::Package);
    holdings.say(HeldKind::Advisory);
    for contents in looked {
        for (name, version) in &contents.names {
            holdings.add(HeldKind::Package, name, version);
        }
        for id in contents.vulnerabilities.iter().flat_map(|one| &one.ids) {
            holdings.add(HeldKind::Advisory, id, "");
        }
    }
    let opinions = found.images.iter().flat_map(|image| &image.opinions);
    let said = opinions.filter_map(|opinion| opinion.said.as_ref().ok());
    for id in said
        .flat_map(|said| &said.vulnerabilities)
        .flat_map(|one| &one.ids)
    {
        holdings.add(HeldKind::Advisory, id, "");
    }
    holdings
}

/// The same with what the verdict speaks of and what it opens.
pub(super) fn with(
    mut holdings: Holdings,
    verdict: &Verdict,
    image: &Digest,
    opened: &[Opened],
) -> Holdings {
    holdings.add_verdict(verdict);
    holdings.add_content(image);
    for content in opened {
        holdings.add_content(content.digest());
    }
    if holdings.left_out() > 0 {
        tracing::warn!(%image, left_out = holdings.left_out(), "more is in an image than the ledger keeps words of: who-pulled does not find it by these");
    }
    holdings
}
