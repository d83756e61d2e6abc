//! Verdicts as attestations: SLSA Verification Summaries that admission controllers can check.
//!
//! A verdict becomes an in-toto statement, signed in a DSSE envelope, in a Sigstore bundle, in the manifest of an
//! artifact that refers to the image. Who has our public key can hold a cluster to "it passed the gateway".

mod artifact;
mod signer;
mod statement;

pub use artifact::{EMPTY, Summary, summarize};
pub use signer::{VsaError, VsaSigner};
pub use statement::{PREDICATE_TYPE, statement};
