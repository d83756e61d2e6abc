//! `lazaret api`, and the API of a server.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::proxy::{SALT_BYTES, TOKEN_BYTES, random};
use super::wire::{Built, Trouble, about, exit};
use super::{ApiCommand, hashes, output};
use crate::api::{Api, openapi};
use crate::config::reload::{Change, read, watch as watch_file};
use crate::config::{Role, Server, hashed_token, parse_api_tokens, proxy_user_problem};

/// How our tokens begin, so that scanners for secrets can know them.
const PREFIX: &str = "lza_";

pub(super) fn api(command: &ApiCommand) -> ExitCode {
    exit(match command {
        ApiCommand::Token {
            role,
            name,
            file,
            json,
        } => token(role, name.as_deref(), file.as_deref(), *json),
        ApiCommand::Openapi => {
            output::out(format_args!("{:#}", openapi()));
            Ok(0)
        }
    })
}

fn token(role: &str, name: Option<&str>, file: Option<&Path>, json: bool) -> Result<u8, Trouble> {
    let known: Role = role.parse().map_err(Trouble::Other)?;
    let name = name.unwrap_or(known.as_str());
    if let Some(problem) = proxy_user_problem(name) {
        return Err(Trouble::Other(problem));
    }
    let token = format!("{PREFIX}{}", random::<TOKEN_BYTES>()?);
    let hash = hashed_token(&random::<SALT_BYTES>()?, &token);
    let role = known.as_str();
    let table = format!("[{name:?}]\nrole = {role:?}\ntoken = {hash:?}\n");
    if let Some(file) = file {
        write(name, &table, file)?;
    }
    if json {
        output::out(serde_json::json!({
            "name": name, "role": role, "token": token, "table": table, "file": file,
        }));
        return Ok(0);
    }
    output::out(&token);
    match file {
        Some(file) => output::err(format_args!("{name} is in {}", file.display())),
        None => output::err(format_args!(
            "Put this table into the file that [api] tokens names, or say --file FILE:\n{}",
            table.trim_end()
        )),
    }
    output::err("This token is not shown again. Programs send it as Authorization: Bearer TOKEN");
    Ok(0)
}

/// Adds the table to the file, which is whole at any time. A name that is there is not replaced: its program would stop.
fn write(name: &str, table: &str, file: &Path) -> Result<(), Trouble> {
    let text = match file.exists() {
        true => read(file).map_err(about(file))?,
        false => String::new(),
    };
    let shown = file.to_string_lossy();
    let known = parse_api_tokens(&text, &shown).map_err(Trouble::Mistakes)?;
    if known.names(name) {
        return Err(Trouble::Other(format!(
            "{shown}: {name} has a token; remove its table first, or choose another name"
        )));
    }
    let gap = if text.is_empty() { "" } else { "\n" };
    let fresh = format!("{text}{gap}{table}");
    parse_api_tokens(&fresh, &shown).map_err(Trouble::Mistakes)?;
    hashes::replace(file, &fresh)
}

/// The API of these settings, where they have one; its tokens are read anew when their file changes.
pub(super) fn start(server: &Server, built: &Built) -> Result<Option<Arc<Api>>, Trouble> {
    let Some(settings) = &server.api else {
        return Ok(None);
    };
    let file = settings.tokens.clone();
    let text = read(&file).map_err(about(&file))?;
    let name = file.to_string_lossy().into_owned();
    let tokens = parse_api_tokens(&text, &name).map_err(Trouble::Mistakes)?;
    let tokens = Arc::new(ArcSwap::from_pointee(tokens));
    let followed = tokens.clone();
    tokio::spawn(async move {
        watch_file(file, &text, |change| {
            let read = match change {
                Change::Text(text) => {
                    parse_api_tokens(&text, &name).map_err(|mistakes| mistakes.to_string())
                }
                Change::Unreadable(error) => Err(error.to_string()),
            };
            match read {
                Ok(tokens) => {
                    tracing::info!(
                        file = name,
                        tokens = tokens.count(),
                        "tokens of the API loaded"
                    );
                    followed.store(Arc::new(tokens));
                }
                Err(why) => tracing::error!(
                    file = name,
                    "the tokens of the API are not loaded, the old ones stay:\n{why}"
                ),
            }
        })
        .await;
    });
    Ok(Some(Arc::new(Api {
        admission: built.admission.clone(),
        tokens,
        targets: server.notify.iter().map(|one| one.name.clone()).collect(),
    })))
}
