//! Messages to servers of the operator's choice.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request};

use super::client::AGENT;
use super::{Kind, Upstream, UpstreamError, retry};

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
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), UpstreamError> {
        let unusable = || self.error(Kind::Malformed, "an unusable address");
        let url = self.base.join(path).map_err(|_| unusable())?;
        let mut request = Request::builder().method(Method::POST).uri(url.as_str());
        if let Some(own) = request.headers_mut() {
            own.extend(headers);
            own.insert(USER_AGENT, HeaderValue::from_static(AGENT));
            own.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let request = request.body(Full::new(body)).map_err(|_| unusable())?;
        let times = self.timeouts();
        let patience = times.connect + times.read;
        let answer = match tokio::time::timeout(patience, self.client.request(request)).await {
            Err(_) => return Err(self.error(Kind::Timeout, "no answer in time")),
            Ok(answer) => answer.map_err(|error| self.failure(&error))?,
        };
        let refusal = self.refusal(&answer);
        retry::drain(answer.into_body(), times.read).await;
        refusal.map_or(Ok(()), Err)
    }
}
