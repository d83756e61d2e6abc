//! What other scanners say, beside what was found here: the worst of all counts.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::SignedDuration;

use crate::oci::Platform;
use crate::policy::judge::Docket;
use crate::policy::{Code, Level, Opinion, Said, ScanProfile, ScannedImage, Vulnerability};

/// Whom the profile asks and who said nothing, who is against the image, and whose data is old.
pub(super) fn judge(docket: &mut Docket<'_>, profile: &ScanProfile, image: &ScannedImage) {
    let platform = Some(&image.platform);
    let asked = profile.asked().map(|(name, level)| {
        let said = image.opinions.iter().find(|one| &one.scanner == name);
        (name, level, said)
    });
    for (name, level, opinion) in asked {
        let why = match opinion {
            Some(Opinion { said: Ok(_), .. }) => continue,
            Some(Opinion { said: Err(why), .. }) => why.as_str(),
            None => "it was not asked",
        };
        silent(docket, profile, platform, (name, level, why));
    }
    for opinion in &image.opinions {
        match &opinion.said {
            Ok(said) => judge_said(docket, profile, platform, &opinion.scanner, said),
            Err(why) if profile.asked().all(|(name, _)| name != &opinion.scanner) => {
                silent(
                    docket,
                    profile,
                    platform,
                    (&opinion.scanner, Level::Deny, why),
                );
            }
            Err(_) => {}
        }
    }
}

fn silent(
    docket: &mut Docket<'_>,
    profile: &ScanProfile,
    platform: Option<&Platform>,
    (name, level, why): (&str, Level, &str),
) {
    let message = match level {
        Level::Deny => format!("the scanner {name:?} is required and says nothing: {why}"),
        _ => format!("the scanner {name:?} says nothing: {why}"),
    };
    docket.find_on(
        Code::ScanUnavailable,
        level,
        &profile.origin,
        platform,
        message,
    );
}

fn judge_said(
    docket: &mut Docket<'_>,
    profile: &ScanProfile,
    platform: Option<&Platform>,
    name: &str,
    said: &Said,
) {
    said.until
        .into_iter()
        .for_each(|until| docket.changes_at(until));
    if let Some(why) = &said.refuses {
        let level = profile.level_of(name);
        let message = format!("the scanner {name:?} is against it: {why}");
        docket.find_on(
            Code::ScannerRefuses,
            level,
            &profile.origin,
            platform,
            message,
        );
    }
    let (Some(most), Some(data)) = (profile.max_database_age, said.data) else {
        return;
    };
    let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
    match data.checked_add(most) {
        Ok(stale) if stale > docket.now => docket.changes_at(stale),
        _ => {
            let day = data.strftime("%Y-%m-%d %H:%M UTC");
            let message = format!(
                "the data of the scanner {name:?} is of {day}, older than the policy allows"
            );
            let level = profile.level_of(name);
            docket.find_on(
                Code::DatabaseStale,
                level,
                &profile.origin,
                platform,
                message,
            );
        }
    }
}

impl ScanProfile {
    /// Who is asked, and what it means that he says nothing.
    fn asked(&self) -> impl Iterator<Item = (&String, Level)> {
        let required = self.scanners.iter().map(|name| (name, Level::Deny));
        required.chain(self.consulted.iter().map(|name| (name, Level::Warn)))
    }

    /// What the word of a scanner weighs that is no vulnerability.
    fn level_of(&self, name: &str) -> Level {
        let asked = self.asked().find(|(asked, _)| *asked == name);
        asked.map_or(Level::Deny, |(_, level)| level)
    }
}

/// What was found here, and what others found: a vulnerability that both know is one, with the stricter word of both.
pub(super) fn all<'a>(own: &'a [Vulnerability], opinions: &[Opinion]) -> Cow<'a, [Vulnerability]> {
    if opinions.is_empty() {
        return Cow::Borrowed(own);
    }
    let mut all = own.to_vec();
    // Where each package is that a vulnerability is known in: lists of thousands are compared.
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for (at, one) in all.iter().enumerate() {
        places.extend(keys(one).map(|key| (key, at)));
    }
    for opinion in opinions {
        let said = opinion.said.iter().flat_map(|said| &said.vulnerabilities);
        for theirs in said {
            let known = keys(theirs).find_map(|key| places.get(&key).copied());
            match known.and_then(|at| all.get_mut(at)) {
                Some(known) => merge(known, theirs, &opinion.scanner),
                None => {
                    places.extend(keys(theirs).map(|key| (key, all.len())));
                    all.push(Vulnerability {
                        by: vec![opinion.scanner.clone()],
                        ..theirs.clone()
                    });
                }
            }
        }
    }
    Cow::Owned(all)
}

/// Two vulnerabilities are one where a name and a package of theirs are the same.
fn keys(one: &Vulnerability) -> impl Iterator<Item = (String, String)> + '_ {
    one.ids.iter().flat_map(|id| {
        let packages = one.packages.iter();
        packages.map(|(name, _)| (id.clone(), name.clone()))
    })
}

fn merge(known: &mut Vulnerability, theirs: &Vulnerability, by: &str) {
    if theirs.severity > known.severity {
        known.severity = theirs.severity;
        known.by.push(by.to_owned());
    }
    if known.fixed.is_none() && theirs.fixed.is_some() {
        known.fixed.clone_from(&theirs.fixed);
        known.published = known.published.or(theirs.published);
    }
    known.malicious |= theirs.malicious;
    known.exploited |= theirs.exploited;
    known.epss = known.epss.max(theirs.epss);
    // Somebody could compare the version.
    known.unsure &= theirs.unsure;
    for id in &theirs.ids {
        if !known.ids.contains(id) {
            known.ids.push(id.clone());
        }
    }
}
