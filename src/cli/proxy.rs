//! `lazaret proxy`: who may use it.

use std::path::Path;
use std::process::ExitCode;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::wire::{Trouble, about, exit};
use super::{ProxyCommand, hashes, output};
use crate::config::reload::read;
use crate::config::{hashed_token, parse_proxy_users, proxy_user_problem};

/// How our tokens begin, so that scanners for secrets can know them.
const PREFIX: &str = "lzp_";
/// Random bytes of a token: nobody can try them all, so that its hash needs no slow function.
pub(super) const TOKEN_BYTES: usize = 32;
/// Random bytes of a salt: equal tokens never happen, but equal lines must not tell anything either.
pub(super) const SALT_BYTES: usize = 16;

pub(super) fn proxy(command: &ProxyCommand) -> ExitCode {
    let ProxyCommand::Token { name, file, json } = command;
    exit(token(name, file.as_deref(), *json).map(|()| 0))
}

fn token(name: &str, file: Option<&Path>, json: bool) -> Result<(), Trouble> {
    if let Some(problem) = proxy_user_problem(name) {
        return Err(Trouble::Other(problem));
    }
    let token = format!("{PREFIX}{}", random::<TOKEN_BYTES>()?);
    let line = format!(
        "{name:?} = {:?}",
        hashed_token(&random::<SALT_BYTES>()?, &token)
    );
    if let Some(file) = file {
        write(name, &line, file)?;
    }
    if json {
        output::out(
            serde_json::json!({ "name": name, "token": token, "line": line, "file": file }),
        );
        return Ok(());
    }
    output::out(&token);
    match file {
        Some(file) => output::err(format_args!("{name} is in {}", file.display())),
        None => output::err(format_args!(
            "Put this line into the file that [proxy] users names, or say --file FILE:\n{line}"
        )),
    }
    output::err(format_args!(
        "This token is not shown again. Clients: HTTPS_PROXY=http://{name}:TOKEN@HOST:3128"
    ));
    Ok(())
}

pub(super) fn random<const BYTES: usize>() -> Result<String, Trouble> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| Trouble::Other("no random numbers".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Puts the line in place of the one that the name had; the file is whole at any time.
fn write(name: &str, line: &str, file: &Path) -> Result<(), Trouble> {
    let text = match file.exists() {
        true => read(file).map_err(about(file))?,
        false => String::new(),
    };
    let fresh = replaced(&text, name, line);
    parse_proxy_users(&fresh, &file.to_string_lossy()).map_err(Trouble::Mistakes)?;
    hashes::replace(file, &fresh)
}

fn replaced(text: &str, name: &str, line: &str) -> String {
    let is_its = |written: &str| {
        let key = written.split_once('=').map(|(key, _)| key.trim());
        key.is_some_and(|key| key.trim_matches(['"', '\'']) == name)
    };
    let mut lines: Vec<&str> = text.lines().collect();
    match lines.iter().position(|written| is_its(written)) {
        Some(at) => {
            if let Some(place) = lines.get_mut(at) {
                *place = line;
            }
        }
        None => lines.push(line),
    }
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_takes_the_place_of_the_old() {
        for (text, wanted) in [
            ("", "\"a\" = 1\n"),
            ("b = 2\n", "b = 2\n\"a\" = 1\n"),
            ("# who\na = 2\nb = 3\n", "# who\n\"a\" = 1\nb = 3\n"),
            ("\"a\" = 2\n", "\"a\" = 1\n"),
            ("aa = 2\n", "aa = 2\n\"a\" = 1\n"),
        ] {
            assert_eq!(replaced(text, "a", "\"a\" = 1"), wanted);
        }
    }
}
