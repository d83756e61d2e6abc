//! What differs between an image and the one that its tag led to before: by what is kept of both, nobody is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::{ContainerConfig, Digest, ImageConfig, MAX_CONFIG_BYTES, Platform};
use crate::policy::{Policy, Subject};

use super::{Content, Structure, Tools};

/// Most things of one kind that are named.
const MAX_NAMED: usize = 3;
/// Most characters of a word of the image's own: users, ports and versions are shorter.
const MAX_WORD: usize = 60;

/// One image, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Described {
    platform: Platform,
    config: ImageConfig,
    layers: Vec<Digest>,
    /// Names and versions; none where nobody looked into its layers.
    packages: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// What differs, in a few lines; empty where nothing is kept of the other.
pub async fn changes(
    tools: &Tools,
    subject: &Subject,
    structure: &Structure,
    policy: &Policy,
    before: Digest,
) -> Vec<String> {
    let repository = subject.reference.repository();
    let (dossiers, home) = (tools.content.dossiers().clone(), repository.clone());
    let read = tokio::task::spawn_blocking(move || dossiers.documents(&home, &before));
    let old = tools.content.knowing(read.await.unwrap_or_default());
    let Ok((_, manifest)) = old.manifest(repository, &before).await else {
        return Vec::new();
    };
    let other = Subject {
        reference: subject.reference.clone(),
        digest: before,
        manifest,
    };
    let Ok(its) = Structure::read(&old, &other, policy.platforms()).await else {
        return Vec::new();
    };
    let old = described(tools, &old, &other, &its).await;
    let new = described(tools, &tools.content.kept(), subject, structure).await;
    differences(&old, &new)
}

async fn described(
    tools: &Tools,
    content: &Content,
    subject: &Subject,
    structure: &Structure,
) -> Vec<Described> {
    let mut all = Vec::new();
    for (_, platform, image) in &structure.images {
        let repository = subject.reference.repository();
        let read = content.small(repository, &image.config, MAX_CONFIG_BYTES);
        let config = read.await.ok();
        let Some(config) = config.and_then(|bytes| ImageConfig::parse(&bytes).ok()) else {
            continue;
        };
        all.push(Described {
            platform: platform.clone().unwrap_or_else(|| config.platform.clone()),
            layers: image.layers.iter().map(|layer| layer.digest).collect(),
            packages: tools.scanner.packages(image, &config).await,
            config,
        });
    }
    all
}

/// Those of the first platform that both have: the others are built from the same source.
fn differences(old: &[Described], new: &[Described]) -> Vec<String> {
    let both = new.iter().find_map(|new| {
        let old = old.iter().find(|old| old.platform == new.platform)?;
        Some((old, new))
    });
    let Some((old, new)) = both else {
        return vec!["it is for other platforms".to_owned()];
    };
    let mut lines = config(&old.config.container, &new.config.container);
    if old.config.created != new.config.created {
        let day = |config: &ImageConfig| {
            let at = config
                .created
                .map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
            at.unwrap_or_else(|| "an unknown day".to_owned())
        };
        lines.push(format!(
            "built {}, was {}",
            day(&new.config),
            day(&old.config)
        ));
    }
    let fresh = new
        .layers
        .iter()
        .filter(|layer| !old.layers.contains(layer));
    match fresh.count() {
        0 if old.layers == new.layers => {}
        fresh => lines.push(format!("{fresh} of {} layers are new", new.layers.len())),
    }
    match (&old.packages, &new.packages) {
        (Some(old), Some(new)) => lines.extend(packages(old, new)),
        _ if old.layers == new.layers => {}
        _ => lines.push("its packages were not compared: nobody looked into the layers".to_owned()),
    }
    if lines.is_empty() {
        lines.push("nothing but labels and wrapping".to_owned());
    }
    lines
}

/// Values of variables are not told: they may be secrets.
fn config(old: &ContainerConfig, new: &ContainerConfig) -> Vec<String> {
    let mut lines = Vec::new();
    if old.user != new.user {
        let user = |config: &ContainerConfig| match config.user.as_str() {
            "" => "nobody named".to_owned(),
            user => format!("{:?}", shown(user)),
        };
        lines.push(format!("user {}, was {}", user(new), user(old)));
    }
    let name = |pair: &String| pair.split('=').next().unwrap_or_default().to_owned();
    let names = |config: &ContainerConfig| config.env.iter().map(name).collect::<BTreeSet<_>>();
    lines.extend(sets("ports", &old.exposed_ports, &new.exposed_ports));
    lines.extend(sets("variables", &names(old), &names(new)));
    let changed: Vec<String> = new
        .env
        .iter()
        .filter(|pair| !old.env.contains(pair) && names(old).contains(&name(pair)))
        .map(name)
        .collect();
    if !changed.is_empty() {
        lines.push(format!("other values of {}", some(&changed)));
    }
    lines
}

