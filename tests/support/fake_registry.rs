//! A registry on 127.0.0.1 that serves what it was given and misbehaves as it is told.
//!
//! ```ignore
//! let registry = FakeRegistry::start().await;
//! let image = registry.push_image("library/nginx", "1.27", &ImageSpec::default());
//! registry.fault("GET /v2/library/nginx/blobs/", Times::Once, Fault::CutAfter(10));
//! ```

mod answer;
mod body;
mod fault;
mod image;
mod shelf;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lazaret::oci::{Descriptor, Digest};
use tokio::net::{TcpListener, TcpStream};

pub(crate) use fault::{Fault, Times};
pub(crate) use image::{Dress, ImageSpec, Pushed};
use shelf::Shelf;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// `GET /v2/…`, what patterns are looked for in.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The running registry; it stops listening when dropped.
pub(crate) struct FakeRegistry {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl FakeRegistry {
    /// Starts on a free port of 127.0.0.1.
    pub(crate) async fn start() -> FakeRegistry {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Mutex::new(Shelf::new(format!("http://{address}"))));
        let shared = shelf.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        FakeRegistry {
            address,
            shelf,
            accepting,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    /// Builds an image by `spec` and puts it behind a tag.
    pub(crate) fn push_image(&self, repository: &str, tag: &str, spec: &ImageSpec) -> Pushed {
        let pushed = image::push(&mut self.shelf(), repository, spec);
        self.tag(repository, tag, &pushed.digest);
        pushed
    }

    /// Stores a manifest as it is, however broken.
    pub(crate) fn push_manifest(
        &self,
        repository: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Digest {
        let pushed = self
            .shelf()
            .push_manifest(repository, media_type, bytes.into());
        pushed.digest
    }

    pub(crate) fn push_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        self.shelf().push_blob(repository, bytes.into())
    }

    /// Attaches an artifact to a subject: listed by the referrers API, or behind the fallback tag
    /// when that is off.
    pub(crate) fn push_referrer(
        &self,
        repository: &str,
        subject: &Descriptor,
        artifact_type: &str,
        content: &[u8],
    ) -> Descriptor {
        image::push_referrer(
            &mut self.shelf(),
            repository,
            subject,
            artifact_type,
            content,
        )
    }

    /// Lists a manifest that is there already as a referrer.
    pub(crate) fn refer(&self, repository: &str, subject: &Digest, entry: Descriptor) {
        image::refer(&mut self.shelf(), repository, subject, &entry);
    }

    /// Serves a file at a path, with this entity tag: whole, or in part where a client has the beginning of it.
    pub(crate) fn file(
        &self,
        path: &str,
        tag: &str,
        headers: &[(&str, &str)],
        content: impl Into<Bytes>,
    ) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let file = shelf::File {
            tag: tag.to_owned(),
            headers: headers.iter().map(own).collect(),
            content: content.into(),
        };
        self.shelf
            .lock()
            .unwrap()
            .files
            .insert(path.to_owned(), file);
    }

    /// Points a tag at a digest, wherever it pointed before.
    pub(crate) fn tag(&self, repository: &str, tag: &str, digest: &Digest) {
        let mut shelf = self.shelf();
        let tags = shelf.tags.entry(repository.to_owned()).or_default();
        tags.insert(tag.to_owned(), *digest);
    }

    /// From now on, requests whose `METHOD /path` contains `pattern` meet `fault`.
    /// Of several that fit, the one added first and not yet used up applies.
    pub(crate) fn fault(&self, pattern: &str, times: Times, fault: Fault) {
        self.shelf().faults.push((pattern.to_owned(), times, fault));
    }

    pub(crate) fn clear_faults(&self) {
        self.shelf().faults.clear();
    }

    /// Asks for a bearer token from now on; the token service wants `login` (user, password) if given.
    pub(crate) fn require_token(&self, login: Option<(&str, &str)>) {
        let login = login.map(|(user, password)| format!("{user}:{password}"));
        self.shelf().tokens = Some(shelf::Tokens::new(login));
    }

    /// Forgets all tokens that were issued.
    pub(crate) fn expire_tokens(&self) {
        if let Some(tokens) = &mut self.shelf().tokens {
            tokens.issued.clear();
        }
    }

    /// Switches the referrers API on (as it is at first) or off: 404, and fallback tags instead.
    pub(crate) fn referrers_api(&self, on: bool) {
        self.shelf().referrers_api = on;
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shelf().log.clone()
    }

    /// How many requests have `pattern` in their `METHOD /path`.
    pub(crate) fn count(&self, pattern: &str) -> usize {
        let fits = |request: &&Request| request.line().contains(pattern);
        self.shelf().log.iter().filter(fits).count()
    }
}

async fn serve(stream: TcpStream, shelf: Arc<Mutex<Shelf>>) {
    let reset = AtomicBool::new(false);
    let service = service_fn(|request| {
        let (shelf, reset) = (shelf.clone(), &reset);
        async move {
            match answer::answer(&shelf, request).await {
                Some(response) => Ok::<_, std::io::Error>(response),
                None => {
                    reset.store(true, Ordering::Relaxed);
                    Err(std::io::Error::other("reset"))
                }
            }
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = Pin::new(&mut connection).await;
    if reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        let _ = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
    }
}
