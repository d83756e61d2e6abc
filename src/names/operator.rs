//! What the operator says of names.

use crate::oci::Repository;

/// Registries, exceptions and own names of a team. A pattern is a repository, `docker.io/acme/tool`, or all below
/// a path, `docker.io/acme/*` (`**` says the same); without a host it is about that path on any registry.
#[derive(Clone, Debug, Default)]
pub struct NameRules {
    /// Registries that are meant when they are named.
    pub registries: Vec<String>,
    /// Names that look like mistakes and are not.
    pub allow: Vec<String>,
    /// Names that must never come from a public registry.
    pub internal: Vec<String>,
    /// Our own public names, protected like the best known.
    pub protect: Vec<String>,
}

impl NameRules {
    pub(super) fn allows(&self, repository: &Repository) -> bool {
        any(&self.allow, repository)
    }

    pub(super) fn protects(&self, repository: &Repository) -> bool {
        any(&self.protect, repository)
    }

    pub(super) fn own(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.protect.iter().map(|text| Pattern::new(text))
    }

    pub(super) fn internal(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.internal.iter().map(|text| Pattern::new(text))
    }
}

fn any(patterns: &[String], repository: &Repository) -> bool {
    patterns
        .iter()
        .any(|text| Pattern::new(text).matches(repository))
}

/// A pattern in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern<'a> {
    /// `None` is any registry.
    pub(super) host: Option<&'a str>,
    /// The path up to its last segment.
    pub(super) namespace: &'a str,
    /// `None` is any image below the namespace.
    pub(super) name: Option<&'a str>,
}

impl<'a> Pattern<'a> {
    pub(super) fn new(text: &'a str) -> Pattern<'a> {
        let (host, path) = match text.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host), path)
            }
            _ => (None, text),
        };
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        Pattern {
            host,
            namespace,
            name: (!matches!(name, "*" | "**")).then_some(name),
        }
    }

    pub(super) fn matches(self, repository: &Repository) -> bool {
        let path = repository.path();
        if self.host.is_some_and(|host| host != repository.host()) {
            return false;
        }
        match self.name {
            Some(name) => path.rsplit_once('/').unwrap_or(("", path)) == (self.namespace, name),
            None if self.namespace.is_empty() => true,
            None => path
                .strip_prefix(self.namespace)
                .is_some_and(|rest| rest.starts_with('/')),
        }
    }
}
