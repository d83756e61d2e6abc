//! What a vulnerability meets, and what a person reads of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::oci::Platform;
use crate::policy::judge::Docket;
use crate::policy::opinion::cleared;
use crate::policy::{
    Affected, Code, Exoneration, Finding, Level, Respite, RespiteOf, ScanProfile, Severity,
    Vulnerability,
};

/// Most vulnerabilities that are told one by one; the others are one finding with the worst of their levels, so that
/// none passes by its number.
const MAX_TOLD: usize = 500;
/// A probability of exploitation that is worth a word, in ten-thousandths: a tenth.
const LIKELY: u16 = 1_000;
/// Most packages of one vulnerability that are named.
const MAX_NAMED: usize = 3;

/// What a vulnerability meets by how bad it is.
fn by_severity(profile: &ScanProfile, found: &Vulnerability) -> Level {
    let (score, most) = (found.epss, profile.max_epss);
    let likely = score.zip(most).is_some_and(|(score, most)| score > most);
    match found.severity {
        // Whether there is a fix cannot be said either.
        severity if (likely || severity > profile.max_severity) && found.unsure => Level::Warn,
        _ if profile.only_fixable && found.fixed.is_none() => Level::Note,
        severity if likely || severity > profile.max_severity => Level::Deny,
        Severity::Unknown => profile.unknown_severity,
        _ => Level::Note,
    }
}

/// What it meets whatever its severity.
fn by_kind(profile: &ScanProfile, found: &Vulnerability) -> Level {
    let malicious = found.malicious.then_some(profile.malware);
    let exploited = found.exploited.then_some(profile.known_exploited);
    let kinds = malicious.into_iter().chain(exploited);
    kinds.fold(Level::Note, Level::max)
}

/// Until when a vulnerability is only warned of that is bad enough to deny: its fix is too young, or the image was
/// admitted before and this is new.
fn respite(docket: &Docket<'_>, profile: &ScanProfile, found: &Vulnerability) -> Option<Respite> {
    let fix = profile.fix_grace.filter(|_| found.fixed.is_some());
    let fix = fix
        .zip(found.published)
        .map(|(grace, since)| (RespiteOf::YoungFix, since, grace));
    let admitted = docket
        .admitted
        .map(|admitted| admitted.failing_since.unwrap_or(docket.now));
    let admitted = admitted
        .zip(profile.admitted_grace)
        .map(|(since, grace)| (RespiteOf::Admitted, since, grace));
    if profile.only_tell_new && docket.admitted.is_some() {
        return Some(Respite {
            of: RespiteOf::Told,
            until: Timestamp::MAX,
        });
    }
    let respites = [fix, admitted]
        .into_iter()
        .flatten()
        .filter_map(|(of, since, grace)| {
            let until = since
                .checked_add(SignedDuration::try_from(grace).ok()?)
                .ok()?;
            (until > docket.now).then_some(Respite { of, until })
        });
    respites.max_by_key(|respite| respite.until)
}

/// The level, and until when that is a respite.
fn level(
    docket: &Docket<'_>,
    profile: &ScanProfile,
    found: &Vulnerability,
) -> (Level, Option<Respite>) {
    let (severity, kind) = (by_severity(profile, found), by_kind(profile, found));
    match (severity, kind) {
        (Level::Deny, Level::Note | Level::Warn) => match respite(docket, profile, found) {
            Some(respite) => (Level::Warn, Some(respite)),
            None => (Level::Deny, None),
        },
        _ => (severity.max(kind), None),
    }
}

