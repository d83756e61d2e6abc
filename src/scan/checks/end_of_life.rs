//! When a distribution ends: from then on nobody fixes what becomes known of its packages.

use std::sync::LazyLock;

use jiff::civil::Date;

use crate::scan::catalogue::System;

/// `id version last-day`, a line each; the file says where it is from.
const LIST: &str = include_str!("end_of_life.txt");

static RELEASES: LazyLock<Vec<(&str, &str, Date)>> = LazyLock::new(|| {
    let lines = LIST.lines().filter(|line| !line.starts_with('#'));
    let release = |line: &'static str| {
        let mut words = line.split_whitespace();
        let (id, version) = (words.next()?, words.next()?);
        Some((id, version, words.next()?.parse().ok()?))
    };
    lines.filter_map(release).collect()
});

/// The last day on which `system` is looked after; none if it is not known to end.
pub fn end_of_life(system: &System) -> Option<Date> {
    let version = |release: &str| {
        let rest = system.version_id.strip_prefix(release);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    RELEASES
        .iter()
        .filter(|(id, release, _)| *id == system.id && version(release))
        .max_by_key(|(_, release, _)| release.len())
        .map(|(_, _, end)| *end)
}
