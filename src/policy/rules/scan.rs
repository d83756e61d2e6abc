//! Is what is in the layers clean?

use std::sync::Arc;

use jiff::SignedDuration;

use super::{hygiene, opinions, vulnerabilities};
use crate::oci::Platform;
use crate::policy::judge::Docket;
use crate::policy::{
    AskedAdvisories, Code, Contents, Exoneration, Gathered, Level, ScanEvidence, ScanProfile,
    ScannedImage, Unexplained,
};

/// What helps where programs say nothing, and where a database is gone.
const SAYS_ITSELF: &str =
    "programs of Go say it by themselves, those of Rust when cargo auditable builds them";
const KEEP: &str = "whoever makes an image smaller must leave the database of its packages in it";

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, scan: &Gathered<ScanEvidence>) {
    let Some(profile) = docket.rule.scan.clone() else {
        return;
    };
    let why = match scan {
        Gathered::Found(found) => {
            let images = found.images.iter();
            return images.for_each(|image| {
                judge_image(docket, &profile, image, &found.exonerations);
            });
        }
        Gathered::Absent => "this is no container image",
        Gathered::Unavailable { why } => why,
    };
    let name = &profile.name;
    let message = format!("the scan {name:?} is required and has no result: {why}");
    docket.find(Code::ScanUnavailable, Level::Deny, &profile.origin, message);
}

fn judge_image(
    docket: &mut Docket<'_>,
    profile: &Arc<ScanProfile>,
    image: &ScannedImage,
    exonerations: &[Exoneration],
) {
    let platform = Some(&image.platform);
    let contents = match &image.contents {
        Ok(contents) => contents,
        Err(why) => {
            docket.find_on(
                Code::Unscannable,
                Level::Deny,
                &profile.origin,
                platform,
                why,
            );
            return;
        }
    };
    unknown(docket, profile, platform, contents);
    for uncovered in &contents.uncovered {
        let count = plural(uncovered.packages, "package");
        let mut message = format!("no advisories about {count} of {}", uncovered.ecosystem);
        if let Some(why) = &uncovered.why {
            message.push_str(&format!(": {why}"));
        }
        let (code, level) = (Code::DistroUnsupported, profile.unsupported);
        docket.find_on(code, level, &profile.origin, platform, message);
    }
    for asked in &contents.asked {
        docket.consult(asked);
    }
    freshness(docket, profile, contents);
    if profile.max_epss.is_some() && !contents.scored {
        let message = "the policy limits the probability of exploitation, and none is known here";
        docket
            .find(Code::DatabaseStale, Level::Deny, &profile.origin, message)
            .help = Some("fetch the scores (EPSS): lazaret db update".to_owned());
    }
    opinions::judge(docket, profile, image);
    let all = opinions::all(&contents.vulnerabilities, &image.opinions);
    vulnerabilities::judge(docket, profile, &image.platform, (&all, exonerations));
    let (care, found) = (&profile.hygiene, &contents.hygiene);
    hygiene::judge(docket, care, &profile.origin, &image.platform, found);
}

/// What nobody looked into, because nothing says what it is or nobody understood it.
fn unknown(
    docket: &mut Docket<'_>,
    profile: &ScanProfile,
    platform: Option<&Platform>,
    contents: &Contents,
) {
    let told = match &contents.unexplained {
        Unexplained::Nothing => None,
        // Packages are known, so an image is not refused for what is beside them.
        Unexplained::Beside(..) => Some((profile.unidentified.min(Level::Warn), SAYS_ITSELF)),
        Unexplained::All => Some((profile.unidentified, SAYS_ITSELF)),
        Unexplained::Of(_) => Some((profile.unidentified.max(profile.unsupported), KEEP)),
    };
    if let Some((level, help)) = told {
        let (code, message) = (Code::ContentUnidentified, contents.unexplained.to_string());
        docket
            .find_on(code, level, &profile.origin, platform, message)
            .help = Some(help.to_owned());
    }
    for unread in &contents.unread {
        let (code, message) = (Code::FileUnread, unread.to_string());
        docket.find_on(code, profile.unread, &profile.origin, platform, message);
    }
}

fn freshness(docket: &mut Docket<'_>, profile: &ScanProfile, contents: &Contents) {
    let Some(most) = profile.max_database_age else {
        return;
    };
    let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
    for AskedAdvisories {
        ecosystem, fetched, ..
    } in &contents.asked
    {
        let stale = fetched.checked_add(most).ok();
        if stale.is_some_and(|stale| stale > docket.now) {
            stale.into_iter().for_each(|stale| docket.changes_at(stale));
            continue;
        }
        let message = format!(
            "the advisories of {ecosystem} are of {}, older than the policy allows",
            fetched.strftime("%Y-%m-%d %H:%M UTC")
        );
        docket
            .find(Code::DatabaseStale, Level::Deny, &profile.origin, message)
            .help = Some(format!("fetch them anew: lazaret db update {ecosystem:?}"));
    }
}

fn plural(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}
