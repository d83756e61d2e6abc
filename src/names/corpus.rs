//! The well-known names, from readable data files, and the indexes over them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::oci::{DOCKER_HUB, Digest, Repository};

use super::asked::LIBRARY;
use super::edit::skeleton;
use super::neighbours::Neighbours;
use super::table::rows;
use super::{CorpusError, Edit};

/// Shortest official name of which two edits are a likely mistake: nobody else can publish there.
const OFFICIAL_TWO_EDITS: usize = 6;
/// Shortest namespace of which two edits are.
const NAMESPACE_TWO_EDITS: usize = 8;
/// Shortest host of which two edits are.
const HOST_TWO_EDITS: usize = 9;

/// A well-known image.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) repository: Repository,
    /// 3 is strongest: official, or well known by several measures. 1 is known, and hardly worth a squat.
    pub(super) strength: u8,
    /// How many measures say so: of two likely names the better known was meant.
    pub(super) measures: usize,
}

/// A namespace with well-known images.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) host: Box<str>,
    pub(super) name: Box<str>,
    /// Of its strongest image.
    pub(super) strength: u8,
    /// Numbers of its images.
    pub(super) images: Vec<usize>,
}

/// A well-known registry.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: Box<str>,
    /// Whether anybody can have a namespace there.
    pub(super) open: bool,
    /// Where it went.
    pub(super) moved: Option<Box<str>>,
    pub(super) skeleton: String,
}

/// Names to compare with.
#[derive(Debug, Default)]
pub struct Corpus {
    images: Vec<Image>,
    by_name: HashMap<Box<str>, usize>,
    /// By the last segment, best known first; Docker Hub only.
    by_last: HashMap<Box<str>, Vec<usize>>,
    namespaces: Vec<Namespace>,
    by_place: HashMap<Box<str>, usize>,
    by_skeleton: HashMap<String, Vec<usize>>,
    near_namespace: Neighbours,
    officials: Vec<usize>,
    near_official: Neighbours,
    hosts: Vec<Host>,
    near_host: Neighbours,
    /// Endings of hosts that belong to one registrant: `.gcr.io`.
    families: Vec<(Box<str>, bool)>,
    aliases: HashMap<Box<str>, Repository>,
    version: Arc<str>,
}

const IMAGES: &str = include_str!("data/images.csv");
const HOSTS: &str = include_str!("data/hosts.csv");
const ALIASES: &str = include_str!("data/aliases.csv");

static EMBEDDED: LazyLock<Corpus> = LazyLock::new(|| {
    // A test reads the files; were they malformed all the same, an empty corpus finds nothing, and its version says so.
    Corpus::parse(IMAGES, HOSTS, ALIASES).unwrap_or_else(|_| Corpus {
        version: "unreadable".into(),
        ..Corpus::default()
    })
});

