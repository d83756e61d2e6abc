//! The merge itself.

use std::collections::BTreeMap;

use super::view::{View, resolve};
use super::{Inventory, Source, observed};
use crate::scan::catalogue::{Kind, System, runtimes, towards_database};
use crate::scan::layer::{Found, Gaps, Unscannable};
use crate::scan::{Ecosystem, Package, Place};

/// Where a system says what it is, in the order that os-release(5) gives.
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// What an image of these layers holds.
///
/// # Errors
///
/// [`Unscannable`] if the layers are not the configuration's, or only together hide what one database says.
pub fn merge(source: &Source<'_>) -> Result<Inventory, Unscannable> {
    let layers = source.layers;
    let ids = layers.iter().map(|(_, facts)| facts.diff_id.to_string());
    if !ids.eq(source.diff_ids.iter().cloned()) {
        return Err(Unscannable::DiffId);
    }
    let view = View::new(layers.iter().map(|(_, facts)| facts));
    let last = view.links(layers.len().saturating_sub(1));
    for link in last.keys().filter(|link| towards_folder(link)) {
        resolve(&format!("{link}/x"), &last)?;
    }
    let mut inventory = Inventory {
        system: system(source, &view)?,
        ..Inventory::default()
    };
    split_logs(source, &view)?;
    let ecosystem = inventory.system.as_ref().map(System::ecosystem);
    let ecosystem = ecosystem.unwrap_or_else(|| Ecosystem::stranger("unknown"));
    let mut newest: Newest<'_> = BTreeMap::new();
    for (at, (digest, facts)) in layers.iter().enumerate() {
        observed::unexplained(&mut inventory, facts, |path| view.survives(path, at));
        observed::add(&mut inventory, &facts.observed, |path| {
            view.survives(path, at)
        });
        let links = view.links(at);
        for found in &facts.found {
            if !view.survives(&found.path, at) {
                continue;
            }
            let database = found.kind.ecosystem().is_none();
            let path = if database {
                resolve(&found.path, &links)?
            } else {
                found.path.clone()
            };
            // Under its real name too: a layer above may name it without the link.
            if path != found.path && !view.survives(&path, at) {
                continue;
            }
            let place = Place {
                layer: *digest,
                path: found.path.clone(),
            };
            newest.insert((path, found.kind), (place, found));
        }
        add_gaps(&mut inventory.gaps, &facts.gaps, |path| {
            view.survives(path, at)
        });
    }
    add_packages(&mut inventory, newest, &ecosystem);
    add_runtimes(&mut inventory, source);
    inventory.packages.sort();
    inventory.packages.dedup();
    inventory.shipped.sort();
    inventory.shipped.dedup();
    Ok(inventory)
}

/// The files that name packages, each the newest of its path and kind.
type Newest<'a> = BTreeMap<(String, Kind), (Place, &'a Found)>;

fn add_packages(inventory: &mut Inventory, newest: Newest<'_>, ecosystem: &Ecosystem) {
    let databases = || {
        let found = newest.iter();
        found.filter(|((_, kind), (_, found))| {
            kind.ecosystem().is_none() && !found.packages.is_empty()
        })
    };
    inventory.managed = databases().next().is_some();
    // Where the distribution or its packages are not known, what they brought is judged as what it is.
    let own = |kind: Kind| !matches!(ecosystem.managed_by(kind), Ecosystem::Unsupported(_));
    let known = databases().any(|((_, kind), _)| own(*kind));
    for ((_, kind), (place, found)) in newest {
        if kind.ecosystem().is_none() {
            inventory.databases.insert(place.clone(), kind);
        }
        let ecosystem = kind
            .ecosystem()
            .unwrap_or_else(|| ecosystem.managed_by(kind));
        let packages = match found.shipped && known {
            true => &mut inventory.shipped,
            false => &mut inventory.packages,
        };
        packages.extend(found.packages.iter().map(|item| Package {
            ecosystem: ecosystem.clone(),
            name: item.name.clone(),
            version: item.version.clone(),
            source: item.source.clone(),
            found: place.clone(),
        }));
    }
}

/// Whether a link takes the place of a folder on the way to a database.
fn towards_folder(link: &str) -> bool {
    towards_database(link) && !link.contains("os-release")
}

/// The newest `os-release`, through its link if it is one.
fn system(source: &Source<'_>, view: &View<'_>) -> Result<Option<System>, Unscannable> {
    let last = source.layers.len().saturating_sub(1);
    let links = view.links(last);
    for name in OS_RELEASE {
        let path = resolve(name, &links)?;
        for (at, (_, facts)) in source.layers.iter().enumerate().rev() {
            if let Some(system) = facts
                .systems
                .get(&path)
                .filter(|_| view.survives(&path, at))
            {
                return Ok(Some(system.clone()));
            }
        }
        // The first that is there counts, and this one is a link to what nobody has read.
        if links.contains_key(name) {
            break;
        }
    }
    Ok(None)
}

/// A log of a lower layer would change a database of a higher one, as soon as somebody opens it.
fn split_logs(source: &Source<'_>, view: &View<'_>) -> Result<(), Unscannable> {
    for (at, (_, facts)) in source.layers.iter().enumerate() {
        for log in facts.logs.iter().filter(|log| view.survives(log, at)) {
            let database = log.strip_suffix("-wal").unwrap_or(log);
            if !view.survives(database, at) {
                return Err(Unscannable::SplitDatabase(log.clone()));
            }
        }
    }
    Ok(())
}

fn add_gaps(all: &mut Gaps, layer: &Gaps, survives: impl Fn(&str) -> bool) {
    let mut left = layer.clone();
    left.first.retain(|(path, _)| survives(path));
    // Only those that are told one by one can be seen to be gone.
    left.count -= (layer.first.len() - left.first.len()) as u64;
    all.append(&left);
}

fn add_runtimes(inventory: &mut Inventory, source: &Source<'_>) {
    for (variable, item) in runtimes(source.environment) {
        inventory.packages.push(Package {
            ecosystem: Ecosystem::Bitnami,
            name: item.name,
            version: item.version,
            source: None,
            found: Place {
                layer: source.config,
                path: format!("Env {variable}"),
            },
        });
    }
}
