//! What a replay of recorded pulls came to: as text, as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::oci::{Digest, Reference};
use crate::policy::{Finding, Paint, Verdict};

/// Most clients that are named behind an image.
const MAX_NAMED: usize = 3;
/// Most findings that are told of an image: whoever reads on has JSON.
const MAX_FINDINGS: usize = 5;

/// What the policy that is tried would answer.
pub(super) enum Answered {
    /// This.
    Judged(Verdict),
    /// Nobody can say by what is kept, and why.
    Unknown(Vec<String>),
}

/// An image under the name by which it was asked for.
pub(super) struct Image {
    pub(super) reference: Reference,
    pub(super) digest: Option<Digest>,
    /// What was answered before.
    pub(super) served: bool,
    pub(super) would: Answered,
    /// Who asked how often.
    pub(super) clients: BTreeMap<String, u64>,
    /// Whose requests these were, as far as they are a team's.
    pub(super) teams: BTreeMap<String, u64>,
}

/// What would be new for a team: so many images, and requests of its own for them.
#[derive(Clone, Copy, Default, Serialize)]
struct New {
    images: u64,
    requests: u64,
}

/// What would become of a team's pulls.
#[derive(Default, Serialize)]
struct OfTeam {
    newly_denied: New,
    newly_allowed: New,
    /// In all.
    requests: u64,
}

impl Image {
    fn requests(&self) -> u64 {
        self.clients.values().sum()
    }

    /// Whether it would be served; none where nobody can say.
    fn serves(&self) -> Option<bool> {
        match &self.would {
            Answered::Judged(verdict) => Some(verdict.allows()),
            Answered::Unknown(_) => None,
        }
    }

    fn stopping(&self) -> impl Iterator<Item = &Finding> {
        let findings = match &self.would {
            Answered::Judged(verdict) => verdict.findings.as_slice(),
            Answered::Unknown(_) => &[],
        };
        findings.iter().filter(|finding| finding.denies())
    }

    fn name(&self) -> String {
        match self.digest {
            Some(digest) if self.reference.digest().is_none() => {
                format!("{}@{digest}", self.reference)
            }
            _ => self.reference.to_string(),
        }
    }
}

/// The whole.
pub(super) struct Report {
    /// The policy that is tried.
    pub(super) policy: String,
    /// Whether it would block nothing as it stands.
    pub(super) audit: bool,
    pub(super) since: Timestamp,
    /// Whether more was recorded than is tried.
    pub(super) cut: bool,
    pub(super) images: Vec<Image>,
}

impl Report {
    fn of(&self, served: bool, would: Option<bool>) -> impl Iterator<Item = &Image> {
        let all = self.images.iter();
        all.filter(move |image| image.served == served && image.serves() == would)
    }

    pub(super) fn newly_denied(&self) -> impl Iterator<Item = &Image> {
        self.of(true, Some(false))
    }

    pub(super) fn newly_allowed(&self) -> impl Iterator<Item = &Image> {
        self.of(false, Some(true))
    }

    fn unknown(&self) -> impl Iterator<Item = &Image> {
        self.of(true, None).chain(self.of(false, None))
    }

    /// Clients with newly denied requests: how many of how many.
    fn struck(&self) -> BTreeMap<&str, (u64, u64)> {
        let mut struck: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for image in &self.images {
            let denied = image.served && image.serves() == Some(false);
            for (client, requests) in &image.clients {
                let (some, all) = struck.entry(client).or_default();
                *some += if denied { *requests } else { 0 };
                *all += requests;
            }
        }
        struck.retain(|_, (some, _)| *some > 0);
        struck
    }

    /// Teams for which something would be new.
    fn by_team(&self) -> BTreeMap<&str, OfTeam> {
        let mut teams: BTreeMap<&str, OfTeam> = BTreeMap::new();
        for image in &self.images {
            for (team, requests) in &image.teams {
                let team = teams.entry(team).or_default();
                team.requests += requests;
                let new = match (image.served, image.serves()) {
                    (true, Some(false)) => &mut team.newly_denied,
                    (false, Some(true)) => &mut team.newly_allowed,
                    _ => continue,
                };
                new.images += 1;
                new.requests += requests;
            }
        }
        teams.retain(|_, team| team.newly_denied.images + team.newly_allowed.images > 0);
        teams
    }

