//! Is nothing new to be let in?

use crate::policy::judge::Docket;
use crate::policy::{Code, Level, Mode};

pub(in crate::policy) fn judge(docket: &mut Docket<'_>) {
    if docket.policy.mode() != Mode::Lockdown || docket.admitted.is_some() {
        return;
    }
    let origin = docket.rule.origin.clone();
    let message = "the policy is in lockdown: only images that were admitted before are served";
    docket
        .find(Code::Lockdown, Level::Deny, &origin, message)
        .help = Some(
        "whoever keeps the policy ends it; a waiver for lockdown lets one image pass".to_owned(),
    );
}
