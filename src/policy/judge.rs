//! The judge: pure and total.

use jiff::Timestamp;

use crate::oci::{Digest, Platform, Reference};

use super::model::{Policy, Rule};
use super::rules;
use super::verdict::{signed_at, signers};
use super::{
    Admitted, AskedAdvisories, Code, Evidence, Finding, Gathered, Level, NameEvidence, Origin,
    Subject, Verdict, Vouched, Waived, Waiver,
};

/// What the rules write their findings to.
pub(super) struct Docket<'a> {
    pub(super) policy: &'a Policy,
    pub(super) rule: &'a Rule,
    pub(super) reference: &'a Reference,
    /// What is judged; none where the name alone is.
    digest: Option<Digest>,
    pub(super) now: Timestamp,
    /// Whether the image was admitted before, where that matters.
    pub(super) admitted: Option<Admitted>,
    findings: Vec<Finding>,
    valid_until: Option<Timestamp>,
    vouched: Vec<Vouched>,
    advisories: Vec<AskedAdvisories>,
}

impl Docket<'_> {
    /// Writes a finding; the same finding for another platform is written once, for all.
    pub(super) fn find(
        &mut self,
        code: Code,
        level: Level,
        origin: &Origin,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.find_on(code, level, origin, None, message)
    }

    pub(super) fn find_on(
        &mut self,
        code: Code,
        level: Level,
        origin: &Origin,
        platform: Option<&Platform>,
        message: impl Into<String>,
    ) -> &mut Finding {
        let message = message.into();
        let same = |f: &Finding| f.code == code && f.message == message && f.level == level;
        let at = self.findings.iter().position(same).unwrap_or_else(|| {
            let (origin, platform) = (origin.clone(), platform.cloned());
            self.findings.push(Finding {
                code,
                level,
                message,
                help: None,
                origin,
                platform: platform.clone(),
                affected: None,
                respite: None,
                waived: None,
            });
            self.findings.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the position was found or made on the line before"
        )]
        let finding = &mut self.findings[at];
        if finding.platform.as_ref() != platform {
            finding.platform = None;
        }
        finding
    }

    /// Whether something stops the pull already, waivers aside.
    pub(super) fn denied(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.level == Level::Deny)
    }

    /// Says that the verdict may change at `time` by itself.
    pub(super) fn changes_at(&mut self, time: Timestamp) {
        self.valid_until = Some(self.valid_until.map_or(time, |earlier| earlier.min(time)));
    }

    /// Writes down who met a demand.
    pub(super) fn vouch(&mut self, vouched: Vouched) {
        self.vouched.push(vouched);
    }

    /// Whose signatures count, sorted.
    pub(super) fn signers(&self) -> Vec<&str> {
        signers(&self.vouched)
    }

    /// Writes down which advisories were asked; those of several images are the same.
    pub(super) fn consult(&mut self, asked: &AskedAdvisories) {
        if !self.advisories.contains(asked) {
            self.advisories.push(asked.clone());
        }
    }

    /// When the newest signature was made that counts, by the word of a log or a timestamp authority.
    pub(super) fn signed_at(&self) -> Option<Timestamp> {
        signed_at(&self.vouched)
    }

    /// Marks what waivers excuse and closes the case.
    fn close(mut self) -> Verdict {
        let here = |waiver: &&Waiver| {
            let mut images = waiver.images.iter();
            images.any(|pattern| pattern.matches(self.reference.repository()))
        };
        let waivers = self.policy.waivers().iter().filter(here);
        let (ended, current): (Vec<_>, Vec<_>) = waivers.partition(|one| one.until <= self.now);
        for waiver in current {
            let mut used = false;
            for finding in self
                .findings
                .iter_mut()
                .filter(|f| waiver.covers(f, self.digest.as_ref()) && f.waived.is_none())
            {
                used = true;
                finding.waived = Some(Waived {
                    id: waiver.id(),
                    origin: waiver.origin.clone(),
                    reason: waiver.reason.clone(),
                    owner: waiver.owner.clone(),
                    ticket: waiver.ticket.clone(),
                    until: waiver.until,
                });
            }
            if used {
                self.changes_at(waiver.until);
            }
        }
        for waiver in ended {
            let digest = self.digest.as_ref();
            let refused = self.findings.iter_mut().filter(|f| f.denies());
            for finding in refused.filter(|f| waiver.covers(f, digest)) {
                let known = finding.help.take().map(|help| format!("{help}; "));
                finding.help = Some(format!("{}{}", known.unwrap_or_default(), waiver.epitaph()));
            }
        }
        self.findings.sort_by_key(|finding| {
            (
                std::cmp::Reverse(finding.denies()),
                std::cmp::Reverse(finding.level),
            )
        });
        Verdict {
            findings: self.findings,
            rule: self.rule.origin.clone(),
            valid_until: self.valid_until,
            vouched: self.vouched,
            advisories: self.advisories,
        }
    }
}

