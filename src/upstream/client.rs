//! One registry: requests, redirects, retries.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderValue, IF_RANGE, LOCATION, PROXY_AUTHORIZATION,
    RANGE, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::telemetry;

use super::breaker::Breaker;
use super::connect::{ConnectError, Connector, Dialer};
use super::proxy::Proxy;
use super::token::Tokens;
use super::{
    Credentials, Kind, RegistrySettings, Secret, Settings, SettingsError, Timeouts, UpstreamError,
    UpstreamStats,
};
use super::{retry, tls};

/// Most redirects of one request; registries use one or two.
const MAX_REDIRECTS: usize = 5;
/// Longest redirect target in bytes; signed URLs have up to about 2,000.
const MAX_LOCATION_BYTES: usize = 8 * 1024;
/// Idle connections that are kept for each host.
const MAX_IDLE: usize = 16;
/// How long an idle connection is kept: less than the minute at which load balancers close theirs.
const IDLE: Duration = Duration::from_secs(50);
/// How we name ourselves.
pub(super) const AGENT: &str = concat!("lazaret/", env!("CARGO_PKG_VERSION"));

/// A registry that may be asked.
pub struct Upstream {
    host: Arc<str>,
    pub(super) base: Url,
    pub(super) plain_http: bool,
    pub(super) token_hosts: Vec<String>,
    pub(super) credentials: Credentials,
    pub(super) tokens: Tokens,
    timeouts: Timeouts,
    breaker: Breaker,
    stats: UpstreamStats,
    dialer: Arc<Dialer>,
    pub(super) client: Client<Connector, Full<Bytes>>,
}

/// What is asked for.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'a str>,
    /// First byte that is wanted, when not all are.
    pub(super) from: u64,
    /// With [`Ask::from`]: else everything anew, if it is no longer of this entity tag (RFC 9110, section 13.1.5).
    pub(super) if_range: Option<&'a str>,
    /// Repository path: what a token must be good for.
    pub(super) repository: &'a str,
}

impl Upstream {
    pub(super) fn new(
        registry: &RegistrySettings,
        settings: &Settings,
    ) -> Result<Upstream, SettingsError> {
        let wrong = |problem: String| SettingsError::new(&registry.host, problem);
        let base = Url::parse(&registry.url).map_err(|e| wrong(format!("url: {e}")))?;
        let scheme_fits =
            base.scheme() == "https" || (registry.plain_http && base.scheme() == "http");
        if !scheme_fits
            || base.path() != "/"
            || base.query().is_some()
            || !base.username().is_empty()
        {
            return Err(wrong(
                "url: write https://host[:port] (http:// needs plain_http)".to_owned(),
            ));
        }
        let host = host_of(&base);
        let own = (host == "localhost" || host.parse::<std::net::IpAddr>().is_ok())
            .then(|| (host, base.port_or_known_default().unwrap_or(443)));
        let ca_files = settings.ca_files.iter().chain(&registry.ca_files);
        let dialer = Arc::new(Dialer {
            own,
            trusted_hosts: registry
                .redirect_hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            ranges: registry.allow_addresses.clone(),
            never_link_local: registry.never_link_local,
            proxy: settings.proxy.as_ref().map(Proxy::new).transpose()?,
            tls: tls::client_config(ca_files).map_err(wrong)?,
            timeout: settings.timeouts.connect,
        });
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(MAX_IDLE)
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(Connector(Arc::clone(&dialer)));
        Ok(Upstream {
            host: registry.host.as_str().into(),
            base,
            plain_http: registry.plain_http,
            token_hosts: registry
                .token_hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            credentials: registry.credentials.clone(),
            tokens: Tokens::default(),
            timeouts: settings.timeouts,
            breaker: Breaker::default(),
            stats: UpstreamStats::default(),
            dialer,
            client,
        })
    }

    /// Its name in references.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How long it has not answered; none where it does, or failed a few times only.
    pub fn down_for(&self) -> Option<Duration> {
        self.breaker.down_for()
    }

    /// Its counters.
    pub fn stats(&self) -> &UpstreamStats {
        &self.stats
    }

    pub(super) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    pub(super) fn error(&self, kind: Kind, detail: impl Into<String>) -> UpstreamError {
        UpstreamError::new(kind, &self.host, detail)
    }

    /// Repeats an operation while that may help, all within the deadline.
    pub(super) async fn persist<T, F, O>(&self, operation: O) -> Result<T, UpstreamError>
    where
        O: Fn() -> F + Send,
        F: Future<Output = Result<T, UpstreamError>> + Send,
    {
        let deadline = Instant::now() + self.timeouts.deadline;
        let ended = match timeout_at(deadline, self.attempts(operation, deadline)).await {
            Ok(ended) => ended,
            Err(_) => Err(self.error(Kind::Timeout, "the deadline has passed")),
        };
        ended.inspect_err(|e| self.stats.count_error(e.kind()))
    }

    async fn attempts<T, F, O>(&self, operation: O, deadline: Instant) -> Result<T, UpstreamError>
    where
        O: Fn() -> F + Send,
        F: Future<Output = Result<T, UpstreamError>> + Send,
    {
        let mut attempt = 0;
        let mut last = None;
        loop {
            if !self.breaker.admits() {
                return Err(last.unwrap_or_else(|| self.error(Kind::CircuitOpen, "")));
            }
            let error = match operation().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let pause = match error.kind() {
                Kind::RateLimited {
                    retry_after: Some(wait),
                } => wait.max(retry::pause(attempt, fastrand::f64())),
                _ => retry::pause(attempt, fastrand::f64()),
            };
            attempt += 1;
            if !error.retryable()
                || attempt >= retry::MAX_ATTEMPTS
                || Instant::now() + pause >= deadline
            {
                return Err(error);
            }
            last = Some(error);
            tokio::time::sleep(pause).await;
        }
    }

