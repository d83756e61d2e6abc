//! What a target wants to hear of, and whose an image is.

use crate::oci::Repository;
use crate::policy::{Code, EventKind, Pattern, Urgency};

/// What a target wants to hear of: all of this must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// What happened.
    pub events: Vec<EventKind>,
    /// To which images; none: to all. What is no image, such as a revoked signer, is everybody's.
    pub images: Vec<Pattern>,
    /// One of these findings; none: any, or nothing found.
    pub findings: Vec<Code>,
    /// At least this urgent.
    pub least: Urgency,
    /// Of one of these teams; none: of all, and of nobody.
    pub teams: Vec<String>,
}

impl Scope {
    /// All that is usual, of all.
    pub fn usual() -> Scope {
        let kinds = EventKind::ALL.iter().map(|(kind, _)| *kind);
        Scope {
            events: kinds.filter(|kind| kind.is_usual()).collect(),
            images: Vec::new(),
            findings: Vec::new(),
            least: Urgency::Info,
            teams: Vec::new(),
        }
    }

    /// Whether this is wanted. A digest is made for a target and so always is; the end of a trouble is, where the trouble
    /// was.
    pub fn wants(
        &self,
        kind: EventKind,
        codes: &[Code],
        repository: Option<&Repository>,
        team: Option<&Team>,
    ) -> bool {
        if kind == EventKind::Digest {
            return true;
        }
        let begun = kind.ends().unwrap_or(kind);
        let image = |repository: &Repository| {
            let mut images = self.images.iter();
            images.any(|pattern| pattern.matches(repository))
        };
        let team = || team.is_some_and(|team| self.teams.contains(&team.name));
        (self.events.contains(&kind) || self.events.contains(&begun))
            && (self.images.is_empty() || repository.is_none_or(image))
            && (self.findings.is_empty() || codes.iter().any(|code| self.findings.contains(code)))
            && begun.urgency(codes) >= self.least
            && (self.teams.is_empty() || team())
    }
}

/// `[team.NAME]`: people who answer for images or clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// The table's name.
    pub name: String,
    /// Images that are theirs.
    pub images: Vec<Pattern>,
    /// Clients that are theirs, as they are known; `*` at the end stands for any end.
    pub clients: Vec<String>,
    /// How to reach them, for messages: `#payments`, `@pay-oncall`, an address.
    pub contact: Option<String>,
}

/// All teams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Teams(pub Vec<Team>);

impl Teams {
    /// Whose it is: of who asks, by anything that client is called; else of whom the image belongs to, by the most specific pattern.
    pub fn of(&self, repository: Option<&Repository>, called: &[String]) -> Option<&Team> {
        let theirs = |team: &&Team| {
            let known = |pattern: &String| match pattern.strip_suffix('*') {
                Some(start) => called.iter().any(|name| name.starts_with(start)),
                None => called.contains(pattern),
            };
            team.clients.iter().any(known)
        };
        self.0.iter().find(theirs).or_else(|| {
            let repository = repository?;
            let pairs = self.0.iter();
            let pairs = pairs.flat_map(|team| team.images.iter().map(move |image| (team, image)));
            let matching = pairs.filter(|(_, image)| image.matches(repository));
            let best = matching.max_by_key(|(_, image)| image.specificity())?;
            Some(best.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Reference;

    fn repository(name: &str) -> Repository {
        name.parse::<Reference>().unwrap().repository().clone()
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|t| Pattern::parse(t).unwrap()).collect()
    }

    fn teams() -> Teams {
        let team = |name: &str, images: &[&str], clients: &[&str]| Team {
            name: name.to_owned(),
            images: patterns(images),
            clients: clients.iter().map(|&c| c.to_owned()).collect(),
            contact: None,
        };
        Teams(vec![
            team("platform", &["docker.io/**"], &[]),
            team(
                "payments",
                &["docker.io/acme/pay-*"],
                &["pay-*", "10.1.2.3"],
            ),
        ])
    }

    #[test]
    fn a_team_is_known_by_client_then_by_image() {
        let teams = teams();
        let pay = repository("docker.io/acme/pay-api");
        let nginx = repository("nginx");
        for (image, client, wanted) in [
            (Some(&pay), None, Some("payments")),
            (Some(&nginx), None, Some("platform")),
            (Some(&nginx), Some("pay-builder"), Some("payments")),
            (Some(&nginx), Some("10.1.2.3"), Some("payments")),
            (Some(&nginx), Some("10.1.2.30"), Some("platform")),
            (None, Some("pay-builder"), Some("payments")),
            (None, None, None),
            (Some(&repository("ghcr.io/x/y")), Some("web"), None),
        ] {
            let called: Vec<String> = client.into_iter().map(str::to_owned).collect();
            let found = teams.of(image, &called).map(|team| team.name.as_str());
            assert_eq!(found, wanted, "{image:?} {client:?}");
        }
    }

    #[test]
    fn all_conditions_of_a_scope_hold_together() {
        let teams = teams();
        let pay = repository("docker.io/acme/pay-api");
        let theirs = teams.of(Some(&pay), &[]);
        let wants = |change: fn(&mut Scope), kind, codes: &[Code], image| {
            let mut scope = Scope::usual();
            change(&mut scope);
            scope.wants(kind, codes, image, theirs.filter(|_| image.is_some()))
        };
        let blocked = EventKind::Blocked;
        let bad = &[Code::Vulnerability][..];
        for (change, kind, codes, image, wanted) in [
            ((|_| {}) as fn(&mut Scope), blocked, bad, Some(&pay), true),
            (|_| {}, EventKind::Waived, bad, Some(&pay), false),
            (
                |s| s.images = patterns(&["ghcr.io/**"]),
                blocked,
                bad,
                Some(&pay),
                false,
            ),
            (
                |s| s.images = patterns(&["ghcr.io/**"]),
                EventKind::Revoked,
                &[],
                None,
                true,
            ),
            (
                |s| s.findings = vec![Code::Virus],
                blocked,
                bad,
                Some(&pay),
                false,
            ),
            (
                |s| s.findings = vec![Code::Virus],
                EventKind::UpstreamDown,
                &[],
                None,
                false,
            ),
            (
                |s| s.findings = vec![Code::Vulnerability],
                blocked,
                bad,
                Some(&pay),
                true,
            ),
            (
                |s| s.least = Urgency::Critical,
                blocked,
                bad,
                Some(&pay),
                false,
            ),
            (
                |s| s.least = Urgency::Critical,
                blocked,
                &[Code::Virus],
                Some(&pay),
                true,
            ),
            (
                |s| s.teams = vec!["payments".into()],
                blocked,
                bad,
                Some(&pay),
                true,
            ),
            (
                |s| s.teams = vec!["payments".into()],
                EventKind::UpstreamDown,
                &[],
                None,
                false,
            ),
            (
                |s| s.teams = vec!["platform".into()],
                blocked,
                bad,
                Some(&pay),
                false,
            ),
            // Whoever hears of the trouble hears of its end.
            (
                |s| s.least = Urgency::Error,
                EventKind::UpstreamBack,
                &[],
                None,
                true,
            ),
            (
                |s| s.events = vec![EventKind::UpstreamDown],
                EventKind::UpstreamBack,
                &[],
                None,
                true,
            ),
            (|s| s.events.clear(), EventKind::Digest, &[], None, true),
        ] {
            assert_eq!(
                wants(change, kind, codes, image),
                wanted,
                "{kind:?} {codes:?}"
            );
        }
    }
}
