//! Requests to answers: the distribution-spec's pull endpoints, then the fault.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderName;
use hyper::{Response, StatusCode};
use lazaret::oci::{Descriptor, Digest, Route, Target, media_type};
use serde_json::json;

use super::body::Scripted;
use super::shelf::{File, Shelf};
use super::{Fault, Request};

/// What is about to be sent.
pub(super) struct Draft {
    status: u16,
    headers: Vec<(String, String)>,
    content: Bytes,
}

impl Draft {
    fn new(status: u16, content_type: &str, content: impl Into<Bytes>) -> Draft {
        Draft {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            content: content.into(),
        }
    }

    fn error(status: u16, code: &str) -> Draft {
        let body = json!({ "errors": [{ "code": code, "message": "the fake registry says so" }] });
        Draft::new(status, "application/json", body.to_string())
    }

    /// Sets a header, in place of one of the same name.
    fn with(mut self, name: &str, value: impl Into<String>) -> Draft {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn without(mut self, name: &str) -> Draft {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn send(self, body: Scripted) -> Response<Scripted> {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).unwrap();
            response.headers_mut().append(name, value.parse().unwrap());
        }
        response
    }
}

/// The answer, or none for a reset.
pub(super) async fn answer(
    shelf: &Mutex<Shelf>,
    request: hyper::Request<Incoming>,
) -> Option<Response<Scripted>> {
    let mut recorded = record(&request);
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes());
    recorded.body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    let request = recorded;
    let fault = {
        let mut shelf = shelf.lock().unwrap();
        shelf.log.push(request.clone());
        shelf.take_fault(&request.line())
    };
    if let Some(Fault::DelayUntil(moment)) = &fault {
        moment.notified().await;
    }
    let draft = draft(&mut shelf.lock().unwrap(), &request);
    match fault {
        Some(Fault::Reset) => None,
        Some(fault) => Some(spoil(draft, fault)),
        None => {
            let body = Scripted::full(draft.content.clone());
            Some(whole(draft).send(body))
        }
    }
}

fn record(request: &hyper::Request<Incoming>) -> Request {
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or("?").to_owned();
    let headers = request.headers().iter();
    Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::new(),
    }
}

/// Promises the length, so that HEAD tells it too.
fn whole(draft: Draft) -> Draft {
    let bytes = draft.content.len().to_string();
    draft.with("content-length", bytes)
}

fn spoil(mut draft: Draft, fault: Fault) -> Response<Scripted> {
    let content = draft.content.clone();
    draft = match fault {
        Fault::Status(status, headers, body) => {
            let empty = Draft::new(status, "application/json", body);
            let set = |draft: Draft, (name, value): (String, String)| draft.with(&name, value);
            headers.into_iter().fold(empty, set)
        }
        Fault::CutAfter(bytes) => return whole(draft).send(Scripted::cut(&content, bytes)),
        Fault::EmptyTrailingChunk => {
            return draft.send(Scripted::with_empty_trailing_chunk(content));
        }
        Fault::Endless => return draft.send(Scripted::endless()),
        Fault::Excess(more) => Draft {
            content: [content.as_ref(), &more].concat().into(),
            ..draft
        },
        Fault::WrongByte(at) => {
            let mut content = content.to_vec();
            content[at] ^= 1;
            draft.content = content.into();
            draft
        }
        Fault::Html200 => Draft::new(200, "text/html", "<html>Please log in</html>"),
        Fault::Redirect(url) => Draft::new(307, "text/plain", "").with("location", url),
        Fault::RateLimit { retry_after } => {
            Draft::error(429, "TOOMANYREQUESTS").with("retry-after", retry_after.to_string())
        }
        Fault::WrongContentType(kind) => draft.with("content-type", kind),
        Fault::WrongDigestHeader => {
            let other = Digest::of(b"other content").to_string();
            draft.with("docker-content-digest", other)
        }
        Fault::NoDigestHeader => draft.without("docker-content-digest"),
        Fault::NoHeadSupport => Draft::error(405, "UNSUPPORTED"),
        Fault::HostileRealm(realm) => Draft::error(401, "UNAUTHORIZED").with(
            "www-authenticate",
            format!("Bearer realm=\"{realm}\",service=\"fake\""),
        ),
        Fault::DelayUntil(_) | Fault::Reset => draft,
    };
    let body = Scripted::full(draft.content.clone());
    whole(draft).send(body)
}

fn draft(shelf: &mut Shelf, request: &Request) -> Draft {
    if request.path == "/token" {
        return issue_token(shelf, request);
    }
    if let Some(file) = shelf.files.get(&request.path) {
        return part_of(file, request);
    }
    let Ok(route) = Route::parse(&request.path) else {
        return Draft::error(404, "NAME_UNKNOWN");
    };
    if let Some(refusal) = refuse_without_token(shelf, request, &route) {
        return refusal;
    }
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return Draft::error(405, "UNSUPPORTED");
    }
    match route {
        Route::Ping => Draft::new(200, "application/json", "{}")
            .with("docker-distribution-api-version", "registry/2.0"),
        Route::Manifest { name, target } => manifest(shelf, name, target),
        Route::Blob { name, digest } => match shelf.blobs.get(&(name, digest)) {
            Some(content) => blob(content, &digest, request),
            None => Draft::error(404, "BLOB_UNKNOWN"),
        },
        Route::Tags { name } => tags(shelf, &name, &request.query),
        Route::Referrers { name, digest } if shelf.referrers_api => {
            let found: Vec<Descriptor> = shelf
                .referrers
                .get(&(name, digest))
                .cloned()
                .unwrap_or_default();
            let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": found });
            Draft::new(200, media_type::OCI_INDEX, index.to_string())
        }
        Route::Referrers { .. } => Draft::new(404, "text/plain", "404 page not found"),
        Route::Upload => Draft::error(405, "UNSUPPORTED"),
    }
}

