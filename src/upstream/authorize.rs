//! Answers a registry's challenge (distribution token specification, RFC 7617).

use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderMap, WWW_AUTHENTICATE};
use url::Url;

use crate::oci::Challenge;

use super::client::{Ask, host_of};
use super::token::Token;
use super::{Kind, Secret, Upstream, UpstreamError, body};

/// Largest answer of a token service in bytes; real ones have about 3,000.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;
/// How long a Basic header is kept before the credentials are looked up again.
const BASIC_LIFE: Duration = Duration::from_secs(300);

impl Upstream {
    /// An `Authorization` header for a repository, other than the one that was `refused`.
    pub(super) async fn authorize(
        &self,
        headers: &HeaderMap,
        repository: &str,
        refused: Option<&Secret>,
    ) -> Result<Secret, UpstreamError> {
        let challenge = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(|text| Challenge::parse(text).ok())
            .ok_or_else(|| {
                self.error(
                    Kind::Unauthorized,
                    "HTTP 401 without a challenge that we can answer",
                )
            })?;
        let fetch = async {
            match challenge {
                Challenge::Basic => self.basic().await,
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                } => {
                    let url = self.token_url(&realm, service.as_deref(), scope, repository)?;
                    self.token(url, repository).await
                }
            }
        };
        self.tokens.renew(repository, refused, fetch).await
    }

    /// Basic over https, or over plain http where the configuration says so: that is checked with `url`.
    async fn basic(&self) -> Result<Token, UpstreamError> {
        match self.login().await? {
            Some(login) => Ok(Token::new(login, BASIC_LIFE)),
            None => Err(self.error(
                Kind::Unauthorized,
                "it asks for a password, and none is configured",
            )),
        }
    }

    async fn login(&self) -> Result<Option<Secret>, UpstreamError> {
        let login = self.credentials.login(self.host()).await;
        let login = login.map_err(|why| self.error(Kind::Unauthorized, why))?;
        Ok(login.map(|login| login.basic()))
    }

    /// The realm is the registry's claim: only its own host or a listed one is asked, and over https.
    fn token_url(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<String>,
        repository: &str,
    ) -> Result<Url, UpstreamError> {
        let mut url =
            Url::parse(realm).map_err(|_| self.error(Kind::Malformed, "the realm is no URL"))?;
        let host = host_of(&url);
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
        let listed = url.origin() == self.base.origin()
            || self.token_hosts.contains(&with_port)
            || (url.port().is_none() && self.token_hosts.contains(&host));
        let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && self.plain_http);
        if !listed || !scheme_fits || !url.username().is_empty() || url.password().is_some() {
            return Err(self.error(
                Kind::NotAllowed,
                format!("its token service {}://{host}", url.scheme()),
            ));
        }
        // A scope for another repository, or for more than pulling, is not asked for.
        let ours = format!("repository:{repository}:pull");
        let scope = scope
            .filter(|scope| !scope.contains("repository:"))
            .unwrap_or(ours);
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &scope);
        drop(query);
        Ok(url)
    }

    async fn token(&self, url: Url, repository: &str) -> Result<Token, UpstreamError> {
        let login = self.login().await?;
        let ask = Ask {
            method: Method::GET,
            url,
            accept: Some("application/json"),
            from: 0,
            if_range: None,
            repository,
        };
        let answer = self.exchange(&ask, &ask.url, login.as_ref()).await?;
        if answer.status().is_redirection() {
            return Err(self.error(Kind::NotAllowed, "its token service redirects"));
        }
        if let Some(error) = self.refusal(&answer) {
            return Err(match error.kind() {
                Kind::NotFound | Kind::Denied => {
                    self.error(Kind::Unauthorized, "its token service refuses us")
                }
                _ => error,
            });
        }
        let body = body::collect(self, answer.into_body(), MAX_TOKEN_BYTES).await?;
        Token::parse(&body)
            .ok_or_else(|| self.error(Kind::Malformed, "its token service gave no token"))
    }
}
