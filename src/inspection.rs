//! A registry for scanners: each sees the one image that it is asked about, for as long as it is asked, and nothing else.
//!
//! It is the one place where bytes leave without a permit, so it has a listener of its own, and what it gives goes to
//! whoever holds a pass that only the asked scanner was told.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{
    ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};

use crate::evidence::{Exhibit, Shown};
use crate::oci::{Descriptor, Digest, Route, Target};
use crate::store::Reading;

/// The body of an answer.
pub type Body = Either<Full<Bytes>, Reading>;

/// Answers a scanner.
pub async fn inspect<B>(shown: &Shown, request: &Request<B>) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    if !head && request.method() != Method::GET {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED);
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let pass = request.headers().get(AUTHORIZATION);
    let pass = pass.and_then(|value| value.to_str().ok());
    let Some(exhibit) = pass.and_then(|pass| shown.admit(pass)) else {
        let mut answer = plain(StatusCode::UNAUTHORIZED);
        let challenge = HeaderValue::from_static("Basic realm=\"lazaret inspection\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return answer;
    };
    let own = |name: &str| name == exhibit.repository.as_str();
    match Route::parse(request.uri().path()) {
        Ok(Route::Ping) => plain(StatusCode::OK),
        Ok(Route::Manifest {
            name,
            target: Target::Digest(digest),
        }) if own(&name) && digest == exhibit.manifest => manifest(&exhibit, head).await,
        Ok(Route::Blob { name, digest }) if own(&name) => match exhibit.blob(&digest) {
            Some(descriptor) => blob(&exhibit, descriptor, head).await,
            None => plain(StatusCode::NOT_FOUND),
        },
        _ => plain(StatusCode::NOT_FOUND),
    }
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    let version = HeaderValue::from_static("registry/2.0");
    answer
        .headers_mut()
        .insert("docker-distribution-api-version", version);
    answer
}

fn described(mut answer: Response<Body>, kind: &str, digest: &Digest, size: u64) -> Response<Body> {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(CONTENT_TYPE, kind);
    }
    if let Ok(digest) = HeaderValue::from_str(&digest.to_string()) {
        headers.insert("docker-content-digest", digest);
    }
    answer
}

async fn manifest(exhibit: &Exhibit, head: bool) -> Response<Body> {
    let read = exhibit
        .content
        .manifest(&exhibit.repository, &exhibit.manifest)
        .await;
    let Ok((bytes, manifest)) = read else {
        return plain(StatusCode::BAD_GATEWAY);
    };
    let size = bytes.len() as u64;
    let mut answer = plain(StatusCode::OK);
    if !head {
        *answer.body_mut() = Either::Left(Full::new(bytes));
    }
    described(answer, manifest.media_type(), &exhibit.manifest, size)
}

async fn blob(exhibit: &Exhibit, descriptor: &Descriptor, head: bool) -> Response<Body> {
    let mut answer = plain(StatusCode::OK);
    if !head {
        let read = exhibit.content.layer(&exhibit.repository, descriptor).await;
        match read {
            Ok(reading) => *answer.body_mut() = Either::Right(reading),
            Err(_) => return plain(StatusCode::BAD_GATEWAY),
        }
    }
    described(
        answer,
        "application/octet-stream",
        &descriptor.digest,
        descriptor.size,
    )
}
