//! Docker's credential helpers: programs that tell a user name and a password.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Secret;
use super::credentials::Login;

/// How long a helper may take: some ask a cloud's API.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes that a helper may print.
const MAX_OUTPUT: u64 = 64 * 1024;
/// The user name by which helpers say that the secret is an identity token.
const IDENTITY_TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks `docker-credential-<name>`, found on the path.
pub(super) async fn by_name(name: &str, server: &str) -> Result<Option<Login>, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err("the credential helper's name is malformed".to_owned());
    }
    ask(Path::new(&format!("docker-credential-{name}")), server).await
}

/// Runs `<program> get` with the server's name on its standard input.
pub(super) async fn ask(program: &Path, server: &str) -> Result<Option<Login>, String> {
    let problem =
        |e: &dyn std::fmt::Display| format!("credential helper {}: {e}", program.display());
    let (succeeded, output) = tokio::time::timeout(PATIENCE, run(program, server))
        .await
        .map_err(|_| problem(&"did not answer in 10 s"))?
        .map_err(|e| problem(&e))?;
    if !succeeded {
        let text = String::from_utf8_lossy(&output);
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(problem(&"failed"));
    }
    let answer: Answer =
        serde_json::from_slice(&output).map_err(|_| problem(&"printed no credentials"))?;
    if answer.username == IDENTITY_TOKEN {
        return Err(problem(
            &"identity tokens are not supported; use a password or an access token",
        ));
    }
    Ok(Some(Login {
        username: answer.username,
        password: Secret::new(answer.secret),
    }))
}

async fn run(program: &Path, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input may still answer.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output).await?;
    }
    if output.len() as u64 > MAX_OUTPUT {
        return Err(std::io::Error::other("printed more than 64 KiB"));
    }
    Ok((child.wait().await?.success(), output))
}
