//! Running programs of others: no shell, a time, and a bound on what is kept of their words.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command as Process;

use super::wire::{Trouble, runtime};
use crate::clients::{Client, Command, Facts, Heard, docker_info, major};

/// How long a question about versions or settings may take; a daemon that is starting needs some seconds.
pub(super) const QUESTION: Duration = Duration::from_secs(15);
/// Most that is kept of what a program prints, in bytes: progress of a build, and the error at its end.
const MAX_SAID: usize = 256 * 1024;

/// Runs a program to its end, or ends it and all that it started after `limit`. An error where it cannot be started.
pub(super) async fn run(command: &Command, limit: Duration) -> std::io::Result<Heard> {
    let mut words = command.words.iter();
    let program = words.next().map_or("", String::as_str);
    let mut child = Process::new(program)
        .args(words)
        .env("DOCKER_BUILDKIT", "1")
        .env("DOCKER_CLI_HINTS", "false")
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = command.input.clone();
    let work = async {
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A program that reads nothing has closed it.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let (out, err, ()) = tokio::join!(read(stdout), read(stderr), feed);
        let status = child.wait().await;
        (status, out, err)
    };
    let ended = tokio::time::timeout(limit, work).await;
    let Ok((status, out, err)) = ended else {
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let said = format!("no end within {} s", limit.as_secs());
        return Ok(Heard { code: None, said });
    };
    Ok(Heard {
        code: status?.code(),
        said: format!("{out}{err}"),
    })
}

/// The last of what is printed; all of it is read, so that the program does not wait.
async fn read(from: Option<impl AsyncRead + Unpin>) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 8 * 1024]);
    let Some(mut from) = from else {
        return String::new();
    };
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if kept.len() > 2 * MAX_SAID {
            kept.drain(..kept.len() - MAX_SAID);
        }
    }
    let from = kept.len().saturating_sub(MAX_SAID);
    String::from_utf8_lossy(kept.get(from..).unwrap_or_default()).into_owned()
}

/// Asks a program about itself; none where it is not here or does not want to say.
pub(super) async fn ask(words: &[&str]) -> Option<String> {
    let command = Command {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        input: String::new(),
    };
    let heard = run(&command, QUESTION).await.ok()?;
    (heard.code == Some(0)).then(|| heard.said.trim().to_owned())
}

/// What dockerd says of itself.
pub(super) async fn docker() -> Option<(Facts, String)> {
    docker_info(&ask(&["docker", "info", "--format", "{{json .}}"]).await?)
}

/// What is to be learnt of a client on this machine.
pub(super) async fn learn(client: Client) -> Facts {
    match client {
        Client::Docker => docker().await.map(|(facts, _)| facts).unwrap_or_default(),
        Client::Containerd => Facts {
            major: ask(&["containerd", "--version"])
                .await
                .as_deref()
                .and_then(major),
            ..Facts::default()
        },
        Client::Podman => Facts {
            own_registries: own_registries(),
            ..Facts::default()
        },
        Client::K3s | Client::Rke2 | Client::Buildkit | Client::Machine => Facts::default(),
    }
}

/// The same, for commands that do not wait for anything else.
pub(super) fn facts(client: Client) -> Result<Facts, Trouble> {
    Ok(runtime()?.block_on(learn(client)))
}

/// What podman reads of this user's in place of the system's.
fn own_registries() -> Option<String> {
    let home = std::env::var_os("XDG_CONFIG_HOME").map(std::path::PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".config")))?;
    let folder = home.join("containers");
    let names = ["registries.conf", "registries.conf.d"].map(|name| folder.join(name));
    let there = names.into_iter().find(|path| path.exists())?;
    Some(there.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], input: &str) -> Command {
        Command {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            input: input.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_program_is_heard_with_its_input_and_its_end() {
        let heard = run(&command(&["cat"], "hello"), QUESTION).await.unwrap();
        assert_eq!((heard.code, heard.said.as_str()), (Some(0), "hello"));
        let heard = run(&command(&["false"], ""), QUESTION).await.unwrap();
        assert_eq!(heard.code, Some(1));
        assert!(
            run(&command(&["/no/such/program"], ""), QUESTION)
                .await
                .is_err()
        );
        assert_eq!(ask(&["false"]).await, None);
    }

    #[tokio::test]
    async fn one_that_comes_to_no_end_is_ended_with_its_children() {
        let limit = Duration::from_millis(200);
        let heard = run(&command(&["sh", "-c", "sleep 1000 & wait"], ""), limit)
            .await
            .unwrap();
        assert_eq!(
            (heard.code, heard.said.as_str()),
            (None, "no end within 0 s")
        );
    }

    #[tokio::test]
    async fn the_end_of_what_is_said_is_kept() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; echo end";
        let heard = run(&command(&["sh", "-c", script], ""), QUESTION)
            .await
            .unwrap();
        assert!(heard.said.len() <= MAX_SAID && heard.said.ends_with("end\n"));
    }
}
