//! `lazaret ledger`.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use super::wire::{LEDGER, Trouble, about, data_dir, exit, ledger};
use super::{DataArgs, LedgerCommand, REFUSED, Rows, Window, csv, output, when};
use crate::ledger::{Audit, Exported, LedgerError, NoteKey, SqliteLedger};
use crate::telemetry;

/// The columns of `export --format csv`.
const COLUMNS: [&str; 13] = [
    "number",
    "at",
    "kind",
    "id",
    "reference",
    "digest",
    "allowed",
    "mode",
    "address",
    "listener",
    "user_agent",
    "what",
    "hash",
];

pub(super) fn run(command: &LedgerCommand) -> ExitCode {
    exit(match command {
        LedgerCommand::Verify {
            key,
            checkpoint,
            json,
            data,
        } => verify(key.as_deref(), checkpoint.as_deref(), *json, data),
        LedgerCommand::Export {
            window,
            format,
            data,
        } => export(window, *format, data),
        LedgerCommand::Checkpoint { data } => checkpoint(data),
        LedgerCommand::Key {
            pem,
            json,
            renew,
            data,
        } => key(*pem, *json, *renew, data),
    })
}

fn wrong(error: LedgerError) -> Trouble {
    Trouble::Other(error.to_string())
}

fn verify(
    key: Option<&str>,
    checkpoint: Option<&Path>,
    json: bool,
    data: &DataArgs,
) -> Result<u8, Trouble> {
    let key = key.map(|text| {
        text.parse::<NoteKey>()
            .map_err(|error| Trouble::Other(format!("--key: {error}")))
    });
    let key = key.transpose()?;
    let kept = checkpoint.map(|file| std::fs::read_to_string(file).map_err(about(file)));
    let kept = kept.transpose()?;
    let shown = io::stderr().is_terminal() && !json;
    let mut progress = |done: u64, all: u64| {
        if shown {
            output::status(&format!("{done} of {all} entries"));
        }
    };
    let audit = ledger(data)?.audit(key.as_ref(), kept.as_deref(), &mut progress);
    if shown {
        output::status("");
    }
    let audit = audit.map_err(wrong)?;
    if json {
        output::out(serde_json::json!(audit));
    } else {
        tell(&audit);
    }
    Ok(if audit.broken.is_some() { REFUSED } else { 0 })
}

fn tell(audit: &Audit) {
    match &audit.broken {
        Some(broken) => output::out(format_args!("broken: {broken}")),
        None => {
            let swept = match audit.swept {
                0 => String::new(),
                swept => format!(", of which {swept} were swept"),
            };
            output::out(format_args!(
                "whole: {} entries{swept}, {} signed checkpoints",
                audit.size, audit.checkpoints
            ));
            output::out(format_args!("  head  {}", audit.head));
        }
    }
    output::out(format_args!("  key   {}", audit.key));
}

fn export(window: &Window, format: Rows, data: &DataArgs) -> Result<u8, Trouble> {
    let window = when::window(window, telemetry::now())?;
    let ledger = ledger(data)?;
    if format == Rows::Csv {
        output::out(csv::line(COLUMNS));
    }
    let mut each = |one: Exported| match format {
        Rows::Json => output::line(serde_json::json!(one)),
        Rows::Csv => output::line(as_csv(&one)),
    };
    ledger.export(window, &mut each).map_err(wrong)?;
    Ok(0)
}

fn as_csv(one: &Exported) -> String {
    let row = one.row.as_ref().map_or("null", |row| row.get());
    let row: serde_json::Value = serde_json::from_str(row).unwrap_or_default();
    let cell = |name: &str| match row.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let at = jiff::Timestamp::from_millisecond(one.at);
    let what = match one.kind.as_str() {
        "decision" => codes(&cell("verdict")),
        "revocation" => format!(
            "{}: {} ({})",
            cell("what"),
            cell("reason"),
            cell("revoked_by")
        ),
        _ => cell("ended_by"),
    };
    let allowed = match cell("allowed").as_str() {
        "1" => "true".to_owned(),
        "0" => "false".to_owned(),
        other => other.to_owned(),
    };
    let cells = [
        one.number.to_string(),
        at.map(|at| at.to_string()).unwrap_or_default(),
        one.kind.clone(),
        one.subject.clone(),
        cell("reference"),
        cell("digest"),
        allowed,
        cell("mode"),
        cell("address"),
        cell("listener"),
        cell("user_agent"),
        what,
        one.hash.clone(),
    ];
    csv::line(cells.iter().map(String::as_str))
}

/// The codes of a verdict's findings, waived ones marked.
fn codes(verdict: &str) -> String {
    let verdict: serde_json::Value = serde_json::from_str(verdict).unwrap_or_default();
    let findings = verdict.get("findings").and_then(|all| all.as_array());
    let words = findings.into_iter().flatten().filter_map(|finding| {
        let code = finding.get("code")?.as_str()?;
        let level = finding.get("level")?.as_str()?;
        let waived = finding
            .get("waived")
            .is_some_and(|waived| !waived.is_null());
        Some(format!(
            "{}{level}[{code}]",
            if waived { "waived " } else { "" }
        ))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn checkpoint(data: &DataArgs) -> Result<u8, Trouble> {
    match ledger(data)?.checkpoint().map_err(wrong)? {
        Some(note) => {
            output::raw(note.as_bytes());
            Ok(0)
        }
        None => {
            output::err("nothing is recorded yet, so nothing is signed");
            Ok(REFUSED)
        }
    }
}

fn key(pem: bool, json: bool, renew: bool, data: &DataArgs) -> Result<u8, Trouble> {
    let opened = ledger(data)?;
    if renew {
        let folder = data_dir(data)?;
        drop(opened);
        return renewed(&folder);
    }
    if pem {
        output::raw(opened.key_pem().map_err(wrong)?.as_bytes());
        return Ok(0);
    }
    let key = opened.key().map_err(wrong)?;
    if json {
        output::out(serde_json::json!({ "name": key.name(), "key": key.to_string() }));
    } else {
        output::out(key);
    }
    Ok(0)
}

/// The server has its key in memory, so it must not run.
fn renewed(folder: &Path) -> Result<u8, Trouble> {
    let path = folder.join("lock");
    let lock = File::create(&path).map_err(about(&path))?;
    lock.try_lock().map_err(|_| {
        Trouble::Other(format!(
            "{}: a lazaret serves from this folder; stop it first",
            folder.display()
        ))
    })?;
    let key = SqliteLedger::renew_key(&folder.join(LEDGER)).map_err(wrong)?;
    output::out(key);
    output::err(
        "the ledger is signed with this key from now on; keep its text where only you can write",
    );
    Ok(0)
}
