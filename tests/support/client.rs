//! A client that pulls as Docker does: manifest, child, configuration, layers, each checked.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use lazaret::oci::{Digest, Manifest, Platform, media_type};
use tokio::net::TcpStream;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The words after the status, when they are not the usual ones.
    pub(crate) reason: Option<String>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Why the body ended before its end, if it did.
    pub(crate) broken: Option<String>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Where a pull ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// All parts came and each hashed to its digest.
    Pulled(Image),
    /// Some request was not answered with its content; the path says which.
    Refused { path: String, answer: Answer },
    /// Some content was not what its digest says.
    Corrupt { path: String },
}

impl Outcome {
    #[track_caller]
    pub(crate) fn pulled(self) -> Image {
        match self {
            Outcome::Pulled(image) => image,
            other => panic!("not pulled: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn refused(self) -> (String, Answer) {
        match self {
            Outcome::Refused { path, answer } => (path, answer),
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// What a pull brought.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// Digest behind the tag.
    pub(crate) digest: Digest,
    /// Digest of the manifest for the platform.
    pub(crate) manifest: Digest,
    pub(crate) config: Bytes,
    pub(crate) layers: Vec<Bytes>,
}

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    user_agent: String,
    platform: Platform,
    query: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, user_agent: &str) -> Client {
        Client {
            address,
            user_agent: user_agent.to_owned(),
            platform: "linux/amd64".parse().unwrap(),
            query: String::new(),
        }
    }

    /// Sends `?ns=` with each request, as containerd does to a mirror.
    pub(crate) fn with_namespace(mut self, host: &str) -> Client {
        self.query = format!("?ns={host}");
        self
    }

    pub(crate) fn for_platform(mut self, platform: &str) -> Client {
        self.platform = platform.parse().unwrap();
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.send("HEAD", path, &[]).await
    }

    /// One request on a connection of its own. Panics when there is no answer at all; see [`Client::try_send`].
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send(method, path, headers).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("user-agent", &self.user_agent)
            .header("accept", media_type::MANIFESTS.join(", "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender
            .send_request(request.body(Empty::<Bytes>::new())?)
            .await?;
        let answer = read(response).await;
        driver.abort();
        Ok(answer)
    }

    /// Pulls `name` at `target` (a tag or a digest): HEAD, manifest, child of the platform,
    /// configuration, layers. Follows redirects to the same server.
    pub(crate) async fn pull(&self, name: &str, target: &str) -> Outcome {
        match self.walk(name, target).await {
            Ok(image) => Outcome::Pulled(image),
            Err(end) => *end,
        }
    }

    async fn walk(&self, name: &str, target: &str) -> Result<Image, Box<Outcome>> {
        let path = format!("/v2/{name}/manifests/{target}");
        let head = self.fetch("HEAD", &path).await?;
        let told = head.header("docker-content-digest");
        let digest: Option<Digest> = told.and_then(|text| text.parse().ok());
        // Like Docker, by digest once it is known, whatever the tag says by then.
        let (digest, top) = match digest {
            Some(digest) => {
                let path = format!("/v2/{name}/manifests/{digest}");
                (digest, self.content(&path, &digest).await?)
            }
            None => {
                let body = self.fetch("GET", &path).await?.body;
                (Digest::of(&body), body)
            }
        };
        let corrupt = || Box::new(Outcome::Corrupt { path: path.clone() });
        let mut manifest = (digest, Manifest::parse(&top, None).map_err(|_| corrupt())?);
        if let Manifest::Index(index) = &manifest.1 {
            let fits = |platform: &Platform| platform.satisfies(&self.platform);
            let mut entries = index.manifests.iter();
            let child = entries.find(|entry| entry.platform.as_ref().is_some_and(fits));
            let child = child.ok_or_else(corrupt)?.digest;
            let path = format!("/v2/{name}/manifests/{child}");
            let body = self.content(&path, &child).await?;
            manifest = (child, Manifest::parse(&body, None).map_err(|_| corrupt())?);
        }
        let (manifest, Manifest::Image(image)) = manifest else {
            return Err(corrupt());
        };
        let blob = |digest: &Digest| (format!("/v2/{name}/blobs/{digest}"), *digest);
        let (path, wanted) = blob(&image.config.digest);
        let config = self.content(&path, &wanted).await?;
        let mut layers = Vec::new();
        for layer in &image.layers {
            let (path, wanted) = blob(&layer.digest);
            layers.push(self.content(&path, &wanted).await?);
        }
        Ok(Image {
            digest,
            manifest,
            config,
            layers,
        })
    }

    /// Content that hashes to `digest`.
    async fn content(&self, path: &str, digest: &Digest) -> Result<Bytes, Box<Outcome>> {
        let answer = self.fetch("GET", path).await?;
        if answer.broken.is_some() || !digest.verifies(&answer.body) {
            let path = path.to_owned();
            return Err(Box::new(Outcome::Corrupt { path }));
        }
        Ok(answer.body)
    }

    /// An answer of 200, behind at most ten redirects.
    async fn fetch(&self, method: &str, path: &str) -> Result<Answer, Box<Outcome>> {
        let mut next = format!("{path}{}", self.query);
        let mut answer = self.send(method, &next, &[]).await;
        for _ in 0..10 {
            let location = answer.header("location").filter(|_| answer.status == 307);
            let Some(location) = location else { break };
            let own = format!("http://{}", self.address);
            next = location.strip_prefix(&own).unwrap_or(location).to_owned();
            answer = self.send(method, &next, &[]).await;
        }
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(Box::new(Outcome::Refused { path: next, answer }))
        }
    }
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> Answer {
    let reason = response.extensions().get::<ReasonPhrase>();
    let reason = reason.map(|words| String::from_utf8_lossy(words.as_bytes()).into_owned());
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    let (status, headers) = (response.status().as_u16(), headers.collect());
    let (mut body, mut bytes, mut broken) = (response.into_body(), Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(why) => broken = Some(why.to_string()),
        }
    }
    Answer {
        status,
        reason,
        headers,
        body: bytes.into(),
        broken,
    }
}
