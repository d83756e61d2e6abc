//! Messages and questions to servers of the operator's choice, which are no registries.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};

use super::client::AGENT;
use super::{Kind, Upstream, UpstreamError, body, retry};

/// A question.
#[derive(Debug)]
pub struct Call {
    /// How.
    pub method: Method,
    /// The path from the root.
    pub path: String,
    /// With what.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// Largest answer in bytes.
    pub most: u64,
    /// How long its head may take.
    pub patience: Duration,
}

/// What a server answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Upstream {
    /// Posts JSON to a path from the root, once. An answer outside 200 to 299 is an error, and a redirect is not followed:
    /// a message goes where the operator sent it.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), UpstreamError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let times = self.timeouts();
        let patience = times.connect + times.read;
        let answer = self
            .send(Method::POST, path, headers, body, patience)
            .await?;
        let refusal = self.refusal(&answer);
        retry::drain(answer.into_body(), times.read).await;
        refusal.map_or(Ok(()), Err)
    }

    /// Asks once. Every status is an answer, and no redirect is followed.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn call(&self, call: Call) -> Result<Answer, UpstreamError> {
        let Call {
            method,
            path,
            headers,
            body,
            most,
            patience,
        } = call;
        let answer = self.send(method, &path, headers, body, patience).await?;
        let (head, content) = answer.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body::collect(self, content, most).await?,
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
        patience: Duration,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let unusable = || self.error(Kind::Malformed, "an unusable address");
        let url = self.base.join(path).map_err(|_| unusable())?;
        let mut request = Request::builder().method(method).uri(url.as_str());
        if let Some(own) = request.headers_mut() {
            own.extend(headers);
            own.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        }
        let request = request.body(Full::new(body)).map_err(|_| unusable())?;
        match tokio::time::timeout(patience, self.client.request(request)).await {
            Err(_) => Err(self.error(Kind::Timeout, "no answer in time")),
            Ok(answer) => answer.map_err(|error| self.failure(&error)),
        }
    }
}
