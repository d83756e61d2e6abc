//! The words that a person reads: the same in a client's error, in `check`, on the explain page and in notices.

use std::fmt::Write as _;

use crate::oci::Reference;

use super::{AskedAdvisories, Finding, Level, Verdict, Vouched, Waived, last_day};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// For files, pipes and other programs' errors.
    Plain,
    /// For a terminal.
    Ansi,
}

impl Paint {
    fn wrap(self, colour: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Ansi => format!("\x1b[{colour}m{text}\x1b[0m"),
        }
    }
}

impl Paint {
    /// What stops.
    pub fn red(self, text: &str) -> String {
        self.wrap(RED, text)
    }

    /// What passes.
    pub fn green(self, text: &str) -> String {
        self.wrap(GREEN, text)
    }

    /// What deserves a look.
    pub fn yellow(self, text: &str) -> String {
        self.wrap(YELLOW, text)
    }

    /// What is said for the record.
    pub fn dim(self, text: &str) -> String {
        self.wrap(DIM, text)
    }

    /// What a line is about.
    pub fn bold(self, text: &str) -> String {
        self.wrap(BOLD, text)
    }
}

const RED: &str = "1;31";
const GREEN: &str = "1;32";
const YELLOW: &str = "1;33";
const DIM: &str = "2";
const BOLD: &str = "1";

/// Most findings in a terminal: whoever is refused for a hundred reads twenty, and clients print all on one line. The
/// worst come first.
const MAX_LINES: usize = 20;

/// A verdict in lines. `why` says where to read on.
pub fn explain(
    reference: &Reference,
    verdict: &Verdict,
    why: Option<&str>,
    paint: Paint,
) -> String {
    let (word, colour) = if verdict.allows() {
        ("allowed", GREEN)
    } else {
        ("denied", RED)
    };
    let mut text = format!(
        "{}: {}",
        paint.wrap(colour, word),
        paint.wrap(BOLD, &reference.to_string())
    );
    for finding in verdict.findings.iter().take(MAX_LINES) {
        line(&mut text, finding, paint);
    }
    if let Some(more) = verdict.findings.len().checked_sub(MAX_LINES)
        && more > 0
    {
        let _ = write!(
            text,
            "\n  {more} findings more, on the explain page and in JSON"
        );
    }
    if let Some(why) = why {
        let _ = write!(text, "\n  why: {why}");
    }
    text
}

fn line(text: &mut String, finding: &Finding, paint: Paint) {
    let (word, colour) = match (finding.level, &finding.waived) {
        (level, Some(_)) => (format!("waived {}", level.as_str()), DIM),
        (Level::Deny, None) => ("deny".to_owned(), RED),
        (Level::Warn, None) => ("warn".to_owned(), YELLOW),
        (Level::Note, None) => ("note".to_owned(), DIM),
    };
    let head = paint.wrap(colour, &format!("{word}[{}]", finding.code));
    let platform = finding
        .platform
        .as_ref()
        .map(|platform| format!(" ({platform})"))
        .unwrap_or_default();
    let _ = write!(
        text,
        "\n  {head}: {}{platform}",
        printable(&finding.message)
    );
    if let Some(help) = &finding.help {
        let _ = write!(text, "\n    help: {}", printable(help));
    }
    let _ = write!(
        text,
        "\n    {}",
        paint.wrap(DIM, &finding.origin.to_string())
    );
    if let Some(waived) = &finding.waived {
        let until = last_day(waived.until);
        let _ = write!(
            text,
            "\n    waived until {until} by {}: {}{} ({})",
            printable(&waived.owner),
            printable(&waived.reason),
            waived.ticket_shown(),
            waived.origin
        );
    }
}

/// The verdict in one sentence, for a status line: the worst finding and its help.
pub fn summary(verdict: &Verdict) -> String {
    match verdict.findings.first() {
        None => "nothing found".to_owned(),
        Some(finding) => finding.sentence(),
    }
}

impl Finding {
    /// All of it on one line, without the policy line behind it.
    pub fn sentence(&self) -> String {
        let help = self
            .help
            .as_ref()
            .map(|help| format!("; {help}"))
            .unwrap_or_default();
        printable(&format!("{}{help} [{}]", self.message, self.code))
    }
}

impl Waived {
    /// `, SEC-12`, where there is a ticket.
    pub fn ticket_shown(&self) -> String {
        let ticket = self.ticket.as_ref();
        ticket.map_or_else(String::new, |ticket| format!(", {}", printable(ticket)))
    }
}

impl Vouched {
    /// All of it on one line: `signature by ci on 2026-05-10, tag sha256-….sig (root own sha256:…, log 6f…)`.
    pub fn sentence(&self) -> String {
        let mut text = format!("{} by {}", self.what, self.signer);
        if let Some(at) = self.at {
            let _ = write!(text, " on {}", at.strftime("%Y-%m-%d"));
        }
        let _ = write!(text, ", {}", self.found);
        let authority = &self.authority;
        let root = authority
            .root
            .as_ref()
            .map(|name| match &authority.root_digest {
                Some(digest) => format!("root {name} {digest}"),
                None => format!("root {name}"),
            });
        let log = authority.log.as_ref().map(|log| format!("log {log}"));
        let words: Vec<String> = root.into_iter().chain(log).collect();
        if !words.is_empty() {
            let _ = write!(text, " ({})", words.join(", "));
        }
        printable(&text)
    }
}

impl AskedAdvisories {
    /// All of it on one line: `advisories of Debian, fetched 2026-05-10 06:00 UTC, the newest of … (sha256:…)`.
    pub fn sentence(&self) -> String {
        let minute = "%Y-%m-%d %H:%M UTC";
        format!(
            "advisories of {}, fetched {}, the newest of {} ({})",
            self.ecosystem,
            self.fetched.strftime(minute),
            self.newest.strftime(minute),
            self.digest
        )
    }
}

/// Text from outside must not move a terminal's cursor, begin a line of its own or turn the order of what is read.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_hidden(c) { ' ' } else { c })
        .collect()
}

/// Whether a character shows nothing and changes how others are shown: controls, and what orders the directions of text
/// or has no width (Unicode Standard Annex 9, "Directional Formatting Characters"; UTR 36, 3.1).
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// Most findings of a message.
const MAX_TOLD: usize = 10;

/// What stops a pull or is excused, a line each, for messages: code, what, what to do, until when it is excused.
pub fn explain_findings(verdict: &Verdict) -> String {
    let told = |finding: &&Finding| finding.denies() || finding.waived.is_some();
    let found: Vec<&Finding> = verdict.findings.iter().filter(told).collect();
    let mut lines: Vec<String> = found
        .iter()
        .take(MAX_TOLD)
        .map(|finding| explain_finding(finding))
        .collect();
    if let Some(more) = found.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// A finding on one line, for messages: code, what, what to do, until when it is excused.
pub fn explain_finding(finding: &Finding) -> String {
    let help = finding.help.as_ref().map(|help| format!(" ({help})"));
    let waived = finding.waived.as_ref();
    let waived = waived.map(|by| format!(" [waived until {}: {}]", last_day(by.until), by.reason));
    let [help, waived] = [help, waived].map(Option::unwrap_or_default);
    format!("{}: {}{help}{waived}", finding.code, finding.message)
}