fn sets(what: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) -> Option<String> {
    let fresh: Vec<String> = new.difference(old).cloned().collect();
    let gone: Vec<String> = old.difference(new).cloned().collect();
    let told = [("new", fresh), ("gone", gone)];
    let told = told.iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<String> = told
        .map(|(how, names)| format!("{how} {}", some(names)))
        .collect();
    (!told.is_empty()).then(|| format!("{what}: {}", told.join(", ")))
}

fn packages(
    old: &BTreeMap<String, BTreeSet<String>>,
    new: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let versions = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(" and ");
    let fresh = new.iter().filter(|(name, _)| !old.contains_key(*name));
    let fresh: Vec<String> = fresh
        .map(|(name, all)| format!("{name} {}", versions(all)))
        .collect();
    let gone = old.iter().filter(|(name, _)| !new.contains_key(*name));
    let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
    let other: Vec<String> = new
        .iter()
        .filter_map(|(name, all)| {
            let before = old.get(name).filter(|before| *before != all)?;
            Some(format!(
                "{name} {}, was {}",
                versions(all),
                versions(before)
            ))
        })
        .collect();
    let told = [("new", fresh), ("gone", gone), ("other versions of", other)];
    let told = told.iter().filter(|(_, names)| !names.is_empty());
    told.map(|(how, names)| match *how {
        "other versions of" => format!(
            "{} packages in other versions: {}",
            names.len(),
            some(names)
        ),
        how => format!("{} packages {how}: {}", names.len(), some(names)),
    })
    .collect()
}

/// The first of them, and how many others.
fn some(names: &[String]) -> String {
    let first = names.iter().take(MAX_NAMED).map(|name| shown(name));
    let first: Vec<String> = first.collect();
    match names.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", first.join(", ")),
        None => first.join(", "),
    }
}

/// Words of a stranger's, cut.
fn shown(word: &str) -> String {
    word.chars().take(MAX_WORD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(
        user: &str,
        env: &[&str],
        layers: &[&str],
        packages: &[(&str, &str)],
    ) -> Described {
        let config = serde_json::json!({
            "os": "linux", "architecture": "amd64", "created": "2026-05-01T00:00:00Z",
            "config": { "User": user, "Env": env },
        });
        let mut by_name: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, version) in packages {
            by_name
                .entry((*name).to_owned())
                .or_default()
                .insert((*version).to_owned());
        }
        Described {
            platform: "linux/amd64".parse().unwrap(),
            config: ImageConfig::parse(config.to_string().as_bytes()).unwrap(),
            layers: layers
                .iter()
                .map(|layer| Digest::of(layer.as_bytes()))
                .collect(),
            packages: Some(by_name),
        }
    }

    #[test]
    fn what_differs_is_told_without_values_and_in_a_few_words() {
        let old = described(
            "1000",
            &["A=1", "B=secret"],
            &["a", "b"],
            &[("curl", "8.1"), ("zlib", "1")],
        );
        let new = described(
            "root",
            &["B=other", "C=3", "D=4", "E=5", "F=6"],
            &["a", "c"],
            &[("curl", "8.2"), ("nc", "1"), ("xmrig", "6")],
        );
        let said = differences(std::slice::from_ref(&old), &[new]);
        assert_eq!(
            said,
            [
                "user \"root\", was \"1000\"",
                "variables: new C, D, E and 1 more, gone A",
                "other values of B",
                "1 of 2 layers are new",
                "2 packages new: nc 1, xmrig 6",
                "1 packages gone: zlib",
                "1 packages in other versions: curl 8.2, was 8.1",
            ]
        );
        assert_eq!(
            differences(std::slice::from_ref(&old), std::slice::from_ref(&old)),
            ["nothing but labels and wrapping"]
        );
        let mut unread = described("1000", &["A=1", "B=secret"], &["a"], &[]);
        unread.packages = None;
        assert_eq!(
            differences(std::slice::from_ref(&old), &[unread]),
            [
                "0 of 1 layers are new",
                "its packages were not compared: nobody looked into the layers"
            ]
        );
        let mut elsewhere = old.clone();
        elsewhere.platform = "linux/arm64".parse().unwrap();
        assert_eq!(
            differences(&[old], &[elsewhere]),
            ["it is for other platforms"]
        );
    }

    #[test]
    fn a_strangers_words_are_bounded() {
        let long = "x".repeat(10_000);
        let old = described("", &[], &[], &[]);
        let names: Vec<String> = (0..100).map(|at| format!("{at}{long}")).collect();
        let packages: Vec<(&str, &str)> = names
            .iter()
            .map(|name| (name.as_str(), long.as_str()))
            .collect();
        let env: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = differences(&[old], &[described(&long, &env, &[], &packages)]);
        assert!(
            said.iter().map(String::len).sum::<usize>() < 1_000,
            "{said:?}"
        );
    }
}
