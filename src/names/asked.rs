//! The name that is judged, in its parts.

use crate::oci::{DOCKER_HUB, Reference, Repository, Tag};

use super::{Component, Corpus, Edit, NameRules, Suspicion, Tier};

/// Docker Hub's namespace of official images.
pub(super) const LIBRARY: &str = "library";

/// What is asked for, split once for all rules.
pub(super) struct Asked<'a> {
    pub(super) reference: &'a Reference,
    pub(super) repository: &'a Repository,
    pub(super) corpus: &'a Corpus,
    pub(super) operator: &'a NameRules,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    /// Host and namespace: `docker.io/bitnami`.
    pub(super) place: &'a str,
    /// The path up to its last segment, empty where there is but one.
    pub(super) namespace: &'a str,
    /// The last segment.
    pub(super) name: &'a str,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        reference: &'a Reference,
        corpus: &'a Corpus,
        operator: &'a NameRules,
    ) -> Asked<'a> {
        let repository = reference.repository();
        let path = repository.path();
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        Asked {
            reference,
            repository,
            corpus,
            operator,
            host: repository.host(),
            path,
            place: repository.as_str().rsplit_once('/').unwrap_or_default().0,
            namespace,
            name,
        }
    }

    pub(super) fn on_docker_hub(&self) -> bool {
        self.host == DOCKER_HUB
    }

    /// What stands below `docker.io/library`, where no one but Docker can publish.
    pub(super) fn official_name(&self) -> Option<&'a str> {
        self.path
            .strip_prefix("library/")
            .filter(|_| self.on_docker_hub())
    }

    /// The same tag and digest in the repository that was meant.
    pub(super) fn in_place_of(&self, meant: &Repository) -> Reference {
        self.reference.in_repository(meant.clone())
    }

    /// `official` at the tag that was written into the name, joined with the person's own where there is one.
    pub(super) fn at_written_tag(&self, official: &Repository, written: &str) -> Option<Reference> {
        let own = self
            .reference
            .tag()
            .map(Tag::as_str)
            .filter(|tag| *tag != "latest");
        let tag = match own {
            None => written.to_owned(),
            Some(own) if starts_with_digit(written) => format!("{written}-{own}"),
            Some(own) => format!("{own}-{written}"),
        };
        Some(official.at_tag(tag.parse().ok()?))
    }

    /// A suspicion about the component, that the given repository was meant.
    pub(super) fn suspicion(
        &self,
        rule: &'static str,
        tier: Tier,
        component: Component,
        edit: Edit,
        meant: Option<&Repository>,
        message: String,
    ) -> Suspicion {
        Suspicion {
            rule,
            tier,
            component,
            edit,
            distance: edit.distance(),
            target: meant.cloned(),
            message,
            suggestions: meant
                .map(|meant| self.in_place_of(meant))
                .into_iter()
                .collect(),
        }
    }
}

pub(super) fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}