    /// One request with its authorization and its redirects. The answer has a good status.
    pub(super) async fn request(
        &self,
        ask: &Ask<'_>,
    ) -> Result<(Response<Incoming>, Url), UpstreamError> {
        let token = self.tokens.current(ask.repository);
        let (mut answer, mut at) = self.follow(ask, token.as_ref()).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && at.origin() == self.base.origin() {
            let headers = answer.headers().clone();
            retry::drain(answer.into_body(), self.timeouts.read).await;
            let token = self
                .authorize(&headers, ask.repository, token.as_ref())
                .await?;
            (answer, at) = self.follow(ask, Some(&token)).await?;
        }
        match self.refusal(&answer) {
            None => Ok((answer, at)),
            Some(error) => {
                retry::drain(answer.into_body(), self.timeouts.read).await;
                Err(error)
            }
        }
    }

    pub(super) fn refusal(&self, answer: &Response<Incoming>) -> Option<UpstreamError> {
        let status = answer.status();
        let kind = match status.as_u16() {
            200..=299 => return None,
            401 => Kind::Unauthorized,
            403 => Kind::Denied,
            404 => Kind::NotFound,
            408 => Kind::Timeout,
            429 => Kind::RateLimited {
                retry_after: retry::retry_after(answer.headers(), crate::telemetry::now()),
            },
            500..=599 => Kind::Unreachable,
            _ => Kind::Malformed,
        };
        Some(self.error(kind, format!("HTTP {}", status.as_u16())))
    }

    /// Follows redirects by hand: the token goes to the registry's own origin only.
    async fn follow(
        &self,
        ask: &Ask<'_>,
        token: Option<&Secret>,
    ) -> Result<(Response<Incoming>, Url), UpstreamError> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let token = token.filter(|_| url.origin() == self.base.origin());
            let answer = self.exchange(ask, &url, token).await?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((answer, url));
            }
            url = self.redirected(&url, answer.headers().get(LOCATION))?;
            retry::drain(answer.into_body(), self.timeouts.read).await;
        }
        Err(self.error(
            Kind::NotAllowed,
            format!("more than {MAX_REDIRECTS} redirects"),
        ))
    }

    fn redirected(&self, from: &Url, location: Option<&HeaderValue>) -> Result<Url, UpstreamError> {
        let malformed = || self.error(Kind::Malformed, "a redirect to nowhere");
        let location = location
            .and_then(|value| value.to_str().ok())
            .ok_or_else(malformed)?;
        if location.len() > MAX_LOCATION_BYTES {
            return Err(malformed());
        }
        let to = from.join(location).map_err(|_| malformed())?;
        let scheme_fits =
            to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
        if !scheme_fits || !to.username().is_empty() || to.password().is_some() {
            return Err(self.error(
                Kind::NotAllowed,
                format!("a redirect to {}://{}", to.scheme(), host_of(&to)),
            ));
        }
        Ok(to)
    }

    /// One exchange with one host.
    pub(super) async fn exchange(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        token: Option<&Secret>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let request = self
            .build(ask, url, token)
            .ok_or_else(|| self.error(Kind::Malformed, "an unusable address"))?;
        self.stats.requests.fetch_add(1, Relaxed);
        let asked = Instant::now();
        let ended = match tokio::time::timeout(
            self.timeouts.connect + self.timeouts.read,
            self.client.request(request),
        )
        .await
        {
            Err(_) => Err(self.error(Kind::Timeout, "no answer in time")),
            Ok(answer) => answer.map_err(|e| self.failure(&e)),
        };
        telemetry::metrics().upstream(self.host(), asked.elapsed());
        if url.origin() == self.base.origin() {
            let alive = match &ended {
                // A 500 is about one question; these three say that the registry itself is down.
                Ok(answer) => !matches!(answer.status().as_u16(), 502..=504),
                Err(e) => !matches!(e.kind(), Kind::Unreachable | Kind::Timeout),
            };
            self.breaker.record(alive);
        }
        ended
    }

    fn build(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        token: Option<&Secret>,
    ) -> Option<Request<Full<Bytes>>> {
        let mut shown = url.clone();
        shown.set_fragment(None);
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(shown.as_str())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT_ENCODING, "identity");
        if let Some(accept) = ask.accept {
            request = request.header(ACCEPT, accept);
        }
        if ask.from > 0 {
            request = request.header(RANGE, format!("bytes={}-", ask.from));
            if let Some(tag) = ask.if_range {
                request = request.header(IF_RANGE, tag);
            }
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, sensitive(token.reveal())?);
        }
        let proxy = self
            .dialer
            .proxy
            .as_ref()
            .filter(|proxy| url.scheme() == "http" && proxy.serves(&host_of(url)));
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request = request.header(PROXY_AUTHORIZATION, sensitive(authorization)?);
        }
        request.body(Full::default()).ok()
    }

    pub(super) fn failure(&self, error: &legacy::Error) -> UpstreamError {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut deepest = error.to_string();
        while let Some(this) = cause {
            match this.downcast_ref::<ConnectError>() {
                Some(why @ ConnectError::NotAllowed(_)) => {
                    return self.error(Kind::NotAllowed, why.to_string());
                }
                Some(why @ ConnectError::Timeout) => {
                    return self.error(Kind::Timeout, why.to_string());
                }
                _ => deepest = this.to_string(),
            }
            cause = this.source();
        }
        self.error(Kind::Unreachable, deepest)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({})", self.host)
    }
}

/// A URL's host without brackets, in lower case.
pub(super) fn host_of(url: &Url) -> String {
    url.host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase()
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
