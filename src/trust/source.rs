//! Where trusted roots are kept up to date: TUF repositories (The Update Framework, specification 1.0).

use std::sync::Arc;

use super::root::{GITHUB, PUBLIC_GOOD};

/// A repository that publishes a `trusted_root.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootSource {
    /// Of the root.
    pub name: String,
    /// Where it is: `https://tuf.example`, without a slash at the end.
    pub mirror: String,
    /// The root metadata that everything else is believed by, of whatever version.
    pub bootstrap: Arc<[u8]>,
}

/// Those of the built-in roots. Their metadata are published at the mirrors and were taken from sigstore-rust 0.15.1
/// (Apache-2.0).
pub fn built_in_sources() -> Vec<RootSource> {
    let source = |name: &str, mirror: &str, bootstrap: &[u8]| RootSource {
        name: name.to_owned(),
        mirror: mirror.to_owned(),
        bootstrap: bootstrap.into(),
    };
    vec![
        source(
            PUBLIC_GOOD,
            "https://tuf-repo-cdn.sigstore.dev",
            include_bytes!("data/sigstore_tuf_root.json"),
        ),
        source(
            GITHUB,
            "https://tuf-repo.github.com",
            include_bytes!("data/github_tuf_root.json"),
        ),
    ]
}
