//! Is what is in the layers clean?

use crate::policy::judge::Docket;
use crate::policy::{Code, Gathered, Level, ScanEvidence};

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, scan: &Gathered<ScanEvidence>) {
    let (rule, origin) = (docket.rule, docket.rule.origin.clone());
    let Some(profile) = &rule.scan else { return };
    let why = match scan {
        Gathered::Found(found) if found.advisories.is_empty() => return,
        Gathered::Found(found) => format!("advisories match: {}", found.advisories.join(", ")),
        Gathered::Absent => "there is no scan result".to_owned(),
        Gathered::Unavailable { why } => why.clone(),
    };
    let message = format!("the scan {profile:?} is required and has no clean result: {why}");
    docket.find(Code::ScanUnavailable, Level::Deny, &origin, message);
}