impl Policy {
    fn docket<'a>(&'a self, reference: &'a Reference, now: Timestamp) -> Docket<'a> {
        let rule = self.rule_for(reference.repository());
        Docket {
            policy: self,
            rule,
            reference,
            digest: None,
            now,
            admitted: None,
            findings: Vec::new(),
            valid_until: None,
            vouched: Vec::new(),
            advisories: Vec::new(),
        }
    }

    /// Judges a name before anything is fetched for it.
    pub fn judge_name(
        &self,
        reference: &Reference,
        name: &Gathered<NameEvidence>,
        now: Timestamp,
    ) -> Verdict {
        let mut docket = self.docket(reference, now);
        rules::name::judge(&mut docket, name);
        docket.close()
    }

    /// Judges an image by all the evidence about it.
    pub fn judge(&self, subject: &Subject, evidence: &Evidence, now: Timestamp) -> Verdict {
        let Evidence {
            revoked,
            newest_signed,
            predecessor,
            admitted,
            name,
            config,
            signature,
            attestation,
            scan,
        } = evidence;
        let mut docket = self.docket(&subject.reference, now);
        docket.admitted = *admitted;
        docket.digest = Some(subject.digest);
        rules::name::judge(&mut docket, name);
        rules::lockdown::judge(&mut docket);
        rules::revocation::judge(&mut docket, revoked);
        rules::structure::judge(&mut docket, subject, config);
        rules::signature::judge(&mut docket, signature);
        rules::rollback::judge(&mut docket, newest_signed.as_ref());
        rules::anomaly::judge(&mut docket, predecessor.as_ref());
        rules::attestation::judge(&mut docket, subject, attestation);
        rules::scan::judge(&mut docket, scan);
        rules::config::judge(&mut docket, config);
        rules::age::judge(&mut docket, config);
        docket.close()
    }

    /// Judges by what can be known of an image without asking anybody: signatures and attestations are passed over. To
    /// find out what is worth judging in full, and for nothing else.
    pub fn judge_kept(&self, subject: &Subject, evidence: &Evidence, now: Timestamp) -> Verdict {
        let mut docket = self.docket(&subject.reference, now);
        docket.admitted = evidence.admitted;
        docket.digest = Some(subject.digest);
        rules::name::judge(&mut docket, &evidence.name);
        rules::revocation::judge(&mut docket, &evidence.revoked);
        rules::structure::judge(&mut docket, subject, &evidence.config);
        rules::scan::judge(&mut docket, &evidence.scan);
        rules::config::judge(&mut docket, &evidence.config);
        rules::age::judge(&mut docket, &evidence.config);
        docket.close()
    }

    /// The verdict on what could not even be fetched or read.
    pub fn unjudged(&self, reference: &Reference, why: String) -> Verdict {
        let rule = self.rule_for(reference.repository());
        let finding = Finding {
            code: Code::ManifestUnavailable,
            level: Level::Deny,
            message: why,
            help: None,
            origin: rule.origin.clone(),
            platform: None,
            affected: None,
            respite: None,
            waived: None,
        };
        Verdict {
            findings: vec![finding],
            rule: rule.origin.clone(),
            valid_until: None,
            vouched: Vec::new(),
            advisories: Vec::new(),
        }
    }
}
