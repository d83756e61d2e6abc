//! The well-known names, from readable data files.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use crate::oci::{DOCKER_HUB, Digest, Repository};

/// A protected name.
#[derive(Clone, Debug)]
pub(super) struct Protected {
    pub(super) repository: Repository,
    /// 3 is strongest: official, or among the most pulled.
    pub(super) tier: u8,
}

/// Names to compare with.
#[derive(Debug)]
pub struct Corpus {
    protected: Vec<Protected>,
    /// By host and length of the path, for quick candidates.
    by_length: HashMap<(String, usize), Vec<usize>>,
    known: HashSet<String>,
    /// `host/namespace`, with the strongest tier under it.
    namespaces: HashMap<String, u8>,
    hosts: Vec<String>,
    aliases: HashMap<String, String>,
    version: String,
}

static EMBEDDED: LazyLock<Corpus> = LazyLock::new(|| {
    let (images, hosts, aliases) = (
        include_str!("data/protected.csv"),
        include_str!("data/hosts.txt"),
        include_str!("data/aliases.csv"),
    );
    // A test reads the files; were they malformed all the same, an empty corpus finds nothing, and says so.
    Corpus::parse(images, hosts, aliases).unwrap_or_else(|_| Corpus::empty())
});

impl Corpus {
    /// The corpus that is built in.
    pub fn embedded() -> &'static Corpus {
        &EMBEDDED
    }

    fn empty() -> Corpus {
        Corpus {
            protected: Vec::new(),
            by_length: HashMap::new(),
            known: HashSet::new(),
            namespaces: HashMap::new(),
            hosts: Vec::new(),
            aliases: HashMap::new(),
            version: "empty".to_owned(),
        }
    }

    /// Reads `image,tier,why` lines, one host a line, and `asked,meant` lines for official images by other names.
    /// First lines of the two tables are headings.
    ///
    /// # Errors
    /// [`CorpusError`] names the line.
    pub fn parse(images: &str, hosts: &str, aliases: &str) -> Result<Corpus, CorpusError> {
        let mut corpus = Corpus::empty();
        let all = [images, hosts, aliases].concat();
        corpus.version = Digest::of(all.as_bytes())
            .hex()
            .get(..12)
            .unwrap_or_default()
            .to_owned();
        corpus.hosts = hosts
            .lines()
            .filter(|host| !host.is_empty())
            .map(str::to_owned)
            .collect();
        for (number, line) in images.lines().enumerate().skip(1) {
            let wrong = || CorpusError { line: number + 1 };
            let mut fields = line.splitn(3, ',');
            let (name, tier) = (
                fields.next().ok_or_else(wrong)?,
                fields.next().ok_or_else(wrong)?,
            );
            let repository: Repository = name.parse().map_err(|_| wrong())?;
            let tier = tier.parse().map_err(|_| wrong())?;
            corpus.add(Protected { repository, tier });
        }
        for (number, line) in aliases.lines().enumerate().skip(1) {
            let (asked, meant) = line
                .split_once(',')
                .ok_or(CorpusError { line: number + 1 })?;
            corpus.aliases.insert(asked.to_owned(), meant.to_owned());
        }
        Ok(corpus)
    }

    fn add(&mut self, protected: Protected) {
        let repository = &protected.repository;
        self.known.insert(repository.as_str().to_owned());
        if let Some((namespace, _)) = repository.as_str().rsplit_once('/') {
            let strongest = self.namespaces.entry(namespace.to_owned()).or_default();
            *strongest = protected.tier.max(*strongest);
        }
        let key = (repository.host().to_owned(), repository.path().len());
        self.by_length
            .entry(key)
            .or_default()
            .push(self.protected.len());
        self.protected.push(protected);
    }

    /// Identifies the data that a judgement rests on.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the very name is well known.
    pub(super) fn knows(&self, repository: &Repository) -> bool {
        self.known.contains(repository.as_str())
    }

    /// Whether well-known names live under `host/namespace`, or it is Docker Hub's closed namespace.
    pub(super) fn knows_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    /// Well-known namespaces of `host`, each with its strongest tier.
    pub(super) fn namespaces_of(&self, host: &str) -> impl Iterator<Item = (&str, u8)> {
        self.namespaces.iter().filter_map(move |(full, tier)| {
            Some((full.strip_prefix(host)?.strip_prefix('/')?, *tier))
        })
    }

    pub(super) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// What an official image is really called.
    pub(super) fn alias(&self, name: &str) -> Option<&str> {
        self.aliases.get(name).map(String::as_str)
    }

    /// Protected names on `host` whose path has about as many characters.
    pub(super) fn near_length(
        &self,
        host: &str,
        length: usize,
        within: usize,
    ) -> impl Iterator<Item = &Protected> {
        let lengths = length.saturating_sub(within)..=length + within;
        lengths
            .filter_map(move |length| self.by_length.get(&(host.to_owned(), length)))
            .flatten()
            .filter_map(|at| self.protected.get(*at))
    }

    /// The official image of that name.
    pub(super) fn official(&self, name: &str) -> Option<Repository> {
        Repository::new(DOCKER_HUB, name)
            .ok()
            .filter(|repository| self.knows(repository))
    }
}

/// A line of the corpus that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorpusError {
    line: usize,
}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the name corpus is malformed", self.line)
    }
}

impl std::error::Error for CorpusError {}
