//! What the registry holds and how it is set.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use lazaret::oci::{Descriptor, Digest};

use super::{Fault, Request, Times};

pub(super) struct Shelf {
    pub(super) url: String,
    /// By repository and digest: media type and bytes.
    pub(super) manifests: HashMap<(String, Digest), (String, Bytes)>,
    pub(super) blobs: HashMap<(String, Digest), Bytes>,
    /// By repository, in the order that tag lists have.
    pub(super) tags: HashMap<String, BTreeMap<String, Digest>>,
    /// By repository and subject.
    pub(super) referrers: HashMap<(String, Digest), Vec<Descriptor>>,
    pub(super) referrers_api: bool,
    pub(super) tokens: Option<Tokens>,
    /// Files of other servers by path: entity tag, other headers and content.
    pub(super) files: HashMap<String, File>,
    pub(super) faults: Vec<(String, Times, Fault)>,
    pub(super) log: Vec<Request>,
}

/// A file that is no part of the distribution API.
pub(super) struct File {
    pub(super) tag: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Bytes,
}

pub(super) struct Tokens {
    /// `user:password` that the token service asks for.
    pub(super) login: Option<String>,
    /// Token and the scope that it is good for.
    pub(super) issued: HashSet<(String, String)>,
    pub(super) count: usize,
}

impl Tokens {
    pub(super) fn new(login: Option<String>) -> Tokens {
        Tokens {
            login,
            issued: HashSet::new(),
            count: 0,
        }
    }
}

impl Shelf {
    pub(super) fn new(url: String) -> Shelf {
        Shelf {
            url,
            manifests: HashMap::new(),
            blobs: HashMap::new(),
            tags: HashMap::new(),
            referrers: HashMap::new(),
            referrers_api: true,
            tokens: None,
            files: HashMap::new(),
            faults: Vec::new(),
            log: Vec::new(),
        }
    }

    pub(super) fn push_blob(&mut self, repository: &str, bytes: Bytes) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert((repository.to_owned(), digest), bytes);
        digest
    }

    pub(super) fn push_manifest(
        &mut self,
        repository: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        let key = (repository.to_owned(), descriptor.digest);
        self.manifests.insert(key, (media_type.to_owned(), bytes));
        descriptor
    }

    /// The first fault that fits and is not used up.
    pub(super) fn take_fault(&mut self, line: &str) -> Option<Fault> {
        let head = line.starts_with("HEAD ");
        let mut fitting = self.faults.iter_mut().filter(|(pattern, _, fault)| {
            line.contains(pattern.as_str()) && (head || !matches!(fault, Fault::NoHeadSupport))
        });
        fitting.find_map(|(_, times, fault)| times.take().then(|| fault.clone()))
    }
}
