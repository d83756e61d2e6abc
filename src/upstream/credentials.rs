//! Who we are at a registry.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::HashMap;

use super::helper;

/// Largest Docker configuration file that is read, in bytes.
const MAX_DOCKER_CONFIG: u64 = 1024 * 1024;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for where it is sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where a registry's user name and password come from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Credentials {
    /// We stay anonymous.
    #[default]
    None,
    /// From our own configuration.
    Static {
        /// User name.
        username: String,
        /// Password or access token.
        password: Secret,
    },
    /// From a `config.json` as `docker login` writes it, with the helpers that it names.
    DockerConfig {
        /// The file.
        path: PathBuf,
    },
    /// From the program `docker-credential-<name>`.
    Helper {
        /// The last part of the program's name: `ecr-login`.
        name: String,
    },
}

/// User name and password, found.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: Secret,
}

impl Login {
    /// Value of an `Authorization` header (RFC 7617).
    pub(super) fn basic(&self) -> Secret {
        let pair = format!("{}:{}", self.username, self.password.reveal());
        Secret::new(format!("Basic {}", STANDARD.encode(pair)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: HashMap<String, Auth>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct Auth {
    auth: Option<String>,
    #[serde(alias = "identityToken")]
    identitytoken: Option<String>,
}

impl Credentials {
    /// Looks up the login for a registry by its name in references; `None` means anonymous.
    pub(super) async fn login(&self, host: &str) -> Result<Option<Login>, String> {
        match self {
            Credentials::None => Ok(None),
            Credentials::Static { username, password } => Ok(Some(Login {
                username: username.clone(),
                password: password.clone(),
            })),
            Credentials::DockerConfig { path } => from_docker_config(path, host).await,
            Credentials::Helper { name } => helper::by_name(name, server_url(host)).await,
        }
    }
}

/// The key under which Docker keeps a registry's credentials.
fn server_url(host: &str) -> &str {
    if host == crate::oci::DOCKER_HUB {
        "https://index.docker.io/v1/"
    } else {
        host
    }
}

/// Whether a key of `auths` or `credHelpers` names this registry.
fn names(key: &str, host: &str) -> bool {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    let key = key.split_once('/').map_or(key, |(host, _)| host);
    key == host
        || (host == crate::oci::DOCKER_HUB
            && ["index.docker.io", "registry-1.docker.io"].contains(&key))
}

async fn from_docker_config(path: &Path, host: &str) -> Result<Option<Login>, String> {
    let problem = |e: &dyn fmt::Display| format!("docker configuration {}: {e}", path.display());
    let size = tokio::fs::metadata(path)
        .await
        .map_err(|e| problem(&e))?
        .len();
    if size > MAX_DOCKER_CONFIG {
        return Err(problem(&"larger than 1 MiB"));
    }
    let text = tokio::fs::read(path).await.map_err(|e| problem(&e))?;
    // serde's message may quote the file, and the file holds secrets.
    let config: DockerConfig =
        serde_json::from_slice(&text).map_err(|_| problem(&"is malformed"))?;
    let by_host = config.cred_helpers.iter().find(|(key, _)| names(key, host));
    if let Some((_, name)) = by_host {
        return helper::by_name(name, server_url(host)).await;
    }
    let auth = config
        .auths
        .iter()
        .find(|(key, _)| names(key, host))
        .map(|(_, auth)| auth);
    if let Some(auth) = auth {
        if auth
            .identitytoken
            .as_ref()
            .is_some_and(|token| !token.is_empty())
        {
            return Err(problem(
                &"identity tokens are not supported; use a password or an access token",
            ));
        }
        if let Some(auth) = auth.auth.as_ref().filter(|auth| !auth.is_empty()) {
            return decode(auth)
                .map(Some)
                .ok_or(problem(&"an auth entry is malformed"));
        }
    }
    match &config.creds_store {
        Some(name) => helper::by_name(name, server_url(host)).await,
        None => Ok(None),
    }
}

/// `base64(user:password)`.
fn decode(auth: &str) -> Option<Login> {
    let pair = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = pair.split_once(':')?;
    Some(Login {
        username: username.to_owned(),
        password: Secret::new(password.trim_end_matches('\0')),
    })
}
