//! What is left of a layer under those above it (OCI image-spec, layer.md "Representing Changes").

use std::collections::{BTreeMap, HashSet};

use crate::scan::catalogue::towards_database;
use crate::scan::layer::{LayerFacts, PathKey, Unscannable, above, follow};

/// Most links in a row, as in Linux (`MAXSYMLINKS`).
const MAX_HOPS: usize = 40;

/// The layers with their removals made ready to ask.
pub(super) struct View<'a> {
    layers: Vec<Removals<'a>>,
}

struct Removals<'a> {
    facts: &'a LayerFacts,
    removed: HashSet<&'a str>,
    emptied: HashSet<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn new(layers: impl Iterator<Item = &'a LayerFacts>) -> View<'a> {
        let layers = layers.map(|facts| Removals {
            facts,
            removed: facts.removed.iter().map(String::as_str).collect(),
            emptied: facts.emptied.iter().map(String::as_str).collect(),
        });
        View {
            layers: layers.collect(),
        }
    }

    /// Whether `path` of layer `at` is still there when all are applied.
    pub(super) fn survives(&self, path: &str, at: usize) -> bool {
        let chain = Chain::new(path);
        let mut upper = self.layers.iter().skip(at + 1);
        upper.all(|upper| !upper.hides(&chain))
    }

    /// The links that lead to databases once the layers up to `at` are applied.
    pub(super) fn links(&self, at: usize) -> BTreeMap<&'a str, &'a str> {
        let mut links: BTreeMap<&str, &str> = BTreeMap::new();
        for layer in self.layers.iter().take(at + 1) {
            links.retain(|path, _| !layer.hides(&Chain::new(path)));
            let own = layer.facts.links.iter();
            links.extend(own.map(|(path, target)| (path.as_str(), target.as_str())));
        }
        links
    }
}

/// A path and the folders above it, hashed once for all layers.
struct Chain<'a> {
    path: (&'a str, PathKey),
    above: Vec<(&'a str, PathKey)>,
}

impl<'a> Chain<'a> {
    fn new(path: &'a str) -> Chain<'a> {
        let key = |path: &'a str| (path, PathKey::of(path));
        Chain {
            path: key(path),
            above: above(path).map(key).collect(),
        }
    }
}

impl Removals<'_> {
    /// Whether this layer replaces or removes a path of lower ones.
    fn hides(&self, chain: &Chain<'_>) -> bool {
        let gone = |(folder, key): &(&str, PathKey)| {
            self.removed.contains(folder)
                || self.emptied.contains(folder)
                || self.facts.paths.covers(*key)
        };
        let (path, key) = chain.path;
        self.removed.contains(path)
            || self.facts.paths.contains(key)
            || self.emptied.contains("")
            || chain.above.iter().any(gone)
    }
}

/// Where `path` is, once links are followed. A link that leads to where no database is looked for is refused, unless
/// it is a file's own.
pub(super) fn resolve(path: &str, links: &BTreeMap<&str, &str>) -> Result<String, Unscannable> {
    let wrong = |path: &str, why| Unscannable::Path {
        path: path.to_owned(),
        why,
    };
    let mut path = path.to_owned();
    for _ in 0..MAX_HOPS {
        let mut folders: Vec<&str> = above(&path).collect();
        folders.reverse();
        let link = folders
            .into_iter()
            .chain([path.as_str()])
            .find_map(|folder| {
                let target = links.get(folder)?;
                Some((folder.to_owned(), *target))
            });
        let Some((link, target)) = link else {
            return Ok(path);
        };
        let end = follow(&link, target).ok_or(wrong(&link, "is a link out of the image"))?;
        if link != path && !towards_database(&end) {
            return Err(wrong(
                &link,
                "is a link that moves a package database out of sight",
            ));
        }
        let rest = path.get(link.len()..).unwrap_or_default();
        path = format!("{end}{rest}");
    }
    Err(wrong(&path, "is a link without an end"))
}
