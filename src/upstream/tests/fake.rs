//! A registry of a closure: request in, answer out.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::oci::{Digest, Repository, Target};
use crate::upstream::{RegistrySettings, Settings, Upstream, Upstreams};

pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;
pub(super) const OCI: &str = crate::oci::media_type::OCI_MANIFEST;

/// A running server; every request's method, path and `Authorization` is noted.
pub(super) struct Fake {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(super) async fn start(
        answer: impl Fn(&Request<Incoming>) -> Answer + Send + Sync + 'static,
    ) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (notes, answer) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (notes, answer) = (Arc::clone(&notes), Arc::clone(&answer));
                let service = service_fn(move |request: Request<Incoming>| {
                    let authorization = header(&request, "authorization");
                    let path = request.uri().path_and_query().unwrap().as_str();
                    notes
                        .lock()
                        .unwrap()
                        .push(format!("{} {path} {authorization}", request.method()));
                    let answer = answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(tcp), service),
                );
            }
        });
        Fake { port, seen }
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn settings(&self) -> RegistrySettings {
        RegistrySettings {
            plain_http: true,
            ..RegistrySettings::new("reg.test", &format!("http://127.0.0.1:{}", self.port))
        }
    }

    pub(super) fn upstream(&self) -> Arc<Upstream> {
        build(self.settings())
    }
}

pub(super) fn build(registry: RegistrySettings) -> Arc<Upstream> {
    let settings = Settings {
        registries: vec![registry],
        ..Settings::default()
    };
    Arc::clone(Upstreams::new(settings).unwrap().get("reg.test").unwrap())
}

pub(super) fn header(request: &Request<Incoming>, name: &str) -> String {
    request
        .headers()
        .get(name)
        .map(|v| v.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into()).boxed()).unwrap()
}

/// A body that never ends.
pub(super) fn endless(content_type: &str) -> Answer {
    struct Endless;
    impl hyper::body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let spaces = Bytes::from_static(&[b' '; 16 * 1024]);
            std::task::Poll::Ready(Some(Ok(Frame::data(spaces))))
        }
    }
    let body = Endless.boxed();
    Response::builder()
        .header("content-type", content_type)
        .body(body)
        .unwrap()
}

pub(super) fn repository() -> Repository {
    Repository::new("reg.test", "a/b").unwrap()
}

pub(super) fn tag() -> Target {
    "v1".parse().unwrap()
}

pub(super) fn digest(of: &[u8]) -> Target {
    Target::Digest(Digest::of(of))
}

/// A body of which nothing ever comes.
pub(super) fn stalled(content_type: &str) -> Answer {
    struct Stalled;
    impl hyper::body::Body for Stalled {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            std::task::Poll::Pending
        }
    }
    let body = Stalled.boxed();
    Response::builder()
        .header("content-type", content_type)
        .body(body)
        .unwrap()
}
