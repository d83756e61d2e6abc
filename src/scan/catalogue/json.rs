//! Manifests in JSON: Node's `package.json`, Composer's `installed.json`, .NET's `*.deps.json`, Bitnami's SPDX.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Item, Malformed};

fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T, Malformed> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    serde_json::from_slice(content).map_err(|_| Malformed("no JSON of its kind"))
}

/// The installed module; none for a file that only says how to read the code beside it.
pub(super) fn node(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    #[derive(Deserialize)]
    struct Module {
        name: Option<String>,
        version: Option<String>,
    }
    let module: Module = parse(content)?;
    let named = module.name.zip(module.version);
    let named = named.filter(|(name, version)| !name.is_empty() && !version.is_empty());
    Ok(named
        .iter()
        .map(|(name, version)| Item::new(name, version))
        .collect())
}

/// Composer 2 wraps the list that Composer 1 wrote bare.
pub(super) fn composer(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        version: String,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum File {
        Two { packages: Vec<Row> },
        One(Vec<Row>),
    }
    let (File::Two { packages } | File::One(packages)) = parse(content)?;
    Ok(packages
        .iter()
        .map(|row| Item::new(&row.name, &row.version))
        .collect())
}

/// Libraries that came as packages, not the project's own.
pub(super) fn dotnet(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    #[derive(Deserialize)]
    struct Library {
        #[serde(default)]
        r#type: String,
    }
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        libraries: BTreeMap<String, Library>,
    }
    let file: File = parse(content)?;
    let mut items = Vec::new();
    for (key, library) in &file.libraries {
        if library.r#type == "project" {
            continue;
        }
        let (name, version) = key
            .split_once('/')
            .ok_or(Malformed("a library without version"))?;
        let name = name.strip_prefix("runtimepack.").unwrap_or(name);
        items.push(Item::new(name, version));
    }
    Ok(items)
}

/// Bitnami's own components; other packages of its documents are found where they lie.
pub(super) fn bitnami(content: &[u8]) -> Result<Vec<Item>, Malformed> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reference {
        #[serde(default)]
        reference_locator: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Package {
        #[serde(default)]
        external_refs: Vec<Reference>,
    }
    #[derive(Deserialize)]
    struct Document {
        packages: Vec<Package>,
        #[serde(rename = "SPDXID")]
        _id: IgnoredAny,
    }
    let document: Document = parse(content)?;
    let references = document
        .packages
        .iter()
        .flat_map(|package| &package.external_refs);
    let mut items = Vec::new();
    for reference in references {
        let Some(purl) = reference.reference_locator.strip_prefix("pkg:bitnami/") else {
            continue;
        };
        let purl = purl.split(['?', '#']).next().unwrap_or_default();
        let (name, version) = purl
            .split_once('@')
            .ok_or(Malformed("a package without version"))?;
        // `7.2.4-0`: the last part counts Bitnami's builds, which advisories leave out.
        let version = version
            .rsplit_once('-')
            .map_or(version, |(version, _)| version);
        items.push(Item::new(name, version));
    }
    Ok(items)
}