    /// For people.
    pub(super) fn text(&self, colour: bool) -> String {
        let paint = if colour { Paint::Ansi } else { Paint::Plain };
        let since = self.since.strftime("%Y-%m-%d %H:%M UTC");
        let all = sum(self.images.iter());
        let mut text = format!("{} on what was pulled since {since}: {all}\n", self.policy);
        if self.audit {
            text.push_str("(the policy is in audit mode; it is tried as if it enforced)\n");
        }
        if self.cut {
            text.push_str("(more was recorded than is tried; choose a shorter time)\n");
        }
        let denied = |words: &str| paint.red(words);
        section(&mut text, &denied("newly denied"), self.newly_denied());
        section(
            &mut text,
            &paint.green("newly allowed"),
            self.newly_allowed(),
        );
        let unknown = paint.yellow("not to be judged by what is kept");
        section(&mut text, &unknown, self.unknown());
        let (allowed, denied) = (self.of(true, Some(true)), self.of(false, Some(false)));
        let _ = write!(
            text,
            "\nunchanged: {} allowed, {} denied\n",
            allowed.count(),
            denied.count()
        );
        let struck = self.struck();
        if !struck.is_empty() {
            text.push_str("\nwho would be struck\n");
        }
        for (client, (some, all)) in struck {
            let _ = writeln!(text, "  {client}: {some} of {}", plural(all, "request"));
        }
        teams(&mut text, &self.by_team());
        text.trim_end().to_owned()
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let image = |image: &Image| {
            json!({
                "reference": image.reference.to_string(),
                "digest": image.digest,
                "requests": image.requests(),
                "clients": image.clients,
                "served": image.served,
                "would_serve": image.serves(),
                "findings": image.stopping().collect::<Vec<_>>(),
                "unknown": match &image.would {
                    Answered::Unknown(why) => why.as_slice(),
                    Answered::Judged(_) => &[],
                },
            })
        };
        let struck = self.struck().into_iter().map(|(client, (some, all))| {
            json!({ "client": client, "newly_denied": some, "requests": all })
        });
        json!({
            "policy": self.policy,
            "audit": self.audit,
            "since": self.since.to_string(),
            "cut": self.cut,
            "images": self.images.len(),
            "newly_denied": self.newly_denied().map(image).collect::<Vec<_>>(),
            "newly_allowed": self.newly_allowed().map(image).collect::<Vec<_>>(),
            "unknown": self.unknown().map(image).collect::<Vec<_>>(),
            "struck": struck.collect::<Vec<_>>(),
            "teams": self.by_team(),
        })
        .to_string()
    }
}

/// By team: `payments: 1 image newly denied, 12 of 40 requests`.
fn teams(text: &mut String, teams: &BTreeMap<&str, OfTeam>) {
    if !teams.is_empty() {
        text.push_str("\nby team\n");
    }
    for (name, team) in teams {
        let all = plural(team.requests, "request");
        for (what, new) in [
            ("denied", team.newly_denied),
            ("allowed", team.newly_allowed),
        ] {
            if new.images > 0 {
                let images = plural(new.images, "image");
                let _ = writeln!(
                    text,
                    "  {name}: {images} newly {what}, {} of {all}",
                    new.requests
                );
            }
        }
    }
}

fn section<'a>(text: &mut String, title: &str, images: impl Iterator<Item = &'a Image>) {
    let mut images: Vec<&Image> = images.collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.requests()));
    if images.is_empty() {
        let _ = write!(text, "\n{title}: none\n");
        return;
    }
    let _ = write!(text, "\n{title}: {}\n", sum(images.iter().copied()));
    for image in images {
        let _ = writeln!(
            text,
            "  {}\n    {} by {}",
            image.name(),
            plural(image.requests(), "request"),
            named(image)
        );
        let stopping: Vec<&Finding> = image.stopping().collect();
        for finding in stopping.iter().take(MAX_FINDINGS) {
            let _ = writeln!(text, "    {}\n      {}", finding.sentence(), finding.origin);
        }
        if let Some(more) = stopping.len().checked_sub(MAX_FINDINGS).filter(|n| *n > 0) {
            let _ = writeln!(text, "    and {}", plural(more as u64, "finding more"));
        }
        if let Answered::Unknown(why) = &image.would {
            why.iter().for_each(|why| {
                let _ = writeln!(text, "    {why}");
            });
        }
    }
}

/// Those who asked most, and how many others.
fn named(image: &Image) -> String {
    let mut clients: Vec<(&String, &u64)> = image.clients.iter().collect();
    clients.sort_by_key(|(_, requests)| std::cmp::Reverse(**requests));
    let first = clients
        .iter()
        .take(MAX_NAMED)
        .map(|(name, _)| name.as_str());
    let first = first.collect::<Vec<_>>().join(", ");
    match clients.len().checked_sub(MAX_NAMED).filter(|n| *n > 0) {
        Some(more) => format!("{first} and {more} more"),
        None => first,
    }
}

/// So many images, requests and clients.
fn sum<'a>(images: impl Iterator<Item = &'a Image>) -> String {
    let (mut count, mut requests) = (0, 0);
    let mut clients = std::collections::BTreeSet::new();
    for image in images {
        count += 1;
        requests += image.requests();
        clients.extend(image.clients.keys());
    }
    format!(
        "{}, {} by {}",
        plural(count, "image"),
        plural(requests, "request"),
        plural(clients.len() as u64, "client")
    )
}

fn plural(count: u64, word: &str) -> String {
    let (first, rest) = word.split_once(' ').unwrap_or((word, ""));
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {first}{end} {rest}").trim_end().to_owned()
}
