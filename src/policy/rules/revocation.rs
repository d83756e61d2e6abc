//! Was it revoked? No waiver and no mode lets that pass.

use crate::policy::judge::Docket;
use crate::policy::{Code, Level, Revocation};

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, revoked: &[Revocation]) {
    for revocation in revoked {
        let finding = docket.find(
            Code::Revoked,
            Level::Deny,
            &revocation.origin(),
            revocation.words(),
        );
        finding.help = Some("ask them for an image that may be used instead".to_owned());
    }
}
