//! From an HTTP request to what is asked: strictly read, so that nobody else can read it otherwise.

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request};

use crate::ledger::{Client, Identity};
use crate::oci::{DOCKER_HUB, ErrorCode, Reference, Repository, Route, Target};

use super::dialled::host_name;
use super::peer::Peer;
use super::pull::Side;

/// Longest query in bytes: `ns`, `n`, `last`, `artifactType` and our own hop counter.
const MAX_QUERY_BYTES: usize = 1_024;
/// Longest User-Agent that is recorded; Docker's has about 150 bytes.
const MAX_USER_AGENT_BYTES: usize = 256;
/// The query parameter that counts how often a waiting client was sent round.
pub(super) const HOP: &str = "lazaret-hop";
/// Headers that must not stand twice: readers differ about which one counts.
const SINGLE: [HeaderName; 5] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::RANGE,
    header::AUTHORIZATION,
];

/// What a client asks for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) route: Route,
    /// The repository in full; none for a ping.
    pub(super) repository: Option<Repository>,
    pub(super) head: bool,
    /// Sent round so often.
    pub(super) hop: u32,
    /// As in the request: to send the client round to the same place.
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) range: Option<String>,
    pub(super) client: Client,
}

/// The query's parameters that mean something here.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    /// Which registry is meant, in containerd's words.
    pub(super) ns: Option<String>,
    pub(super) n: Option<u32>,
    pub(super) last: Option<String>,
    pub(super) artifact_type: Option<String>,
}

/// A request that is not answered, and why.
#[derive(Debug)]
pub(super) struct BadRequest {
    pub(super) code: ErrorCode,
    pub(super) why: String,
}

fn bad(code: ErrorCode, why: impl Into<String>) -> BadRequest {
    BadRequest {
        code,
        why: why.into(),
    }
}

impl Ask {
    /// Reads a request that arrived on `side`; `registries` are the hosts of the closed list.
    pub(super) fn read<B>(
        request: &Request<B>,
        side: Side,
        peer: &Peer,
        knows: impl Fn(&str) -> bool,
    ) -> Result<Ask, BadRequest> {
        if request.uri().authority().is_some() {
            return Err(bad(
                ErrorCode::Unsupported,
                "this listener is no forward proxy",
            ));
        }
        let host = request.headers().get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        Ask::of(request, side, peer, |name, ns| {
            qualify(name, ns, host, side, &knows)
        })
    }

    /// Reads a request of a client that believes to talk to `registry`: nothing in it can name another one.
    pub(super) fn read_from<B>(
        request: &Request<B>,
        side: Side,
        registry: &str,
        peer: &Peer,
    ) -> Result<Ask, BadRequest> {
        if request.uri().authority().is_some() && side != Side::Proxy {
            return Err(bad(
                ErrorCode::Unsupported,
                "this listener is no forward proxy",
            ));
        }
        Ask::of(request, side, peer, |name, _| {
            let named = Repository::new(registry, name);
            named.map_err(|why| bad(ErrorCode::NameInvalid, why.to_string()))
        })
    }

