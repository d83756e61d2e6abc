//! What the instructions tell that built an image (CIS Docker Benchmark, 4.6, 4.7 and 4.9).

use crate::oci::ImageConfig;
use crate::policy::{Code, ConfigProfile, Level};

/// Most instructions that are told of a kind.
const MAX_TOLD: usize = 10;
/// Longest instruction that is told, in characters.
const MAX_WORDS: usize = 120;
/// What the classic builder writes before instructions that run nothing.
const CLASSIC: &str = "/bin/sh -c #(nop)";
/// Updates of lists of packages.
const UPDATES: [&str; 4] = [
    "apt-get update",
    "apt update",
    "apk update",
    "yum makecache",
];
/// What makes use of fresh lists.
const USES: [&str; 4] = ["install", "upgrade", "apk add", "build-dep"];

/// Findings about how an image was built.
pub(super) fn judged(profile: &ConfigProfile, config: &ImageConfig) -> Vec<(Code, Level, String)> {
    let mut found = Vec::new();
    if let (Some(level), false) = (profile.healthcheck, config.container.healthcheck) {
        let message = "sets no health check".to_owned();
        found.push((Code::HealthcheckMissing, level, message));
    }
    let steps = || config.history.iter().map(|step| instruction(step));
    if let Some(level) = profile.add_instruction {
        // The first is how base images come to be: a root file system is added.
        let adds = steps().skip(1).filter(|step| step.starts_with("ADD "));
        let words = adds
            .take(MAX_TOLD)
            .map(|step| format!("brings files by {:?}", cut(step)));
        found.extend(words.map(|message| (Code::AddInstruction, level, message)));
    }
    if let Some(level) = profile.update_alone {
        let has = |step: &str, words: &[&str]| words.iter().any(|word| step.contains(word));
        let alone = steps().filter(|step| has(step, &UPDATES) && !has(step, &USES));
        let words = alone.take(MAX_TOLD);
        let words =
            words.map(|step| format!("updates lists of packages by themselves: {:?}", cut(step)));
        found.extend(words.map(|message| (Code::UpdateAlone, level, message)));
    }
    found
}

fn instruction(step: &str) -> &str {
    step.strip_prefix(CLASSIC).unwrap_or(step).trim()
}

fn cut(step: &str) -> String {
    step.chars().take(MAX_WORDS).collect()
}
