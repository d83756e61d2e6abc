//! From a request to an answer: who asks, what for, may they.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Body;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::endpoint::{Asked, ENDPOINTS, Endpoint};
use super::openapi::openapi;
use super::parameters::Parameters;
use super::problem::{Problem, respond};
use crate::admission::Admission;
use crate::config::{ApiTokens, Role};

/// Where it begins.
pub const BASE: &str = "/api/v1";
/// Largest body of a request: a reason, some names.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The API, and who may use it.
pub struct Api {
    /// What it tells of and acts on.
    pub admission: Arc<Admission>,
    /// Who may.
    pub tokens: Arc<ArcSwap<ApiTokens>>,
    /// Names of those who are told of events.
    pub targets: Vec<String>,
}

impl Api {
    /// Whether a request is the API's to answer. Bills of material are the console's own.
    pub fn answers(path: &str) -> bool {
        path.strip_prefix(BASE)
            .is_some_and(|rest| rest.starts_with('/') && rest != "/sbom")
    }

    /// Answers one request. Tokens come in a header only and never in a cookie, and no other site is allowed anything,
    /// so no page that somebody opens can act here in their name.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        match self.told(&parts, body).await {
            Ok((status, document)) => respond(status, "application/json", document),
            Err(problem) => problem.respond(),
        }
    }

    async fn told<B>(&self, parts: &Parts, body: B) -> Result<(StatusCode, String), Problem>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let tokens = self.tokens.load();
        let (by, role) = holder(&parts.headers, &tokens)?;
        let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
        if path == "/openapi.json" && parts.method == Method::GET {
            return Ok((StatusCode::OK, openapi().to_string()));
        }
        let (endpoint, id) = endpoint(&parts.method, path)?;
        if !role.may(endpoint.role) {
            let (has, needs) = (role.as_str(), endpoint.role.as_str());
            let why = format!("the token of {by} is for {has}, and this needs {needs}");
            return Err(Problem::new(StatusCode::FORBIDDEN, why));
        }
        let parameters =
            Parameters::read(parts.uri.query().unwrap_or_default(), endpoint.parameters)?;
        let body = read(endpoint, &parts.headers, body).await?;
        let asked = Asked {
            api: self,
            id,
            parameters,
            body,
            by,
        };
        let document = (endpoint.act)(asked).await?;
        Ok((StatusCode::OK, document.to_string()))
    }
}

fn holder<'a>(headers: &HeaderMap, tokens: &'a ApiTokens) -> Result<(&'a str, Role), Problem> {
    let unknown = |why: &str| Problem::new(StatusCode::UNAUTHORIZED, why);
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(written), None) = (shown.next(), shown.next()) else {
        return Err(unknown(
            "who asks? Authorization: Bearer TOKEN, with a token that lazaret api token made",
        ));
    };
    let words = written.to_str().ok().and_then(|text| text.split_once(' '));
    let token = words.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let known = token.and_then(|(_, token)| tokens.holder(token.trim()));
    known.ok_or_else(|| unknown("this is no token of the file that [api] names"))
}

fn endpoint<'a>(method: &Method, path: &'a str) -> Result<(&'static Endpoint, &'a str), Problem> {
    let at = ENDPOINTS
        .iter()
        .filter_map(|endpoint| Some((endpoint, endpoint.matches(path)?)));
    let at: Vec<_> = at.collect();
    if at.is_empty() {
        return Err(Problem::missing(format!(
            "there is no such endpoint; {BASE}/openapi.json has all"
        )));
    }
    let found = at.iter().find(|(endpoint, _)| endpoint.method == *method);
    found.copied().ok_or_else(|| {
        let methods: Vec<&str> = at
            .iter()
            .map(|(endpoint, _)| endpoint.method.as_str())
            .collect();
        let why = format!("this endpoint answers {}", methods.join(" and "));
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, why)
    })
}

/// The body, where the endpoint takes one. A form of another site cannot send this type without being asked first.
async fn read<B>(endpoint: &Endpoint, headers: &HeaderMap, body: B) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if endpoint.takes.is_none() {
        return Ok(Bytes::new());
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if kind != Some("application/json") {
        let why = "the body is JSON: Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let limited = std::pin::pin!(Limited::new(body, MAX_BODY_BYTES));
    match limited.collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let why = format!("the body is larger than {MAX_BODY_BYTES} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Err(error) => Err(Problem::bad(format!("the body ended early: {error}"))),
    }
}
