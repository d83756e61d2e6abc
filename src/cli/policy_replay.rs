//! `lazaret policy replay`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use super::check::Scratch;
use super::names_replay::since;
use super::replay_report::{Answered, Image, Report};
use super::wire::{Loaded, Trouble, kept_admission, known_roots, policy_with, runtime, settings};
use super::{FailOn, PolicyReplayArgs, REFUSED, output};
use crate::admission::{Admission, Replayed};
use crate::ledger::Recorded;
use crate::policy::{Mode, Teams};

/// Most rows of the ledger that a replay reads: an image and a client each.
const MAX_REPLAYED: u32 = 1_000_000;
/// After so many images a person is told how far it is.
const TELL_EVERY: usize = 50;

pub(super) fn replay(args: &PolicyReplayArgs) -> Result<u8, Trouble> {
    runtime()?.block_on(run(args))
}

async fn run(args: &PolicyReplayArgs) -> Result<u8, Trouble> {
    let server = settings(&args.data)?;
    let roots = known_roots(&server.data_dir);
    let read = |file: &Path| policy_with(Some(file.to_owned()), &roots);
    let new = read(&args.file)?;
    let old = args.against.as_deref().map(read).transpose()?;
    let scratch = Scratch::new();
    let admission = kept_admission(&server, new.policy.clone(), scratch.path()).await?;
    let start = since(Some(&args.since))?.unwrap_or_default();
    let recorded = admission.ledger().recorded(start, MAX_REPLAYED).await;
    let recorded = recorded.map_err(|error| Trouble::Other(error.to_string()))?;
    let mut report = Report {
        policy: new.policy.source().to_owned(),
        audit: new.policy.mode() == Mode::Audit,
        since: start,
        cut: recorded.len() >= MAX_REPLAYED as usize,
        images: images(recorded, &Teams(server.teams.clone())),
    };
    judge(&admission, &mut report.images, |image, answered| {
        image.would = answered;
    })
    .await?;
    if let Some(Loaded { policy, .. }) = old {
        let mode = policy.mode();
        admission.replace_policy(policy);
        judge(&admission, &mut report.images, |image, answered| {
            let served = match &answered {
                Answered::Judged(verdict) => Some(verdict.permit(mode).is_some()),
                Answered::Unknown(_) => None,
            };
            image.served = served.unwrap_or(image.served);
        })
        .await?;
    }
    if args.json {
        output::out(report.json());
    } else {
        output::out(report.text(output::colour()));
    }
    let fails = match args.fail_on {
        FailOn::NewlyDenied => report.newly_denied().next().is_some(),
        FailOn::NewlyAllowed => report.newly_allowed().next().is_some(),
        FailOn::Any => report
            .newly_denied()
            .chain(report.newly_allowed())
            .next()
            .is_some(),
        FailOn::Nothing => false,
    };
    Ok(if fails { REFUSED } else { 0 })
}

/// Rows of the same name and digest are one image; what its last client met is what was answered.
fn images(recorded: Vec<Recorded>, teams: &Teams) -> Vec<Image> {
    let mut images: BTreeMap<_, Image> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for row in recorded {
        let key = (row.reference.to_string(), row.digest);
        let image = images.entry(key.clone()).or_insert_with(|| Image {
            reference: row.reference.clone(),
            digest: row.digest,
            served: row.served,
            would: Answered::Unknown(Vec::new()),
            clients: BTreeMap::new(),
            teams: BTreeMap::new(),
        });
        let newest = last.entry(key).or_insert(row.last);
        if row.last >= *newest {
            *newest = row.last;
            image.served = row.served;
        }
        *image.clients.entry(row.client).or_default() += row.requests;
        if let Some(team) = teams.of(Some(row.reference.repository()), &row.called) {
            *image.teams.entry(team.name.clone()).or_default() += row.requests;
        }
    }
    images.into_values().collect()
}

/// As the policy would answer that the admission has, if it enforced.
async fn judge(
    admission: &Arc<Admission>,
    images: &mut [Image],
    answered: impl Fn(&mut Image, Answered),
) -> Result<(), Trouble> {
    let (all, told) = (images.len(), io::stderr().is_terminal());
    for (at, image) in images.iter_mut().enumerate() {
        if told && at % TELL_EVERY == 0 {
            output::status(&format!("judging {at} of {all} images"));
        }
        let replayed = admission.replay(&image.reference, image.digest).await;
        let replayed = replayed.map_err(|error| Trouble::Other(error.to_string()))?;
        let would = match replayed {
            Replayed::Judged(verdict) => Answered::Judged(verdict),
            Replayed::Lacking(why) => Answered::Unknown(why),
        };
        answered(image, would);
    }
    if told {
        output::status("");
    }
    Ok(())
}
