//! Programs of this machine that hear of events: no shell, a clean environment, and an end.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::program::{Group, PATH, last_line};

/// Most of what a program says on its standard error that is kept.
const MAX_COMPLAINTS: u64 = 64 << 10;

/// A program that reads an event from its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long it may run.
    pub patience: Duration,
}

impl Program {
    /// Runs it; it has heard when it ends with 0. Where this is given up, it is killed with all that it started.
    ///
    /// # Errors
    /// In a sentence, with the last line that it complained with.
    pub async fn run(&self, input: &[u8]) -> Result<(), String> {
        let program = self.command.first().ok_or("it has no command")?;
        let ran = tokio::time::timeout(self.patience, self.within(program, input)).await;
        ran.unwrap_or_else(|_| {
            Err(format!(
                "{program} ran longer than {} s",
                self.patience.as_secs()
            ))
        })
    }

    async fn within(&self, program: &str, input: &[u8]) -> Result<(), String> {
        let mut child = Command::new(program)
            .args(self.command.iter().skip(1))
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{program} cannot be run: {error}"))?;
        let group = Group::of(&child);
        let (to, from) = (child.stdin.take(), child.stderr.take());
        let feed = async {
            if let Some(mut to) = to {
                // Whoever does not read it all may still do what it is for.
                let _ = to.write_all(input).await;
            }
        };
        let listen = async {
            let mut said = Vec::new();
            if let Some(from) = from {
                let mut bounded = from.take(MAX_COMPLAINTS);
                let _ = bounded.read_to_end(&mut said).await;
                // It must not stand still because nobody reads on.
                let _ = tokio::io::copy(&mut bounded.into_inner(), &mut tokio::io::sink()).await;
            }
            said
        };
        let ended = async {
            let ended = child.wait().await;
            drop(group);
            ended
        };
        let ((), said, ended) = tokio::join!(feed, listen, ended);
        let ended = ended.map_err(|error| error.to_string())?;
        match ended.success() {
            true => Ok(()),
            false => Err(format!("{program} failed ({ended}){}", last_line(&said))),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::Pid;

    use super::*;

    async fn run(script: &str, patience: u64) -> Result<(), String> {
        let program = Program {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            patience: Duration::from_secs(patience),
        };
        program.run(b"{\"id\":\"7\"}").await
    }

    #[tokio::test]
    async fn a_program_reads_the_event_and_says_by_its_end_whether_it_heard() {
        assert_eq!(run("grep -q '\"id\":\"7\"'", 60).await, Ok(()));
        assert_eq!(run("exit 0", 60).await, Ok(()));
        assert_eq!(
            run("test -z \"$HOME\" && test \"$PWD\" = /", 60).await,
            Ok(())
        );
        assert_eq!(
            run("echo one >&2; echo two >&2; exit 3", 60).await,
            Err("sh failed (exit status: 3): two".to_owned())
        );
        let none = Program {
            command: vec!["/nonexistent".to_owned()],
            patience: Duration::from_secs(60),
        };
        let why = none.run(b"").await.unwrap_err();
        assert!(why.starts_with("/nonexistent cannot be run:"), "{why}");
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let why = run(&script, 1).await.unwrap_err();
        assert_eq!(why, "sh ran longer than 1 s");
        let child: i32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let child = Pid::from_raw(child).unwrap();
        // The signal was sent; the system takes a moment.
        while rustix::process::test_kill_process(child).is_ok() {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero()));
            if stat.is_ok_and(|stat| stat.contains(") Z ")) {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}
