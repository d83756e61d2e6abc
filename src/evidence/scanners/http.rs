//! Scanners that are servers: told what is in an image, they answer with a report in our words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::json;

use super::foreign::{self, Named};
use super::report::Report;
use super::{Asked, MAX_REPORT_BYTES};
use crate::upstream::{Call, Upstream};

/// How long a server may be silent; who asks has a clock of his own, which is shorter where that is wanted.
const SILENCE: Duration = Duration::from_secs(600);
/// Version of the question, for servers that will meet others.
const VERSION: u32 = 1;

/// Who we are to a server.
#[derive(Clone)]
pub enum Login {
    /// Nobody.
    Nobody,
    /// `Authorization` with this value.
    Authorization(String),
    /// `X-ScannerAdapter-API-Key` with this value (Harbor's adapters).
    ApiKey(String),
}

impl Login {
    pub(super) fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let (name, value) = match self {
            Login::Nobody => return Ok(headers),
            Login::Authorization(value) => (AUTHORIZATION, value),
            Login::ApiKey(value) => (HeaderName::from_static("x-scanneradapter-api-key"), value),
        };
        let unusable = |_| "its credentials cannot be sent in a header".to_owned();
        let mut value = HeaderValue::from_str(value).map_err(unusable)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(headers)
    }
}

/// A server that answers with a report.
pub struct Webhook {
    /// The server.
    pub server: Arc<Upstream>,
    /// The path there, with its query.
    pub path: String,
    /// Who we are there.
    pub login: Login,
}

impl Webhook {
    pub(super) fn identity(&self) -> String {
        format!("{} {}", self.server.host(), self.path)
    }

    pub(super) async fn ask(&self, asked: &Asked) -> Result<Report, String> {
        let question = json!({
            "version": VERSION,
            "image": asked.repository.as_str(),
            "digest": asked.manifest,
            "platform": asked.platform.to_string(),
            "bill": asked.bill,
        });
        let mut headers = self.login.headers()?;
        let json = HeaderValue::from_static("application/json");
        headers.insert(ACCEPT, json.clone());
        headers.insert(CONTENT_TYPE, json);
        let answer = self
            .server
            .call(Call {
                method: Method::POST,
                path: self.path.clone(),
                headers,
                body: Bytes::from(question.to_string()),
                most: MAX_REPORT_BYTES,
                patience: SILENCE,
            })
            .await
            .map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("it answered HTTP {}", answer.status.as_u16()));
        }
        let image = Named {
            manifest: &asked.manifest,
            config: Some(&asked.image.config.digest),
            distribution: asked.distribution(),
        };
        foreign::read(&answer.body, &image)
    }
}
