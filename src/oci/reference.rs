//! Image references: the grammar of `distribution/reference`, with Docker Hub's short names made full.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Digest, DigestError};

/// The registry that a name without host means.
pub const DOCKER_HUB: &str = "docker.io";
/// Hosts that are Docker Hub by another name.
const DOCKER_HUB_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// Longest `host/path` in bytes (`NameTotalLengthMax` of distribution).
const MAX_NAME_BYTES: usize = 255;
/// Longest tag in bytes (distribution-spec "Pulling manifests").
const MAX_TAG_BYTES: usize = 128;

/// A repository of a registry in full: `docker.io/library/nginx`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    full: Arc<str>,
    host_bytes: usize,
}

impl Repository {
    /// A repository at `host` (with port, if any); one-segment Docker Hub names get their `library/`.
    ///
    /// # Errors
    /// [`ReferenceError`] where host or path do not fit the grammar.
    pub fn new(host: &str, path: &str) -> Result<Repository, ReferenceError> {
        let host = host.to_ascii_lowercase();
        let host = if DOCKER_HUB_ALIASES.contains(&host.as_str()) {
            DOCKER_HUB
        } else {
            host.as_str()
        };
        if !is_host(host) || !is_told_from_path(host) {
            return Err(ReferenceError::Host);
        }
        if !is_path(path) {
            return Err(if path.bytes().any(|b| b.is_ascii_uppercase()) {
                ReferenceError::UpperCase
            } else {
                ReferenceError::Path
            });
        }
        let library = if host == DOCKER_HUB && !path.contains('/') {
            "library/"
        } else {
            ""
        };
        let full = format!("{host}/{library}{path}");
        if full.len() > MAX_NAME_BYTES {
            return Err(ReferenceError::TooLong);
        }
        Ok(Repository {
            full: full.into(),
            host_bytes: host.len(),
        })
    }

    /// The registry's name: `docker.io`.
    pub fn host(&self) -> &str {
        self.full.get(..self.host_bytes).unwrap_or_default()
    }

    /// The path within the registry: `library/nginx`.
    pub fn path(&self) -> &str {
        self.full.get(self.host_bytes + 1..).unwrap_or_default()
    }

    /// Host and path: `docker.io/library/nginx`.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// Who publishes it, as far as names tell: `docker.io/library`, `ghcr.io/org`; the host alone where images lie at its
    /// root.
    pub fn publisher(&self) -> &str {
        let first = self.path().find('/').map(|end| self.host_bytes + 1 + end);
        let end = first.unwrap_or(self.host_bytes);
        self.full.get(..end).unwrap_or_default()
    }

    /// This repository at a tag.
    pub fn at_tag(&self, tag: Tag) -> Reference {
        Reference {
            repository: self.clone(),
            tag: Some(tag),
            digest: None,
        }
    }

    /// This repository at a digest.
    pub fn at_digest(&self, digest: Digest) -> Reference {
        Reference {
            repository: self.clone(),
            tag: None,
            digest: Some(digest),
        }
    }