impl Corpus {
    /// The corpus that is built in.
    pub fn embedded() -> &'static Corpus {
        &EMBEDDED
    }

    /// The built-in corpus and further images, a table like `images.csv`.
    ///
    /// # Errors
    /// [`CorpusError`] names the line.
    pub fn extended(images: &str) -> Result<Corpus, CorpusError> {
        // Read alone first: a mistake has its own line number.
        Corpus::parse(images, "", "")?;
        let added = images.split_once('\n').map_or("", |(_, rows)| rows);
        let all = [IMAGES, added].concat();
        Corpus::parse(&all, HOSTS, ALIASES)
    }

    /// Reads `image,tier,why`, `host,namespaces,note` and `asked,meant` lines, each table with a heading.
    ///
    /// # Errors
    /// [`CorpusError`] names the line.
    pub fn parse(images: &str, hosts: &str, aliases: &str) -> Result<Corpus, CorpusError> {
        let mut corpus = Corpus::default();
        let all = [images, hosts, aliases].concat();
        let hash = Digest::of(all.as_bytes()).hex();
        corpus.version = hash.get(..12).unwrap_or_default().into();
        for row in rows(images, "images") {
            let (wrong, [name, strength, why]) = row?;
            let strength = strength.parse().map_err(|_| wrong)?;
            match name.strip_suffix("/*") {
                Some(place) => drop(corpus.namespace(place, strength).ok_or(wrong)?),
                None => corpus
                    .add(
                        name.parse().map_err(|_| wrong)?,
                        strength,
                        why.split(' ').count(),
                    )
                    .ok_or(wrong)?,
            }
        }
        for row in rows(hosts, "hosts") {
            let (_, [name, namespaces, note]) = row?;
            corpus.add_host(name, namespaces == "open", note);
        }
        for row in rows(aliases, "aliases") {
            let (wrong, [asked, meant]) = row?;
            let meant = meant.parse().map_err(|_| wrong)?;
            corpus.aliases.insert(asked.into(), meant);
        }
        corpus.index();
        Ok(corpus)
    }

    fn namespace(&mut self, place: &str, strength: u8) -> Option<&mut Namespace> {
        let (host, name) = place.split_once('/').unwrap_or((place, ""));
        let next = self.namespaces.len();
        let number = *self.by_place.entry(place.into()).or_insert(next);
        if number == next {
            self.namespaces.push(Namespace {
                host: host.into(),
                name: name.into(),
                strength,
                images: Vec::new(),
            });
        }
        let namespace = self.namespaces.get_mut(number)?;
        namespace.strength = namespace.strength.max(strength);
        Some(namespace)
    }

    fn add(&mut self, repository: Repository, strength: u8, measures: usize) -> Option<()> {
        let number = self.images.len();
        let (place, last) = repository.as_str().rsplit_once('/')?;
        self.namespace(place, strength)?.images.push(number);
        if repository.host() == DOCKER_HUB {
            self.by_last.entry(last.into()).or_default().push(number);
        }
        if place == "docker.io/library" {
            self.officials.push(number);
        }
        self.by_name.insert(repository.as_str().into(), number);
        self.images.push(Image {
            repository,
            strength,
            measures,
        });
        Some(())
    }

    fn add_host(&mut self, name: &str, open: bool, note: &str) {
        match name.strip_prefix('*') {
            Some(ending) => self.families.push((ending.into(), open)),
            None => self.hosts.push(Host {
                name: name.into(),
                open,
                moved: note.strip_prefix("moved:").map(Box::from),
                skeleton: skeleton(name),
            }),
        }
    }

    fn index(&mut self) {
        let images = &self.images;
        for numbers in self.by_last.values_mut() {
            numbers.sort_by_key(|at| {
                let image = images.get(*at);
                let rank = image.map(|image| Reverse((image.strength, image.measures)));
                (rank, image.map(|image| &image.repository))
            });
        }
        for (number, namespace) in self.namespaces.iter().enumerate() {
            self.by_skeleton
                .entry(skeleton(&namespace.name))
                .or_default()
                .push(number);
        }
        let names = self.namespaces.iter().map(|namespace| &*namespace.name);
        self.near_namespace = Neighbours::new(NAMESPACE_TWO_EDITS, names);
        let officials = self.officials.iter().filter_map(|at| images.get(*at));
        let last = officials.map(|image| image.repository.path().trim_start_matches("library/"));
        self.near_official = Neighbours::new(OFFICIAL_TWO_EDITS, last);
        self.near_host = Neighbours::new(HOST_TWO_EDITS, self.hosts.iter().map(|host| &*host.name));
    }

    /// Identifies the data that a judgement rests on.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// All well-known names with their strength, 3 strongest.
    pub fn images(&self) -> impl Iterator<Item = (&Repository, u8)> {
        self.images
            .iter()
            .map(|image| (&image.repository, image.strength))
    }

    /// Whether the very name is well known.
    pub(super) fn knows(&self, repository: &Repository) -> bool {
        self.by_name.contains_key(repository.as_str())
    }

    /// Whether well-known names live at `host/namespace`.
    pub(super) fn knows_namespace(&self, place: &str) -> bool {
        self.by_place.contains_key(place)
    }

    pub(super) fn image(&self, number: usize) -> Option<&Image> {
        self.images.get(number)
    }

    pub(super) fn image_named(&self, full: &str) -> Option<&Image> {
        self.image(*self.by_name.get(full)?)
    }

    /// Images of that last segment on Docker Hub, strongest first.
    pub(super) fn images_called(&self, last: &str) -> impl Iterator<Item = &Image> {
        self.by_last
            .get(last)
            .into_iter()
            .flatten()
            .filter_map(|at| self.image(*at))
    }

    pub(super) fn namespace_at(&self, host: &str, name: &str) -> Option<&Namespace> {
        self.namespaces
            .get(*self.by_place.get(format!("{host}/{name}").as_str())?)
    }

    /// Namespaces on the host that are a misspelling away, or look the same.
    pub(super) fn namespaces_near<'a>(
        &'a self,
        host: &'a str,
        name: &str,
    ) -> impl Iterator<Item = (&'a Namespace, Edit)> {
        let mut near = self.near_namespace.of(name);
        let alike = self.by_skeleton.get(&skeleton(name)).into_iter().flatten();
        near.extend(alike.map(|number| (*number, Edit::Confusable)));
        near.into_iter()
            .filter_map(|(number, edit)| Some((self.namespaces.get(number)?, edit)))
            .filter(move |(namespace, _)| &*namespace.host == host)
    }

    /// The official image of that name.
    pub(super) fn official(&self, name: &str) -> Option<&Image> {
        let full = ["docker.io", LIBRARY, name].join("/");
        self.image_named(&full)
    }

    /// Official images whose names are a misspelling away.
    pub(super) fn officials_near(&self, name: &str) -> impl Iterator<Item = (&Image, Edit)> {
        let near = self.near_official.of(name).into_iter();
        near.filter_map(|(at, edit)| Some((self.image(*self.officials.get(at)?)?, edit)))
    }

    /// What is meant by a name that official images do not have.
    pub(super) fn alias(&self, name: &str) -> Option<&Repository> {
        self.aliases.get(name)
    }

    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub(super) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| &*host.name == name)
    }

    /// Whether the host belongs to the registrant of a well-known one.
    pub(super) fn in_family(&self, host: &str) -> bool {
        self.families
            .iter()
            .any(|(ending, _)| host.ends_with(&**ending))
    }

    /// Hosts that are a misspelling away, with their rank: better known first.
    pub(super) fn hosts_near(&self, name: &str) -> impl Iterator<Item = (usize, &Host, Edit)> {
        let near = self.near_host.of(name).into_iter();
        near.filter_map(|(rank, edit)| Some((rank, self.hosts.get(rank)?, edit)))
    }

    /// Whether anybody can have a namespace at the host, as far as is known.
    pub(super) fn is_open(&self, host: &str) -> bool {
        let family = || {
            self.families
                .iter()
                .find(|(ending, _)| host.ends_with(&**ending))
        };
        match self.host(host) {
            Some(host) => host.open,
            None => family().is_none_or(|(_, open)| *open),
        }
    }
}
