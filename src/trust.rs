//! Signatures over images: pure functions over bytes, without clock or network.
//!
//! ```text
//! Material (a bundle, a payload with annotations) + Image + Signers + Roots -> Examined
//! ```
//!
//! The cryptography is `sigstore-verify`'s and `aws-lc`'s. What stands here is what they leave open: which claims
//! count, that an identity is matched whole, that a bundle cannot be downgraded, that a statement is about this image.

mod certificate;
mod examine;
mod identity;
mod key;
mod material;
mod notation;
mod payload;
mod pem;
#[cfg(feature = "pgp")]
mod pgp;
mod publishers;
mod revocation;
mod root;
mod signer;
mod source;
mod stamped;
mod timestamp;

#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use examine::{Authority, Examined, Identity, Image, Signed, examine};
pub use identity::Subject;
pub use key::{Hash, PublicKey};
pub use material::{MAX_MATERIAL_BYTES, Material, Says};
pub use notation::{
    ARTIFACT as NOTATION_ARTIFACT, COSE, JWS, Level as NotationLevel, Notation, SubjectName,
};
pub use payload::Statement;
#[cfg(feature = "pgp")]
pub use pgp::{Pgp, PgpKey};
pub use publishers::{Publisher, publishers};
pub use revocation::{Answer, Question, Revocation, RevocationList};
pub use root::{GITHUB, PUBLIC_GOOD, Root, Roots};
pub use signer::{Claim, Keyless, Signer, SignerKind};
pub use source::{RootSource, built_in_sources};
