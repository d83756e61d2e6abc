//! `lazaret log`.

use std::process::ExitCode;
use std::time::Duration;

use super::wire::{Trouble, exit, ledger, runtime};
use super::{LogArgs, REFUSED, csv, output, when};
use crate::console::decision_json;
use crate::ledger::{
    Decision, Ledger, LedgerError, LoggedPull, Numbered, Search, SqliteLedger, who,
};
use crate::oci::{Reference, Repository};
use crate::policy::{Code, Finding};
use crate::telemetry;

/// Between two looks for what is new.
const LOOK: Duration = Duration::from_millis(500);
/// Most rows that are read at once while following.
const AT_ONCE: u32 = 1_000;

pub(super) fn log(args: &LogArgs) -> ExitCode {
    let done = ledger(&args.data).and_then(|ledger| runtime()?.block_on(run(args, &ledger)));
    exit(done)
}

async fn run(args: &LogArgs, ledger: &SqliteLedger) -> Result<u8, Trouble> {
    let search = search(args)?;
    if args.pulls {
        let read = |search| ledger.search_pulls(search);
        shown(args, search, read, PULL_COLUMNS, &PULL).await
    } else {
        let read = |search| ledger.search(search);
        shown(args, search, read, DECISION_COLUMNS, &DECISION).await
    }
}

/// How a kind of row is shown.
struct Shape<T> {
    line: fn(&T) -> String,
    json: fn(&T) -> serde_json::Value,
    cells: fn(&T) -> Vec<String>,
}

const DECISION: Shape<Decision> = Shape {
    line: decision_line,
    json: decision_json,
    cells: decision_cells,
};
const PULL: Shape<LoggedPull> = Shape {
    line: pull_line,
    json: |pull| serde_json::json!(pull),
    cells: pull_cells,
};

async fn shown<'a, T>(
    args: &LogArgs,
    mut search: Search,
    read: impl Fn(Search) -> crate::ledger::Pending<'a, Vec<Numbered<T>>>,
    columns: &[&str],
    shape: &Shape<T>,
) -> Result<u8, Trouble> {
    let wrong = |error: LedgerError| Trouble::Other(error.to_string());
    if args.csv {
        output::out(csv::line(columns.iter().copied()));
    }
    let tell = |row: &T| {
        if args.json {
            return output::line((shape.json)(row));
        }
        if args.csv {
            let cells = (shape.cells)(row);
            return output::line(csv::line(cells.iter().map(String::as_str)));
        }
        output::line((shape.line)(row))
    };
    // What comes is looked for behind what was there, so that a rare kind of row is not sought through all of it each time.
    let newest = async || {
        let any = Search {
            most: 1,
            ..Search::default()
        };
        let found = read(any).await.map_err(wrong)?;
        Ok::<_, Trouble>(found.first().map_or(0, |newest| newest.sequence))
    };
    let mut last = newest().await?;
    let found = read(search.clone()).await.map_err(wrong)?;
    let nothing = found.is_empty();
    last = found.first().map_or(last, |first| first.sequence.max(last));
    if !found.iter().rev().all(|one| tell(&one.row)) {
        return Ok(0);
    }
    if !args.follow {
        if nothing && !args.json && !args.csv {
            output::err("nothing of that kind is in the ledger");
        }
        return Ok(if nothing { REFUSED } else { 0 });
    }
    search.most = AT_ONCE;
    loop {
        tokio::time::sleep(LOOK).await;
        search.after = Some(last);
        let seen = newest().await?;
        let new = read(search.clone()).await.map_err(wrong)?;
        // More may wait than is read at once.
        let all = new.len() < AT_ONCE as usize;
        for one in new {
            last = one.sequence;
            if !tell(&one.row) {
                return Ok(0);
            }
        }
        last = if all { last.max(seen) } else { last };
    }
}

/// What the arguments look for.
fn search(args: &LogArgs) -> Result<Search, Trouble> {
    let other = |why: String| Trouble::Other(why);
    let (since, until) = when::window(&args.window, telemetry::now())?;
    let mut search = Search {
        client: args.client.clone(),
        since,
        until,
        most: match args.number {
            0 => u32::MAX,
            number => number,
        },
        allowed: match (args.allowed, args.denied) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        ..Search::default()
    };
    if let Some(text) = &args.digest {
        let digest = text.parse();
        search.digest = Some(digest.map_err(|error| other(format!("--digest: {error}")))?);
    }
    if let Some(text) = &args.code {
        search.code = Some(code(text).map_err(other)?);
    }
    if let Some(text) = &args.image {
        let reference: Reference = text
            .parse()
            .map_err(|error| other(format!("--image: {text}: {error}")))?;
        let last = text.rsplit('/').next().unwrap_or(text);
        match reference.digest() {
            Some(digest) => search.digest = Some(*digest),
            None if last.contains(':') => search.reference = Some(reference),
            None => search.repository = Some(Repository::clone(reference.repository())),
        }
    }
    Ok(search)
}

