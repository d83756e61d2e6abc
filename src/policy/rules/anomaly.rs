//! Is this what the tag led to before, and by whom its predecessor was signed?

use crate::policy::judge::Docket;
use crate::policy::{Code, Level, Predecessor};

/// Comes after the signatures: what they vouch for is on the docket.
pub(in crate::policy) fn judge(docket: &mut Docket<'_>, before: Option<&Predecessor>) {
    let Some(before) = before else {
        return;
    };
    moved(docket, before);
    signers(docket, before);
}

/// A tag that was here leads to another image.
fn moved(docket: &mut Docket<'_>, before: &Predecessor) {
    let (level, origin) = (
        docket.policy.anomaly().tag_moved,
        docket.policy.anomaly().origin.clone(),
    );
    if level == Level::Note || !before.same_tag {
        return;
    }
    let (repository, tag) = (docket.reference.repository(), docket.reference.tag());
    let moving = &docket.policy.anomaly().moving_tags;
    let meant = tag.is_some_and(|tag| moving.iter().any(|tags| tags.matches(repository, tag)));
    let level = if meant { Level::Note } else { level };
    let message = format!(
        "{} led to {} on {} and now leads to another image",
        docket.reference,
        before.digest,
        before.at.strftime("%Y-%m-%d")
    );
    let help = match before.changes.as_slice() {
        [] => "nothing is kept of the other image to compare it with".to_owned(),
        changes => format!("what changed: {}", changes.join("; ")),
    };
    docket.find(Code::TagMoved, level, &origin, message).help = Some(help);
}

/// None of those who signed the predecessor has signed this one.
fn signers(docket: &mut Docket<'_>, before: &Predecessor) {
    let (level, origin) = (
        docket.policy.anomaly().signer_changed,
        docket.policy.anomaly().origin.clone(),
    );
    let asked = docket.policy.needs(docket.reference.repository()).signature;
    let now = docket.signers();
    let still = before
        .signers
        .iter()
        .any(|name| now.contains(&name.as_str()));
    if level == Level::Note || !asked || before.signers.is_empty() || still {
        return;
    }
    let now = match now.as_slice() {
        [] => "nobody who counts".to_owned(),
        some => some.join(" and "),
    };
    let which = match before.same_tag {
        true => "the image that the tag led to before".to_owned(),
        false => format!("the one pulled before it, tagged {},", before.tag),
    };
    let message = format!(
        "{} is signed by {now}; {which} was signed by {}",
        docket.reference,
        before.signers.join(" and ")
    );
    docket
        .find(Code::SignerChanged, level, &origin, message)
        .help = Some(
        "ask the publisher whether the release is theirs, before you trust the new signature"
            .to_owned(),
    );
}
