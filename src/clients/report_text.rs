//! A report for people, and for Prometheus' node_exporter.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::canary_said::Outcome;
use super::report::{Checked, Report, Tried};
use super::{Diagnosis, Level};

/// Longest last word of a client that is shown, in characters: an error with its link.
const MAX_SAID: usize = 300;

/// The report as lines. `colour`: with the colours of a terminal.
pub fn text(report: &Report, colour: bool) -> String {
    let mut out = String::new();
    let paint = |code: &str, text: &str| match colour {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    for checked in &report.checked {
        let _ = writeln!(
            out,
            "{} ({})",
            paint("1", &checked.program),
            checked.version
        );
        for tried in &checked.tried {
            let code = match tried.outcome {
                Outcome::Holds => "32",
                Outcome::CouldNot => "33",
                _ => "31",
            };
            let sentence = paint(code, tried.outcome.sentence());
            let _ = writeln!(out, "  {:<20} {sentence}", tried.registry);
            let _ = writeln!(out, "  {:<20} {}", "", facts(tried));
            if tried.outcome != Outcome::Holds && !tried.said.is_empty() {
                let said: String = tried.said.chars().take(MAX_SAID).collect();
                let _ = writeln!(out, "  {:<20} it said: {said}", "");
            }
        }
        checked
            .diagnoses
            .iter()
            .for_each(|one| diagnosis(&mut out, one, &paint));
    }
    for (program, why) in &report.skipped {
        let _ = writeln!(
            out,
            "{}\n  {}",
            paint("1", program),
            paint("33", &format!("not tried: {why}"))
        );
    }
    if !report.diagnoses.is_empty() {
        let _ = writeln!(out, "{}", paint("1", "this machine"));
        report
            .diagnoses
            .iter()
            .for_each(|one| diagnosis(&mut out, one, &paint));
    }
    if report.checked.is_empty() && report.skipped.is_empty() {
        out.push_str("no program that pulls images was found here\n");
    }
    out
}

/// `the allowed image arrived; the reason was shown; seen by the server at its mirror`
fn facts(tried: &Tried) -> String {
    let arrived = if tried.allowed {
        "the allowed image arrived"
    } else {
        "the allowed image did not arrive"
    };
    let reason = if tried.reason {
        "the reason was shown"
    } else {
        "no reason of Lazaret's was shown"
    };
    let seen = match (tried.reached, &tried.listener) {
        (Some(true), Some(listener)) => format!("the server saw it at its {listener} listener"),
        (Some(true), None) => "the server saw it".to_owned(),
        (Some(false), _) => "the server did not see it".to_owned(),
        (None, _) => "the server could not be asked".to_owned(),
    };
    format!("{arrived}; {reason}; {seen}")
}

fn diagnosis(out: &mut String, one: &Diagnosis, paint: &impl Fn(&str, &str) -> String) {
    let code = match one.level {
        Level::Open => "31",
        Level::Limit => "33",
        Level::Note => "36",
    };
    let head = paint(code, &format!("{}[{}]", one.level.name(), one.code));
    let _ = writeln!(
        out,
        "  {head} {}: {}\n    help: {}",
        one.at, one.text, one.remedy
    );
}

/// The report in the text format of Prometheus, for node_exporter's folder of text files.
pub fn prometheus(report: &Report, now: Timestamp) -> String {
    let mut out = String::from(
        "# HELP lazaret_doctor_holds 1 when a denied image was refused by Lazaret, and the client said so.\n# TYPE lazaret_doctor_holds gauge\n",
    );
    let series = |checked: &Checked, tried: &Tried| {
        let holds = u8::from(tried.outcome == Outcome::Holds);
        let (program, registry) = (escaped(&checked.program), escaped(&tried.registry));
        format!("lazaret_doctor_holds{{program=\"{program}\",registry=\"{registry}\"}} {holds}\n")
    };
    for checked in &report.checked {
        out.extend(checked.tried.iter().map(|tried| series(checked, tried)));
    }
    out.push_str("# HELP lazaret_doctor_diagnoses How many things were found, by level.\n# TYPE lazaret_doctor_diagnoses gauge\n");
    for level in [Level::Open, Level::Limit, Level::Note] {
        let count = report.all().filter(|one| one.level == level).count();
        let _ = writeln!(
            out,
            "lazaret_doctor_diagnoses{{level=\"{}\"}} {count}",
            level.name()
        );
    }
    for (name, help, value) in [
        (
            "exit_code",
            "As lazaret doctor ended: 0 all hold, 1 something does not, 2 not known.",
            i64::from(report.code(false)),
        ),
        (
            "last_run_timestamp_seconds",
            "When it ran.",
            now.as_second(),
        ),
    ] {
        let _ = writeln!(
            out,
            "# HELP lazaret_doctor_{name} {help}\n# TYPE lazaret_doctor_{name} gauge\nlazaret_doctor_{name} {value}"
        );
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