fn code(text: &str) -> Result<Code, String> {
    text.parse().map_err(|()| {
        let near = Code::ALL
            .iter()
            .map(|code| (strsim::jaro_winkler(code.as_str(), text), code))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let near = near.map_or(String::new(), |(_, code)| {
            format!("; did you mean {code} ?")
        });
        format!("--code: {text:?} is no finding code{near}")
    })
}

/// The codes of what was found, those that deny first; notes are left out.
fn codes(decision: &Decision) -> String {
    let findings = decision.verdict.findings.iter();
    let told = findings.filter(|finding| finding.level > crate::policy::Level::Note);
    let word = |finding: &Finding| match &finding.waived {
        Some(_) => format!("{} (waived)", finding.code),
        None => finding.code.to_string(),
    };
    let mut words: Vec<String> = told.map(word).collect();
    words.dedup();
    words.join(", ")
}

fn outcome(allowed: bool) -> &'static str {
    if allowed { "allowed" } else { "denied" }
}

fn decision_line(decision: &Decision) -> String {
    let (word, codes) = (outcome(decision.allowed), codes(decision));
    let (red, end) = match (output::colour(), decision.allowed) {
        (true, false) => ("\x1b[31m", "\x1b[0m"),
        _ => ("", ""),
    };
    let codes = match codes.is_empty() {
        true => String::new(),
        false => format!("  {codes}"),
    };
    format!(
        "{}  {red}{word:<7}{end}  {}  {}  {}{codes}",
        decision.at.strftime("%Y-%m-%d %H:%M:%S"),
        decision.id,
        decision.client.who(),
        decision.reference,
    )
}

const DECISION_COLUMNS: &[&str] = &[
    "at",
    "id",
    "outcome",
    "reference",
    "digest",
    "codes",
    "mode",
    "rule",
    "address",
    "identity",
    "listener",
    "user_agent",
    "gathered_ms",
];

fn decision_cells(decision: &Decision) -> Vec<String> {
    let client = &decision.client;
    let mode = serde_json::json!(decision.mode);
    vec![
        decision.at.to_string(),
        decision.id.to_string(),
        outcome(decision.allowed).to_owned(),
        decision.reference.to_string(),
        decision
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default(),
        codes(decision),
        mode.as_str().unwrap_or_default().to_owned(),
        decision.verdict.rule.to_string(),
        client.address.to_string(),
        client
            .identity
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        client.listener.to_owned(),
        client.user_agent.to_string(),
        decision.gathered_ms.to_string(),
    ]
}

fn pull_line(logged: &LoggedPull) -> String {
    let pull = &logged.pull;
    let times = match pull.count {
        1 => String::new(),
        many => format!(" × {many}"),
    };
    let bytes = match pull.bytes {
        0 => String::new(),
        bytes => format!("  {bytes} bytes"),
    };
    format!(
        "{}  {:<7}  {:<8}  {}  {}  {}{bytes}{times}",
        pull.at.strftime("%Y-%m-%d %H:%M:%S"),
        pull.outcome,
        pull.kind,
        who(&pull.address, pull.identity.as_ref()),
        logged.reference,
        pull.digest.as_deref().unwrap_or("-"),
    )
}

const PULL_COLUMNS: &[&str] = &[
    "at",
    "outcome",
    "kind",
    "reference",
    "digest",
    "decision",
    "address",
    "identity",
    "listener",
    "user_agent",
    "count",
    "bytes",
];

fn pull_cells(logged: &LoggedPull) -> Vec<String> {
    let pull = &logged.pull;
    vec![
        pull.at.to_string(),
        pull.outcome.clone(),
        pull.kind.clone(),
        logged.reference.clone(),
        pull.digest.clone().unwrap_or_default(),
        logged.decision.to_string(),
        pull.address.clone(),
        pull.identity.clone().unwrap_or_default(),
        pull.listener.clone(),
        pull.user_agent.clone(),
        pull.count.to_string(),
        pull.bytes.to_string(),
    ]
}
