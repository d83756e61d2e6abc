//! What a repository's figures do to a suspicion about its name. A look-alike host, a name of ours and a name that
//! cannot exist are what they are, however often somebody pulls them.

use jiff::Timestamp;

use crate::policy::{NamePolicy, NameSuspicion, Reputation, ReputationPolicy, SuspicionTier};

/// Beginnings of rules that figures do not touch; `name-typo` is about `docker.io/library`, where strangers cannot be.
const FIXED: [&str; 5] = ["host", "internal", "impossible", "closed", "name-typo"];

/// A suspicion's tier in the light of the figures, and until when it is that for certain.
pub(super) struct Weighed {
    pub(super) tier: SuspicionTier,
    pub(super) until: Option<Timestamp>,
}

impl NamePolicy {
    /// Whether figures could change what becomes of these suspicions.
    pub fn weighs(&self, suspicions: &[NameSuspicion]) -> bool {
        self.reputation.is_some() && suspicions.iter().any(|found| !fixed(found))
    }
}

fn fixed(suspicion: &NameSuspicion) -> bool {
    FIXED.iter().any(|rule| suspicion.rule.starts_with(rule))
}

/// Weighs a suspicion. What makes it stronger goes before what makes it weaker; without figures nothing changes.
pub(super) fn weigh(
    suspicion: &NameSuspicion,
    figures: Option<&Reputation>,
    policy: Option<&ReputationPolicy>,
    now: Timestamp,
) -> Weighed {
    let tier = suspicion.tier;
    let (Some(figures), Some(policy), false) = (figures, policy, fixed(suspicion)) else {
        return Weighed { tier, until: None };
    };
    let grown = figures.registered.zip(policy.raise_younger_than);
    let grown = grown.and_then(|(since, age)| since.checked_add(age).ok());
    let young = grown.filter(|grown| now < *grown);
    let rare = policy
        .raise_below_pulls
        .is_some_and(|few| figures.pulls < few);
    let popular = policy
        .lower_above_pulls
        .is_some_and(|many| figures.pulls >= many);
    let tier = if rare || young.is_some() {
        match tier {
            SuspicionTier::Hint => SuspicionTier::Warn,
            SuspicionTier::Warn | SuspicionTier::Block => SuspicionTier::Block,
        }
    } else if popular || (policy.lower_verified && figures.verified) {
        match tier {
            SuspicionTier::Block => SuspicionTier::Warn,
            SuspicionTier::Warn | SuspicionTier::Hint => SuspicionTier::Hint,
        }
    } else {
        tier
    };
    Weighed {
        tier,
        until: young.filter(|_| !rare),
    }
}

/// The figures in words, for the message of a suspicion whose tier they changed.
pub(super) fn words(figures: &Reputation) -> String {
    let verified = if figures.verified {
        ", a publisher verified by Docker"
    } else {
        ""
    };
    let since = figures.registered.map_or_else(String::new, |since| {
        format!(" since {}", since.strftime("%Y-%m-%d"))
    });
    format!("Docker Hub counts {} pulls{since}{verified}", figures.pulls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SuspicionTier::{Block, Hint, Warn};

    fn tier(
        rule: &str,
        tier: SuspicionTier,
        pulls: u64,
        registered: &str,
        verified: bool,
    ) -> SuspicionTier {
        let suspicion = NameSuspicion {
            rule: rule.to_owned(),
            tier,
            message: String::new(),
            suggestions: Vec::new(),
        };
        let figures = Reputation {
            pulls,
            registered: registered.parse().ok(),
            verified,
        };
        let policy = ReputationPolicy {
            raise_below_pulls: Some(1_000),
            raise_younger_than: Some(std::time::Duration::from_secs(30 * 86_400)),
            lower_above_pulls: Some(1_000_000),
            lower_verified: true,
        };
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        weigh(&suspicion, Some(&figures), Some(&policy), now).tier
    }

    #[test]
    fn few_pulls_and_youth_make_it_stronger_and_fame_makes_it_weaker() {
        let old = "2020-01-01T00:00:00Z";
        for (from, pulls, registered, verified, to) in [
            (Hint, 12, old, false, Warn),
            (Warn, 12, old, false, Block),
            (Block, 12, old, false, Block),
            (Hint, 5_000, "2026-05-20T00:00:00Z", false, Warn),
            (Hint, 5_000_000, "2026-05-20T00:00:00Z", true, Warn),
            (Block, 5_000_000, old, false, Warn),
            (Warn, 5_000_000, old, false, Hint),
            (Hint, 5_000_000, old, false, Hint),
            (Warn, 5_000, old, true, Hint),
            (Warn, 5_000, old, false, Warn),
        ] {
            let weighed = tier("borrowed-name", from, pulls, registered, verified);
            assert_eq!(weighed, to, "{from:?} {pulls} {registered} {verified}");
        }
    }

    #[test]
    fn no_figure_opens_a_host_or_a_closed_name() {
        for rule in [
            "host-typo",
            "host-lookalike",
            "internal-near-miss",
            "impossible-namespace",
            "closed-library-alias",
        ] {
            assert_eq!(
                tier(rule, Block, u64::MAX, "2013-01-01T00:00:00Z", true),
                Block,
                "{rule}"
            );
        }
    }
}