    fn of<B>(
        request: &Request<B>,
        side: Side,
        peer: &Peer,
        repository: impl Fn(&str, Option<&str>) -> Result<Repository, BadRequest>,
    ) -> Result<Ask, BadRequest> {
        let headers = request.headers();
        check_headers(headers)?;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Err(bad(
                ErrorCode::Unsupported,
                "this registry only serves: push to your own registry",
            ));
        }
        let path = request.uri().path();
        let route = Route::parse(path)
            .map_err(|why| bad(route_code(&route_name(path)), why.to_string()))?;
        let (query, hop) = Query::read(request.uri().query().unwrap_or_default())?;
        let repository = match &route {
            Route::Ping => None,
            Route::Upload => {
                return Err(bad(
                    ErrorCode::Unsupported,
                    "this registry only serves: push to your own registry",
                ));
            }
            Route::Manifest { name, .. }
            | Route::Blob { name, .. }
            | Route::Tags { name }
            | Route::Referrers { name, .. } => Some(repository(name, query.ns.as_deref())?),
        };
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let user_agent: String = text(header::USER_AGENT)
            .unwrap_or_default()
            .chars()
            .take(MAX_USER_AGENT_BYTES)
            .collect();
        Ok(Ask {
            route,
            repository,
            head: request.method() == Method::HEAD,
            hop,
            path: path.to_owned(),
            query,
            range: text(header::RANGE).map(str::to_owned),
            client: Client {
                address: peer.address,
                user_agent: user_agent.into(),
                listener: side.name(),
                identity: None,
            },
        })
    }

    /// The same, asked by somebody who is known.
    pub(super) fn known(mut self, identity: Option<Identity>) -> Ask {
        self.client.identity = identity;
        self
    }

    /// The reference that is asked for, where the route has one.
    pub(super) fn reference(&self) -> Option<Reference> {
        let repository = self.repository.as_ref()?;
        match &self.route {
            Route::Manifest { target, .. } => Some(repository.at(target.clone())),
            Route::Blob { digest, .. } | Route::Referrers { digest, .. } => {
                Some(repository.at(Target::Digest(*digest)))
            }
            Route::Tags { .. } => Some(repository.at_tag(crate::oci::Tag::latest())),
            Route::Ping | Route::Upload => None,
        }
    }

    /// The same place, one hop further.
    pub(super) fn next_hop(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(ns) = &self.query.ns {
            query.append_pair("ns", ns);
        }
        query.append_pair(HOP, &(self.hop + 1).to_string());
        format!("{}?{}", self.path, query.finish())
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), BadRequest> {
    for name in SINGLE {
        if headers.get_all(&name).iter().nth(1).is_some() {
            return Err(bad(
                ErrorCode::Unsupported,
                format!("the header {name} stands twice"),
            ));
        }
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length != "0");
    if length || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(bad(
            ErrorCode::Unsupported,
            "a request for content has no body",
        ));
    }
    Ok(())
}

/// The last fixed word of a path that is no route, to choose the error code that its endpoint would use.
fn route_name(path: &str) -> String {
    path.rsplit('/').nth(1).unwrap_or_default().to_owned()
}

fn route_code(kind: &str) -> ErrorCode {
    match kind {
        "blobs" | "referrers" => ErrorCode::DigestInvalid,
        "manifests" => ErrorCode::ManifestUnknown,
        _ => ErrorCode::NameInvalid,
    }
}

/// Which registry is meant: `ns`, else the path's first segment, else the host that was dialled, else Docker Hub.
fn qualify(
    name: &str,
    ns: Option<&str>,
    host: &str,
    side: Side,
    knows: impl Fn(&str) -> bool,
) -> Result<Repository, BadRequest> {
    let wrong = |why: crate::oci::ReferenceError| bad(ErrorCode::NameInvalid, why.to_string());
    if let Some(ns) = ns {
        // A client with hosts.toml for `_default` may also send the registry as the first segment; `ns` decides.
        return Repository::new(ns, name).map_err(wrong);
    }
    if let Some((first, rest)) = name.split_once('/')
        && (knows(first) || first.contains('.'))
    {
        return Repository::new(first, rest).map_err(wrong);
    }
    // With the port, where the registry's name has one.
    let without = host_name(host);
    if let Some(dialled) = [host.to_ascii_lowercase(), without]
        .iter()
        .find(|host| knows(host))
    {
        return Repository::new(dialled, name).map_err(wrong);
    }
    match side {
        Side::Mirror => Repository::new(DOCKER_HUB, name).map_err(wrong),
        Side::Gateway | Side::Proxy => Err(bad(
            ErrorCode::NameUnknown,
            format!(
                "which registry? Write it before the name, as in {host}/docker.io/library/nginx"
            ),
        )),
    }
}

impl Query {
    fn read(text: &str) -> Result<(Query, u32), BadRequest> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(bad(
                ErrorCode::NameInvalid,
                format!("the query is longer than {MAX_QUERY_BYTES} characters"),
            ));
        }
        let (mut query, mut hop) = (Query::default(), 0);
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let twice = match name.as_ref() {
                "ns" => query.ns.replace(value.into_owned()).is_some(),
                "last" => query.last.replace(value.into_owned()).is_some(),
                "artifactType" => query.artifact_type.replace(value.into_owned()).is_some(),
                "n" => query.n.replace(value.parse().unwrap_or(0)).is_some(),
                HOP => {
                    hop = value.parse().unwrap_or(u32::MAX - 1);
                    false
                }
                _ => false,
            };
            if twice {
                return Err(bad(
                    ErrorCode::NameInvalid,
                    format!("the parameter {name} stands twice"),
                ));
            }
        }
        Ok((query, hop))
    }
}
