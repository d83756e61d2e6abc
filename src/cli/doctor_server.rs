//! Asking the server whether a pull of the canary came to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::wire::{Trouble, outside};
use crate::config::Server;
use crate::upstream::{Call, Upstream};

/// How long the server may take; it answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer in bytes: 64 requests of a few hundred.
const MAX_ANSWER: u64 = 256 * 1024;

/// The server's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// The policy's mode.
    #[serde(default)]
    pub(super) mode: String,
    /// Fingerprints of the authorities by which it answers as registries.
    #[serde(default)]
    pub(super) authorities: Vec<String>,
    seen: Vec<Seen>,
}

#[derive(Debug, Deserialize)]
struct Seen {
    repository: String,
    listener: String,
}

impl Answer {
    /// The listener at which this repository was asked for.
    pub(super) fn listener(&self, repository: &str) -> Option<String> {
        let seen = self.seen.iter().find(|seen| seen.repository == repository);
        seen.map(|seen| seen.listener.clone())
    }
}

/// An admin listener.
pub(super) struct Asked {
    url: String,
    server: Arc<Upstream>,
}

impl Asked {
    /// Where it is: as said, as clients' links lead, or where this machine's server listens.
    pub(super) fn place(server: &Server, said: Option<&str>) -> String {
        let listens = || {
            let scheme = if server.admin.tls.is_some() {
                "https"
            } else {
                "http"
            };
            format!("{scheme}://{}", server.admin.listen)
        };
        let written = || server.external_url.as_ref().map(ToString::to_string);
        let url = said
            .map(str::to_owned)
            .or_else(written)
            .unwrap_or_else(listens);
        url.trim_end_matches('/').to_owned()
    }

    pub(super) fn new(server: &Server, said: Option<&str>) -> Result<Asked, Trouble> {
        let url = Asked::place(server, said);
        // It is reached as a person would, and not as registries are.
        let mut direct = server.clone();
        direct.upstream.proxy = None;
        let server = outside(&direct, "the admin listener", &url, PATIENCE)?;
        Ok(Asked { url, server })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Where it is: names of registries may lead there.
    pub(super) fn host(&self) -> Option<(String, u16)> {
        let url = Url::parse(&self.url).ok()?;
        Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
    }

    /// What it knows of a nonce; none where it does not answer.
    pub(super) async fn about(&self, nonce: &str) -> Option<Answer> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let call = Call {
            method: Method::GET,
            path: format!("/canary/{nonce}"),
            headers,
            body: Bytes::new(),
            most: MAX_ANSWER,
            patience: PATIENCE,
        };
        let answer = self.server.call(call).await.ok()?;
        if !answer.status.is_success() {
            return None;
        }
        serde_json::from_slice(&answer.body).ok()
    }
}
