//! For people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::care::care;
use super::{Survey, known_as, word};
use crate::policy::{AskedAdvisories, Paint, Severity, Unexplained, Vulnerability};

/// Longest cell of a table, in characters.
const MAX_CELL: usize = 44;

/// A table of what is wrong, worst first, and what it sums up to. `only_fixable` leaves out what has no fix.
pub fn text(survey: &Survey, only_fixable: bool, paint: Paint) -> String {
    let mut text = String::new();
    let contents = &survey.contents;
    let _ = writeln!(text, "{} ({})", paint.bold(&survey.target), survey.platform);
    if let Some(manifest) = survey.manifest {
        let _ = writeln!(text, "  {manifest}");
    }
    let system = survey.inventory.system.as_ref();
    let system = system.map_or("no distribution", |system| system.pretty_name.as_str());
    let _ = writeln!(
        text,
        "  {system}, {}, {}",
        count(contents.packages, "package"),
        count(survey.layers.len(), "layer")
    );
    for AskedAdvisories {
        ecosystem, fetched, ..
    } in &contents.asked
    {
        let at = fetched.strftime("%Y-%m-%d %H:%M UTC");
        let _ = writeln!(
            text,
            "  {}",
            paint.dim(&format!("advisories of {ecosystem}, fetched {at}"))
        );
    }
    unknown(&mut text, survey, paint);
    let shown = |one: &&Vulnerability| !only_fixable || one.fixed.is_some();
    let found: Vec<&Vulnerability> = contents.vulnerabilities.iter().filter(shown).collect();
    table(&mut text, &found, paint);
    let seen = care(survey);
    if !seen.is_empty() {
        let _ = writeln!(text, "\n  besides");
    }
    for seen in seen {
        let path = seen
            .path
            .map(|path| format!("{path}: "))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "    {} {path}{}",
            paint.yellow(seen.kind),
            seen.message
        );
    }
    let unknown = contents.unexplained.is_unknown() || !contents.uncovered.is_empty();
    let _ = write!(text, "\n  {}", summed(&found, unknown, paint));
    text
}

/// What nothing can be said about: never to be read as clean.
fn unknown(text: &mut String, survey: &Survey, paint: Paint) {
    let contents = &survey.contents;
    if contents.unexplained != Unexplained::Nothing {
        let line = contents.unexplained.to_string();
        let _ = writeln!(text, "  {}", paint.yellow(&line));
    }
    for unread in &contents.unread {
        let _ = writeln!(text, "  {}", paint.yellow(&unread.to_string()));
    }
    for uncovered in &contents.uncovered {
        let why = uncovered
            .why
            .as_ref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        let packages = count(uncovered.packages, "package");
        let line = format!(
            "no advisories about {packages} of {}{why}",
            uncovered.ecosystem
        );
        let _ = writeln!(text, "  {}", paint.yellow(&line));
    }
}

fn count(many: usize, what: &str) -> String {
    let s = if many == 1 { "" } else { "s" };
    format!("{many} {what}{s}")
}

fn table(text: &mut String, found: &[&Vulnerability], paint: Paint) {
    if found.is_empty() {
        return;
    }
    let head = ["SEVERITY", "VULNERABILITY", "PACKAGE", "FIXED IN", "WHERE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = found.iter().copied().map(row).collect();
    let mut widths = [0; 5];
    for cells in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; 5]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let _ = writeln!(text, "\n  {}", paint.dim(&line(&head)));
    for (cells, one) in rows.iter().zip(found) {
        let line = line(cells);
        let line = match one.severity {
            _ if one.malicious || one.exploited => paint.red(&line),
            Severity::Critical => paint.red(&line),
            Severity::High => paint.yellow(&line),
            _ => line,
        };
        let _ = writeln!(text, "  {line}");
    }
}

fn row(one: &Vulnerability) -> [String; 5] {
    let mut id = known_as(one).to_owned();
    if one.malicious {
        id.push_str(", malicious");
    } else if one.exploited {
        id.push_str(", exploited");
    }
    let more = one.packages.len().saturating_sub(1);
    let first = one.packages.first();
    let mut package = first
        .map(|(name, version)| format!("{name} {version}"))
        .unwrap_or_default();
    if more > 0 {
        package = format!("{} +{more}", cut(&package));
    }
    let fixed = one.fixed.clone().unwrap_or_else(|| "-".to_owned());
    let severity = word(one.severity).to_owned();
    [severity, id, cut(&package), cut(&fixed), one.path.clone()]
}

fn cut(cell: &str) -> String {
    match cell.chars().count() > MAX_CELL {
        true => cell.chars().take(MAX_CELL - 1).chain(['…']).collect(),
        false => cell.to_owned(),
    }
}

fn summed(found: &[&Vulnerability], unknown: bool, paint: Paint) -> String {
    match (found.is_empty(), unknown) {
        (true, true) => return paint.yellow("nothing can be said about all that is in it"),
        (true, false) => return paint.green("no known vulnerabilities"),
        (false, _) => {}
    }
    let mut kinds: BTreeMap<std::cmp::Reverse<Severity>, usize> = BTreeMap::new();
    for one in found {
        *kinds.entry(std::cmp::Reverse(one.severity)).or_default() += 1;
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(severity, many)| format!("{many} {}", word(severity.0)))
        .collect();
    let fixable = found.iter().filter(|one| one.fixed.is_some()).count();
    let exploited = found.iter().filter(|one| one.exploited).count();
    let many = match found.len() {
        1 => "1 vulnerability".to_owned(),
        many => format!("{many} vulnerabilities"),
    };
    let mut line = format!("{many}: {}; {fixable} with a fix", kinds.join(", "));
    if exploited > 0 {
        let _ = write!(line, "; {exploited} exploited in the wild");
    }
    paint.bold(&line)
}