pub(super) fn judge(
    docket: &mut Docket<'_>,
    profile: &ScanProfile,
    platform: &Platform,
    (found, statements): (&[Vulnerability], &[Exoneration]),
) {
    let mut passing: BTreeMap<(std::cmp::Reverse<Severity>, bool), usize> = BTreeMap::new();
    let mut told = 0;
    let mut untold = (0, Level::Note);
    let (mut levels, mut harmless) = (Vec::new(), Vec::new());
    for one in found {
        match cleared(one, statements) {
            Some(statement) => harmless.push((one, statement)),
            None => levels.push((level(docket, profile, one), one)),
        }
    }
    // Stable: within a level the evidence's order, worst first.
    levels.sort_by_key(|((level, _), _)| std::cmp::Reverse(*level));
    for ((level, respite), one) in levels {
        if let Some(respite) = respite.filter(|respite| respite.of != RespiteOf::Told) {
            docket.changes_at(respite.until);
        }
        if level == Level::Note {
            let kind = (std::cmp::Reverse(one.severity), one.fixed.is_some());
            *passing.entry(kind).or_default() += 1;
        } else if told == MAX_TOLD {
            untold = (untold.0 + 1, untold.1.max(level));
        } else {
            told += 1;
            tell(docket, profile, platform, (level, respite), one);
        }
    }
    for (one, statement) in harmless.iter().take(MAX_TOLD) {
        tell(docket, profile, platform, (Level::Note, None), one).help = Some(format!(
            "{} says that it does no harm here: {}",
            statement.by, statement.why
        ));
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
    if let Some(more) = harmless
        .len()
        .checked_sub(MAX_TOLD)
        .filter(|more| *more > 0)
    {
        sum(Level::Note, format!("and {more} more that do no harm here"));
    }
    if untold.0 > 0 {
        sum(untold.1, format!("and {} vulnerabilities more", untold.0));
    }
    if !passing.is_empty() {
        let kinds = passing.iter().map(|((severity, fixable), count)| {
            let fix = if *fixable { "" } else { " without a fix" };
            format!("{count} {}{fix}", severity.0)
        });
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        sum(
            profile.passing,
            format!("vulnerabilities that pass: {kinds}"),
        );
    }
}

fn tell<'a>(
    docket: &'a mut Docket<'_>,
    profile: &ScanProfile,
    platform: &Platform,
    (level, respite): (Level, Option<Respite>),
    one: &Vulnerability,
) -> &'a mut Finding {
    let (message, help) = words(one, respite);
    let code = if one.malicious {
        Code::MaliciousPackage
    } else {
        Code::Vulnerability
    };
    let finding = docket.find_on(code, level, &profile.origin, Some(platform), message);
    finding.help = help;
    finding.respite = respite;
    finding.affected = Some(Affected {
        ids: one.ids.clone(),
        packages: one.packages.iter().map(|(name, _)| name.clone()).collect(),
        path: one.path.clone(),
    });
    finding
}

fn words(one: &Vulnerability, respite: Option<Respite>) -> (String, Option<String>) {
    let id = one.ids.first().map_or("", String::as_str);
    let cve = one.ids.iter().skip(1).find(|id| id.starts_with("CVE-"));
    let id = match cve {
        Some(cve) if !id.starts_with("CVE-") => format!("{cve} ({id})"),
        _ => id.to_owned(),
    };
    let named = one.packages.iter().take(MAX_NAMED);
    let mut packages: Vec<String> = named
        .map(|(name, version)| format!("{name} {version}").trim_end().to_owned())
        .collect();
    if let Some(more) = one.packages.len().checked_sub(MAX_NAMED).filter(|n| *n > 0) {
        packages.push(format!("{more} more"));
    }
    let kind = match (one.malicious, one.exploited) {
        (true, _) => "made to do harm".to_owned(),
        (false, true) => format!("{}, exploited in the wild", one.severity),
        (false, false) => one.severity.to_string(),
    };
    let likely = one.epss.filter(|score| *score >= LIKELY);
    let likely = likely.map(|score| {
        let percent = (score + 50) / 100;
        format!(", with a {percent} % chance of being exploited within 30 days")
    });
    let kind = kind + likely.as_deref().unwrap_or_default();
    let place = match one.path.as_str() {
        "" => String::new(),
        path => format!(" of {path}"),
    };
    let unsure = if one.unsure { ", perhaps" } else { "" };
    let by = match one.by.as_slice() {
        [] => String::new(),
        by => format!(", says {}", by.join(" and ")),
    };
    let message = format!(
        "{id}, {kind}, in {}{place}{unsure}{by}",
        packages.join(", ")
    );
    let fixed = one.fixed.as_ref().map(|fixed| format!("fixed in {fixed}"));
    let respite = respite.map(|respite| {
        let day = respite.until.strftime("%Y-%m-%d %H:%M UTC");
        match respite.of {
            RespiteOf::YoungFix => format!("that fix is young: denied from {day}"),
            RespiteOf::Admitted => format!("this image was admitted before: denied from {day}"),
            RespiteOf::Told => {
                "this image was admitted before: it is told, and not denied".to_owned()
            }
        }
    });
    let help: Vec<String> = fixed.into_iter().chain(respite).collect();
    (message, (!help.is_empty()).then(|| help.join("; ")))
}
