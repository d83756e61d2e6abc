//! Scanners that are programs on this machine: no shell, a clean environment, and an end.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::foreign::{self, Named};
use super::layout::{self, Scratch};
use super::report::Report;
use super::{Asked, MAX_REPORT_BYTES};
use crate::program::{Group, PATH, last_line};

/// Most of what a program says on its standard error that is read.
const MAX_COMPLAINTS: u64 = 1 << 20;

/// A program that looks into images and prints a report.
pub struct Program {
    /// The program and its arguments, in which `{layout}`, `{bill}`, `{image}`, `{digest}` and `{platform}` are replaced.
    pub command: Vec<String>,
    /// All that it sees of the environment, beside `PATH`, `HOME` and `TMPDIR`.
    pub environment: BTreeMap<String, String>,
}

impl Program {
    pub(super) fn identity(&self) -> String {
        format!("{:?} {:?}", self.command, self.environment)
    }

    /// Runs it. Where this is given up, it is killed with all that it started.
    pub(super) async fn ask(&self, asked: &Asked, folder: &Path) -> Result<Report, String> {
        let scratch = Scratch::new(folder).map_err(|error| error.to_string())?;
        layout::write(&scratch, asked).await?;
        let printed = self.run(&scratch, asked).await?;
        foreign::read(
            &printed,
            &Named {
                manifest: &asked.manifest,
                config: Some(&asked.image.config.digest),
                distribution: asked.distribution(),
            },
        )
    }

    async fn run(&self, scratch: &Scratch, asked: &Asked) -> Result<Vec<u8>, String> {
        let image = asked.repository.at_digest(asked.manifest).to_string();
        let words = [
            ("{layout}", scratch.layout().display().to_string()),
            ("{bill}", scratch.bill().display().to_string()),
            ("{image}", image),
            ("{digest}", asked.manifest.to_string()),
            ("{platform}", asked.platform.to_string()),
        ];
        let filled = |argument: &String| {
            let fill = |text: String, (word, value): &(&str, String)| text.replace(word, value);
            words.iter().fold(argument.clone(), fill)
        };
        let mut command = self.command.iter().map(filled);
        let program = command.next().ok_or("it has no command")?;
        let mut child = Command::new(&program)
            .args(command)
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", scratch.path())
            .env("TMPDIR", scratch.temporary())
            .envs(&self.environment)
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{program} cannot be run: {error}"))?;
        let (out, complaints) = (child.stdout.take(), child.stderr.take());
        let group = Group::of(&child);
        let (printed, complained) = tokio::join!(
            bounded(out, MAX_REPORT_BYTES),
            bounded(complaints, MAX_COMPLAINTS)
        );
        let ended = child.wait().await.map_err(|error| error.to_string())?;
        drop(group);
        if !ended.success() {
            let complained = complained.unwrap_or_default();
            return Err(format!(
                "{program} failed ({ended}){}",
                last_line(&complained)
            ));
        }
        printed.map_err(|why| format!("{program}: {why}"))
    }
}

/// All that is printed. What is too much is an error, and read no further.
async fn bounded(from: Option<impl AsyncRead + Unpin>, most: u64) -> Result<Vec<u8>, String> {
    let mut printed = Vec::new();
    if let Some(from) = from {
        let read = from.take(most + 1).read_to_end(&mut printed).await;
        read.map_err(|error| error.to_string())?;
    }
    match printed.len() as u64 > most {
        true => Err(format!("it printed more than {} MiB", most >> 20)),
        false => Ok(printed),
    }
}
