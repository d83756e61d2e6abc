//! Has the tag gone back to an image that was signed before the one that it led to?

use crate::policy::judge::Docket;
use crate::policy::{Code, Level, SignedTag};

/// Comes after the signatures: what they vouch for is on the docket.
pub(in crate::policy) fn judge(docket: &mut Docket<'_>, newest: Option<&SignedTag>) {
    let (level, origin) = (docket.rule.tag_rollback, docket.rule.origin.clone());
    let (Some(newest), Some(at)) = (newest, docket.signed_at()) else {
        return;
    };
    if level == Level::Note || newest.at <= at {
        return;
    }
    let (tag, day) = (docket.reference, |at: jiff::Timestamp| {
        at.strftime("%Y-%m-%d %H:%M")
    });
    let message = format!(
        "{tag} led to {}, signed {}, and now leads to an image that was signed earlier, {}",
        newest.digest,
        day(newest.at),
        day(at)
    );
    docket.find(Code::TagRollback, level, &origin, message).help = Some(
        "its publisher took a release back, or somebody offers you old flaws; a waiver lets it pass".to_owned(),
    );
}