    /// This repository at a target.
    pub fn at(&self, target: Target) -> Reference {
        match target {
            Target::Tag(tag) => self.at_tag(tag),
            Target::Digest(digest) => self.at_digest(digest),
        }
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    /// Parses `nginx`, `bitnami/redis`, `ghcr.io/org/image`: a reference without tag and digest.
    fn from_str(text: &str) -> Result<Repository, ReferenceError> {
        let (host, path) = split_host(text);
        Repository::new(host, path)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// A tag: up to 128 of letters, digits, `_`, `.`, `-`, not starting with the last two.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The tag that is meant where none is given.
    pub fn latest() -> Tag {
        Tag("latest".into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Tag, ReferenceError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let first = text.bytes().next().is_some_and(word);
        if first
            && text.len() <= MAX_TAG_BYTES
            && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
        {
            Ok(Tag(text.into()))
        } else {
            Err(ReferenceError::Tag)
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a registry is asked for: a tag that moves or a digest that does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A name that the publisher may point elsewhere tomorrow.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tag(tag) => tag.fmt(f),
            Target::Digest(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = ReferenceError;

    /// A text with a colon is a digest, any other a tag.
    fn from_str(text: &str) -> Result<Target, ReferenceError> {
        if text.contains(':') {
            text.parse()
                .map(Target::Digest)
                .map_err(ReferenceError::Digest)
        } else {
            text.parse().map(Target::Tag)
        }
    }
}

/// What a person asks for: a repository and a tag, a digest or both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// Where.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one was given.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to ask the registry for: the digest where there is one.
    pub fn target(&self) -> Target {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Target::Digest(*digest),
            (None, Some(tag)) => Target::Tag(tag.clone()),
            (None, None) => Target::Tag(Tag::latest()),
        }
    }

    /// The same tag in another repository: for "did you mean". A digest stays behind: it is this one's content.
    pub fn in_repository(&self, repository: Repository) -> Reference {
        Reference {
            repository,
            tag: self.tag.clone(),
            digest: None,
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Parses what a person types: `nginx`, `nginx:1.27`, `ghcr.io/org/image:tag@sha256:…`.
    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse().map_err(ReferenceError::Digest)?)),
            None => (text, None),
        };
        let colon = name
            .rfind(':')
            .filter(|at| !name.get(*at..).unwrap_or_default().contains('/'));
        let (name, tag) = match colon.and_then(|at| name.split_at_checked(at)) {
            Some((name, tag)) => (name, Some(tag.strip_prefix(':').unwrap_or(tag).parse()?)),
            None => (name, None),
        };
        let tag = if tag.is_none() && digest.is_none() {
            Some(Tag::latest())
        } else {
            tag
        };
        Ok(Reference {
            repository: name.parse()?,
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest
            .iter()
            .try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// The first segment is a host where it could not be a Docker Hub namespace.
fn split_host(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest)) if is_told_from_path(first) => (first, rest),
        _ => (DOCKER_HUB, name),
    }
}

/// Whether a host reads as one in `host/path`. Any other would come back from its text as a
/// namespace of Docker Hub: another image. (Distribution also takes `Foo/bar` for host `Foo`;
/// we refuse the capital instead.)
fn is_told_from_path(host: &str) -> bool {
    host.contains(['.', ':']) || host.eq_ignore_ascii_case("localhost")
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (
                "v6",
                port.strip_prefix(':')
                    .or(if port.is_empty() { None } else { Some("x") }),
            )
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.split('.').all(label) && port.is_none_or(is_port)
}

/// Digits only: `parse` alone would take `+80`.
fn is_port(port: &str) -> bool {
    port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` in segments divided by slashes.
fn is_path(path: &str) -> bool {
    path.split('/').all(is_path_segment)
}

fn is_path_segment(segment: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [segment.bytes().next(), segment.bytes().last()];
    ends.into_iter().all(|b| b.is_some_and(alphanumeric))
        && segment
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|b| b == b'-'))
}

/// Why a text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    /// The registry's name.
    Host,
    /// The repository's path.
    Path,
    /// The repository's path has capitals.
    UpperCase,
    /// Host and path together.
    TooLong,
    /// The tag.
    Tag,
    /// The digest.
    Digest(DigestError),
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReferenceError::Host => f.write_str("the registry host is malformed: write host or host:port"),
            ReferenceError::Path => f.write_str(
                "the repository name is malformed: write lower-case letters and digits, joined by . _ __ - and divided by /",
            ),
            ReferenceError::UpperCase => f.write_str("the repository name must be lower case"),
            ReferenceError::TooLong => write!(f, "the name is longer than {MAX_NAME_BYTES} characters"),
            ReferenceError::Tag => {
                write!(f, "the tag is malformed: write up to {MAX_TAG_BYTES} letters, digits, _ . - and begin with a letter, digit or _")
            }
            ReferenceError::Digest(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for ReferenceError {}

#[cfg(test)]
mod tests;