fn manifest(shelf: &Shelf, name: String, target: Target) -> Draft {
    let digest = match target {
        Target::Digest(digest) => Some(digest),
        Target::Tag(tag) => {
            let tags = shelf.tags.get(&name);
            tags.and_then(|tags| tags.get(tag.as_str())).copied()
        }
    };
    let found = digest.and_then(|digest| {
        let found = shelf.manifests.get(&(name, digest))?;
        Some((digest, found))
    });
    match found {
        Some((digest, (kind, content))) => {
            Draft::new(200, kind, content.clone()).with("docker-content-digest", digest.to_string())
        }
        None => Draft::error(404, "MANIFEST_UNKNOWN"),
    }
}

fn blob(content: &Bytes, digest: &Digest, request: &Request) -> Draft {
    let draft = |status, content: Bytes| {
        Draft::new(status, "application/octet-stream", content)
            .with("docker-content-digest", digest.to_string())
            .with("accept-ranges", "bytes")
    };
    let range = request.header("range").and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()))
    });
    let total = content.len();
    match range {
        None => draft(200, content.clone()),
        Some((from, _)) if from >= total => {
            draft(416, Bytes::new()).with("content-range", format!("bytes */{total}"))
        }
        Some((from, to)) => {
            let end = to.map_or(total, |to| (to + 1).min(total)).max(from);
            let told = format!("bytes {from}-{}/{total}", end.saturating_sub(1));
            draft(206, content.slice(from..end)).with("content-range", told)
        }
    }
}

/// A file, or a part of it where the client's tag is the file's (RFC 9110, section 14).
fn part_of(file: &File, request: &Request) -> Draft {
    let same = request.header("if-range").is_none_or(|tag| tag == file.tag);
    let range = request.header("range").filter(|_| same);
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    let total = file.content.len();
    let draft = match from.map(|from| from.parse::<usize>().unwrap()) {
        None => Draft::new(200, "application/octet-stream", file.content.clone()),
        Some(from) if from >= total => Draft::error(416, "RANGE"),
        Some(from) => {
            let told = format!("bytes {from}-{}/{total}", total - 1);
            Draft::new(206, "application/octet-stream", file.content.slice(from..))
                .with("content-range", told)
        }
    };
    let headers = file.headers.iter().cloned();
    headers.fold(
        draft.with("etag", file.tag.as_str()),
        |draft, (name, value)| draft.with(&name, value),
    )
}

fn tags(shelf: &Shelf, name: &str, query: &str) -> Draft {
    let Some(tags) = shelf.tags.get(name) else {
        return Draft::error(404, "NAME_UNKNOWN");
    };
    let last = parameter(query, "last").unwrap_or_default();
    let rest: Vec<&String> = tags.keys().filter(|tag| **tag > last).collect();
    let most = parameter(query, "n").and_then(|n| n.parse().ok());
    let page = &rest[..most.unwrap_or(rest.len()).min(rest.len())];
    let body = json!({ "name": name, "tags": page }).to_string();
    let draft = Draft::new(200, "application/json", body);
    match (page.len() < rest.len(), page.last(), most) {
        (true, Some(last), Some(most)) => {
            let next = format!("</v2/{name}/tags/list?n={most}&last={last}>; rel=\"next\"");
            draft.with("link", next)
        }
        _ => draft,
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

fn scope_of(route: &Route) -> String {
    match route {
        Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Tags { name }
        | Route::Referrers { name, .. } => format!("repository:{name}:pull"),
        Route::Ping | Route::Upload => String::new(),
    }
}

fn refuse_without_token(shelf: &Shelf, request: &Request, route: &Route) -> Option<Draft> {
    let tokens = shelf.tokens.as_ref()?;
    let scope = scope_of(route);
    let sent = request.header("authorization").unwrap_or_default();
    let token = sent.strip_prefix("Bearer ").unwrap_or_default();
    let fits = |(issued, good_for): &(String, String)| {
        issued == token && (scope.is_empty() || *good_for == scope)
    };
    if tokens.issued.iter().any(fits) {
        return None;
    }
    let mut challenge = format!("Bearer realm=\"{}/token\",service=\"fake\"", shelf.url);
    if !scope.is_empty() {
        challenge.push_str(&format!(",scope=\"{scope}\""));
    }
    Some(Draft::error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
}

fn issue_token(shelf: &mut Shelf, request: &Request) -> Draft {
    let Some(tokens) = &mut shelf.tokens else {
        return Draft::error(404, "UNSUPPORTED");
    };
    let login = tokens.login.as_ref();
    let login = login.map(|login| format!("Basic {}", STANDARD.encode(login)));
    if login.is_some() && login.as_deref() != request.header("authorization") {
        return Draft::error(401, "UNAUTHORIZED");
    }
    tokens.count += 1;
    let token = format!("token-{}", tokens.count);
    let scope = parameter(&request.query, "scope").unwrap_or_default();
    tokens.issued.insert((token.clone(), scope));
    let body = json!({ "token": token, "expires_in": 300 });
    Draft::new(200, "application/json", body.to_string())
}
