//! OpenVEX 0.2.0 (openvex/spec): who says of which vulnerability that it does no harm in this image.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::oci::{Digest, Repository};
use crate::policy::Exoneration;

/// Most statements of a document that are read.
const MAX_STATEMENTS: usize = 20_000;
/// Longest explanation in characters.
const MAX_WHY: usize = 300;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    last_updated: Option<Timestamp>,
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Named,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    last_updated: Option<Timestamp>,
    #[serde(default)]
    products: Vec<Product>,
    status: String,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    impact_statement: Option<String>,
}

/// A vulnerability: an object since 0.2.0, a word before.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Word(String),
    Object {
        #[serde(default)]
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Product {
    Word(String),
    Object {
        #[serde(default, rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        identifiers: Identifiers,
        #[serde(default)]
        subcomponents: Vec<Product>,
    },
}

#[derive(Default, Deserialize)]
struct Identifiers {
    #[serde(default)]
    purl: Option<String>,
}

impl Product {
    fn name(&self) -> &str {
        match self {
            Product::Word(word) => word,
            Product::Object {
                id, identifiers, ..
            } => identifiers
                .purl
                .as_deref()
                .or(id.as_deref())
                .unwrap_or_default(),
        }
    }

    fn parts(&self) -> &[Product] {
        match self {
            Product::Word(_) => &[],
            Product::Object { subcomponents, .. } => subcomponents,
        }
    }
}

/// What somebody says of a vulnerability, good or bad.
pub(super) struct Told {
    ids: Vec<String>,
    purls: Vec<String>,
    /// Why it does no harm; none: it may.
    harmless: Option<String>,
    at: Option<Timestamp>,
    by: String,
}

/// What a document says of an image; nothing where it is none, or is about other products.
pub(super) fn read(
    document: &Value,
    by: &str,
    repository: &Repository,
    image: &Digest,
) -> Vec<Told> {
    let Ok(document) = Document::deserialize(document) else {
        tracing::warn!(%image, by, "a signed VEX document cannot be read and clears nothing");
        return Vec::new();
    };
    let written = document.last_updated.or(document.timestamp);
    let statements = document.statements.into_iter().take(MAX_STATEMENTS);
    statements
        .filter_map(|one| {
            let at = one.last_updated.or(one.timestamp).or(written);
            told(one, at, by, repository, image)
        })
        .collect()
}

fn told(
    one: Statement,
    at: Option<Timestamp>,
    by: &str,
    repository: &Repository,
    image: &Digest,
) -> Option<Told> {
    let purls = scope(&one.products, repository, image)?;
    let why = [one.justification, one.impact_statement];
    let why: Vec<String> = why
        .into_iter()
        .flatten()
        .filter(|why| !why.is_empty())
        .collect();
    let why: String = why
        .join(": ")
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_WHY)
        .collect();
    let harmless = match one.status.as_str() {
        // Without a reason it is no such statement (section "Status Justifications").
        "not_affected" => Some(why).filter(|why| !why.is_empty()),
        "fixed" => Some("it is fixed here".to_owned()),
        _ => None,
    };
    let ids = match one.vulnerability {
        Named::Word(word) => vec![word],
        Named::Object { name, aliases } => std::iter::once(name).chain(aliases).collect(),
    };
    Some(Told {
        ids: ids.into_iter().filter(|id| !id.is_empty()).collect(),
        purls,
        harmless,
        at,
        by: by.to_owned(),
    })
}

/// The packages that a statement is about; none of them: the whole image. `None`: it is about other products.
fn scope(products: &[Product], repository: &Repository, image: &Digest) -> Option<Vec<String>> {
    let mut purls = Vec::new();
    let mut whole = products.is_empty();
    for product in products {
        let parts = product.parts().iter().map(|part| part.name().to_owned());
        let name = product.name();
        if name.starts_with("pkg:oci/") {
            if is_image(name, repository, image) {
                whole |= product.parts().is_empty();
                purls.extend(parts);
            }
        } else if name.starts_with("pkg:") && product.parts().is_empty() {
            // With parts it would be about something that is no image of ours.
            purls.push(name.to_owned());
        }
    }
    match whole {
        true => Some(Vec::new()),
        false => Some(purls).filter(|purls| !purls.is_empty()),
    }
}

/// `pkg:oci/NAME@sha256%3A…`: the last part of the name, and the digest where it is told (purl-spec, type `oci`).
fn is_image(purl: &str, repository: &Repository, image: &Digest) -> bool {
    let bare = purl.split(['?', '#']).next().unwrap_or_default();
    let bare = percent_encoding::percent_decode_str(bare).decode_utf8_lossy();
    let named = bare.strip_prefix("pkg:oci/").unwrap_or_default();
    let (name, version) = named.split_once('@').unwrap_or((named, ""));
    let last = repository.path().rsplit('/').next().unwrap_or_default();
    name == last && (version.is_empty() || version == image.to_string())
}

/// What clears vulnerabilities. Whoever says later, or nobody knows when, that one may do harm is believed over who says
/// that it does none.
pub(super) fn harmless(told: Vec<Told>) -> Vec<Exoneration> {
    let doubts: Vec<(&Told, &String)> = told
        .iter()
        .filter(|one| one.harmless.is_none())
        .flat_map(|one| one.ids.iter().map(move |id| (one, id)))
        .collect();
    let stands = |one: &Told| {
        let about = doubts.iter().filter(|(_, id)| one.ids.contains(id));
        about.into_iter().all(|(doubt, _)| {
            let (said, doubted) = (one.at, doubt.at);
            said.zip(doubted)
                .is_some_and(|(said, doubted)| said > doubted)
        })
    };
    let standing = told.iter().filter(|one| stands(one));
    let exoneration = |one: &Told| {
        Some(Exoneration {
            ids: one.ids.clone(),
            purls: one.purls.clone(),
            why: one.harmless.clone()?,
            by: one.by.clone(),
        })
    };
    standing.filter_map(exoneration).collect()
}
