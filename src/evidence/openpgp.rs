//! OpenPGP signatures: in a registry's extension, or in a lookaside that the policy names.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::oci::{Digest, Repository};
use crate::trust::{Material, Signer};
use crate::upstream::Kind;

use super::Content;
use super::discover::{Candidate, Discovery, Sought};

/// Most signatures of one image in one lookaside; publishers have up to three keys.
const MAX_SIGNATURES: usize = 20;
/// Largest of them in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Where OpenPGP signatures of an image may lie, by the signers who count.
pub(super) type Shelves = BTreeSet<Option<String>>;

/// The shelves of some signers.
pub(super) fn shelves<'a>(signers: impl IntoIterator<Item = &'a Signer>) -> Shelves {
    let shelves = signers
        .into_iter()
        .filter_map(|signer| signer.kind.openpgp());
    shelves.map(|shelf| shelf.map(str::to_owned)).collect()
}

/// Looks there, for each place.
pub(super) async fn discover(
    content: &Arc<Content>,
    sought: &Sought<'_>,
    discovery: &mut Discovery,
) {
    for shelf in &sought.shelves {
        for place in sought.places {
            match shelf {
                None => of_registry(content, sought, place, discovery).await,
                Some(base) => of_lookaside(content, sought.digest, place, base, discovery).await,
            }
        }
    }
}

fn take(found: String, message: Bytes, discovery: &mut Discovery) {
    let material = Material::OpenPgp(message);
    discovery.candidates.push(Candidate { found, material });
}

async fn of_registry(
    content: &Content,
    sought: &Sought<'_>,
    place: &Repository,
    discovery: &mut Discovery,
) {
    let name = sought.name(place, "OpenPGP signatures");
    let upstream = match content.upstream(place) {
        Ok(upstream) => upstream,
        Err(error) => return discovery.lacks(&name, error),
    };
    match upstream.openpgp_signatures(place, &sought.digest).await {
        Ok(messages) if messages.len() > MAX_SIGNATURES => {
            discovery.lacks(&name, format!("more than {MAX_SIGNATURES} signatures"));
        }
        Ok(messages) => {
            for (number, message) in (1..).zip(messages) {
                take(format!("{name} {number}"), message, discovery);
            }
        }
        Err(error) => discovery.lacks(&name, error),
    }
}

/// `BASE/NAMESPACE/NAME@sha256=HEX/signature-N`, N from 1 until there is none.
async fn of_lookaside(
    content: &Content,
    digest: Digest,
    place: &Repository,
    base: &str,
    discovery: &mut Discovery,
) {
    let asked = Url::parse(base)
        .map_err(|error| error.to_string())
        .and_then(|url| {
            let upstream = content.elsewhere(&url);
            let upstream = upstream.map_err(|error| error.to_string());
            upstream.map(|upstream| (url.path().trim_end_matches('/').to_owned(), upstream))
        });
    let (folder, upstream) = match asked {
        Ok(asked) => asked,
        Err(why) => return discovery.lacks(base, why),
    };
    let digest = digest.to_string().replacen(':', "=", 1);
    for number in 1..=MAX_SIGNATURES + 1 {
        let path = format!("{folder}/{}@{digest}/signature-{number}", place.path());
        match upstream.document(&path, MAX_BYTES).await {
            Ok(_) if number > MAX_SIGNATURES => {
                return discovery.lacks(base, format!("more than {MAX_SIGNATURES} signatures"));
            }
            Ok(message) => take(format!("lookaside signature-{number}"), message, discovery),
            Err(error) if error.kind() == Kind::NotFound => return,
            Err(error) => return discovery.lacks(base, error),
        }
    }
}
