//! Is what is in the layers clean?

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::hygiene;
use crate::oci::Platform;
use crate::policy::judge::Docket;
use crate::policy::{
    Affected, Code, Contents, Gathered, Level, ScanEvidence, ScanProfile, ScannedImage, Severity,
    Vulnerability,
};

/// Most vulnerabilities of an image that are told one by one: an image that nobody has updated for years has thousands.
/// The others are one finding with the worst of their levels, so that none passes by its number.
const MAX_TOLD: usize = 500;
/// Most packages of one vulnerability that are named.
const MAX_NAMED: usize = 3;

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, scan: &Gathered<ScanEvidence>) {
    let Some(profile) = docket.rule.scan.clone() else {
        return;
    };
    let why = match scan {
        Gathered::Found(found) => {
            let images = found.images.iter();
            return images.for_each(|image| judge_image(docket, &profile, image));
        }
        Gathered::Absent => "this is no container image",
        Gathered::Unavailable { why } => why,
    };
    let name = &profile.name;
    let message = format!("the scan {name:?} is required and has no result: {why}");
    docket.find(Code::ScanUnavailable, Level::Deny, &profile.origin, message);
}

fn judge_image(docket: &mut Docket<'_>, profile: &Arc<ScanProfile>, image: &ScannedImage) {
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
    if contents.unidentified {
        let message =
            "it holds programs, and nothing in it says what packages they are made of".to_owned();
        let (code, level) = (Code::ContentUnidentified, profile.unidentified);
        docket
            .find_on(code, level, &profile.origin, platform, message)
            .help = Some(
            "programs of Go say it by themselves, those of Rust when cargo auditable builds them"
                .to_owned(),
        );
    }
    for uncovered in &contents.uncovered {
        let count = plural(uncovered.packages, "package");
        let mut message = format!("no advisories about {count} of {}", uncovered.ecosystem);
        if let Some(why) = &uncovered.why {
            message.push_str(&format!(": {why}"));
        }
        let (code, level) = (Code::DistroUnsupported, profile.unsupported);
        docket.find_on(code, level, &profile.origin, platform, message);
    }
    freshness(docket, profile, contents);
    vulnerabilities(docket, profile, &image.platform, &contents.vulnerabilities);
    let (care, found) = (&profile.hygiene, &contents.hygiene);
    hygiene::judge(docket, care, &profile.origin, &image.platform, found);
}

fn freshness(docket: &mut Docket<'_>, profile: &ScanProfile, contents: &Contents) {
    let Some(most) = profile.max_database_age else {
        return;
    };
    let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
    for (ecosystem, fetched) in &contents.asked {
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

/// What a vulnerability meets.
fn level(profile: &ScanProfile, found: &Vulnerability) -> Level {
    let by_severity = match found.severity {
        _ if profile.only_fixable && found.fixed.is_none() => Level::Note,
        Severity::Unknown => profile.unknown_severity,
        severity if severity > profile.max_severity && found.unsure => Level::Warn,
        severity if severity > profile.max_severity => Level::Deny,
        _ => Level::Note,
    };
    let special = [
        found.malicious.then_some(profile.malware),
        found.exploited.then_some(profile.known_exploited),
    ];
    let special = special.into_iter().flatten();
    special.fold(by_severity, Level::max)
}

fn vulnerabilities(
    docket: &mut Docket<'_>,
    profile: &ScanProfile,
    platform: &Platform,
    found: &[Vulnerability],
) {
    let mut passing: BTreeMap<(std::cmp::Reverse<Severity>, bool), usize> = BTreeMap::new();
    let mut told = 0;
    let mut untold = (0, Level::Note);
    let mut levels: Vec<(Level, &Vulnerability)> =
        found.iter().map(|one| (level(profile, one), one)).collect();
    // Stable: within a level the evidence's order, worst first.
    levels.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    for (level, one) in levels {
        if level == Level::Note {
            let kind = (std::cmp::Reverse(one.severity), one.fixed.is_some());
            *passing.entry(kind).or_default() += 1;
        } else if told == MAX_TOLD {
            untold = (untold.0 + 1, untold.1.max(level));
        } else {
            told += 1;
            tell(docket, profile, platform, level, one);
        }
    }
    let mut sum = |level, message: String| {
        docket.find_on(
            Code::Vulnerability,
            level,
            &profile.origin,
            Some(platform),
            message,
        );
    };
    if untold.0 > 0 {
        sum(untold.1, format!("and {} vulnerabilities more", untold.0));
    }
    if !passing.is_empty() {
        let kinds = passing.iter().map(|((severity, fixable), count)| {
            let fix = if *fixable { "" } else { " without a fix" };
            format!("{count} {}{fix}", severity.0)
        });
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        sum(Level::Note, format!("vulnerabilities that pass: {kinds}"));
    }
}

fn tell(
    docket: &mut Docket<'_>,
    profile: &ScanProfile,
    platform: &Platform,
    level: Level,
    one: &Vulnerability,
) {
    let (message, help) = words(one);
    let code = if one.malicious {
        Code::MaliciousPackage
    } else {
        Code::Vulnerability
    };
    let finding = docket.find_on(code, level, &profile.origin, Some(platform), message);
    finding.help = help;
    finding.affected = Some(Affected {
        ids: one.ids.clone(),
        packages: one.packages.iter().map(|(name, _)| name.clone()).collect(),
        path: one.path.clone(),
    });
}

fn words(one: &Vulnerability) -> (String, Option<String>) {
    let id = one.ids.first().map_or("", String::as_str);
    let cve = one.ids.iter().skip(1).find(|id| id.starts_with("CVE-"));
    let id = match cve {
        Some(cve) if !id.starts_with("CVE-") => format!("{cve} ({id})"),
        _ => id.to_owned(),
    };
    let named = one.packages.iter().take(MAX_NAMED);
    let mut packages: Vec<String> = named
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    if let Some(more) = one.packages.len().checked_sub(MAX_NAMED).filter(|n| *n > 0) {
        packages.push(format!("{more} more"));
    }
    let kind = match (one.malicious, one.exploited) {
        (true, _) => "made to do harm".to_owned(),
        (false, true) => format!("{}, exploited in the wild", one.severity),
        (false, false) => one.severity.to_string(),
    };
    let unsure = if one.unsure { ", perhaps" } else { "" };
    let message = format!(
        "{id}, {kind}, in {} of {}{unsure}",
        packages.join(", "),
        one.path
    );
    let help = one.fixed.as_ref().map(|fixed| format!("fixed in {fixed}"));
    (message, help)
}

fn plural(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}
