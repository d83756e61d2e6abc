//! Paths of the distribution-spec 1.1, section "Endpoints", read strictly.

use std::fmt;

use super::{Digest, ReferenceError, Target};

/// Longest request path in bytes: a name of 255, a digest of 135 and the fixed words.
const MAX_PATH_BYTES: usize = 512;

/// What a request is about. `name` is as the client wrote it: it may begin with a registry's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: is this a registry?
    Ping,
    /// `/v2/<name>/manifests/<tag or digest>`
    Manifest {
        /// Repository.
        name: String,
        /// Tag or digest.
        target: Target,
    },
    /// `/v2/<name>/blobs/<digest>`
    Blob {
        /// Repository.
        name: String,
        /// Digest of the blob.
        digest: Digest,
    },
    /// `/v2/<name>/tags/list`
    Tags {
        /// Repository.
        name: String,
    },
    /// `/v2/<name>/referrers/<digest>`
    Referrers {
        /// Repository.
        name: String,
        /// Digest of the subject.
        digest: Digest,
    },
    /// `/v2/<name>/blobs/uploads/…`: a push, which a gateway never takes.
    Upload,
}

impl Route {
    /// Reads a request's path, without its query. One spelling per route: no percent-encoding,
    /// no empty or dot segments, nothing that a proxy before or behind us could read otherwise.
    ///
    /// # Errors
    /// [`RouteError`] says which part does not fit.
    pub fn parse(path: &str) -> Result<Route, RouteError> {
        if path.len() > MAX_PATH_BYTES {
            return Err(RouteError::TooLong);
        }
        // Every byte is looked at, good or bad: without an early end the loop is done in vectors.
        let odd = |b: u8| !b.is_ascii_graphic() | matches!(b, b'%' | b'\\' | b';' | b'#');
        if path.bytes().fold(false, |found, b| found | odd(b)) {
            return Err(RouteError::Encoded);
        }
        if path == "/v2" || path == "/v2/" {
            return Ok(Route::Ping);
        }
        let rest = path.strip_prefix("/v2/").ok_or(RouteError::NotFound)?;
        let (head, last) = rest.rsplit_once('/').ok_or(RouteError::NotFound)?;
        let (name, kind) = head.rsplit_once('/').ok_or(RouteError::NotFound)?;
        match (kind, last) {
            ("tags", "list") => Ok(Route::Tags {
                name: repository(name)?,
            }),
            ("blobs", "uploads") => Ok(Route::Upload),
            ("uploads", _) if name.ends_with("/blobs") => Ok(Route::Upload),
            ("manifests", target) => Ok(Route::Manifest {
                name: repository(name)?,
                target: target.parse().map_err(RouteError::Target)?,
            }),
            ("blobs", hash) => Ok(Route::Blob {
                name: repository(name)?,
                digest: digest(hash)?,
            }),
            ("referrers", hash) => Ok(Route::Referrers {
                name: repository(name)?,
                digest: digest(hash)?,
            }),
            _ => Err(RouteError::NotFound),
        }
    }
}

/// The grammar is checked again, and fully, once the host is split off; here no dot or empty segment
/// passes, and no character that neither a host nor a path has.
fn repository(name: &str) -> Result<String, RouteError> {
    let alphanumeric = |b: &u8| b.is_ascii_alphanumeric();
    let plain = |segment: &[u8]| {
        segment.first().is_some_and(alphanumeric) && segment.last().is_some_and(alphanumeric)
    };
    let (host, path) = name.split_once('/').unwrap_or(("", name));
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/');
    if host.bytes().all(|b| word(b) || b == b':')
        && path.bytes().all(word)
        && name.as_bytes().split(|b| *b == b'/').all(plain)
    {
        Ok(name.to_owned())
    } else {
        Err(RouteError::Name)
    }
}

fn digest(text: &str) -> Result<Digest, RouteError> {
    text.parse()
        .map_err(|why| RouteError::Target(ReferenceError::Digest(why)))
}

/// Why a path is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// Longer than any path of the spec.
    TooLong,
    /// Percent-encoding, a backslash, a semicolon or a character outside printable ASCII.
    Encoded,
    /// Not an endpoint of the spec.
    NotFound,
    /// The repository's name.
    Name,
    /// The tag or the digest.
    Target(ReferenceError),
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteError::TooLong => write!(f, "the path is longer than {MAX_PATH_BYTES} characters"),
            RouteError::Encoded => {
                f.write_str("the path has encoded or unprintable characters; write it plainly")
            }
            RouteError::NotFound => f.write_str("no such endpoint: see the OCI distribution-spec"),
            RouteError::Name => f.write_str("the repository name is malformed"),
            RouteError::Target(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for RouteError {}

#[cfg(test)]
mod tests;
