//! Is there something to judge, and does it stay with the registry that it came from?

use crate::oci::Manifest;
use crate::policy::judge::Docket;
use crate::policy::{Code, ConfigEvidence, Gathered, Level, Subject};

pub(in crate::policy) fn judge(
    docket: &mut Docket<'_>,
    subject: &Subject,
    config: &Gathered<ConfigEvidence>,
) {
    let (policy, origin) = (docket.policy, docket.rule.origin.clone());
    if let Manifest::Index(index) = &subject.manifest
        && subject.judged_children(policy.platforms()).next().is_none()
    {
        let wanted: Vec<String> = policy.platforms().iter().map(ToString::to_string).collect();
        let offered = index
            .manifests
            .iter()
            .filter(|child| !child.is_attestation());
        let offered: Vec<String> = offered
            .filter_map(|child| child.platform.as_ref())
            .map(ToString::to_string)
            .take(12)
            .collect();
        let message = format!("the index has no image for {}", wanted.join(" or "));
        docket
            .find(Code::PlatformMissing, Level::Deny, &origin, message)
            .help = (!offered.is_empty())
            .then(|| format!("it has {}; add one to platforms", offered.join(", ")));
    }
    let Gathered::Found(found) = config else {
        return;
    };
    for image in &found.images {
        for layer in &image.foreign_layers {
            let message =
                format!("the layer {layer} sends clients to another server than the registry");
            docket.find_on(
                Code::ForeignLayer,
                Level::Deny,
                &origin,
                Some(&image.platform),
                message,
            );
        }
    }
}
