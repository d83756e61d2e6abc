//! The words of the field: pure data with bounded parsers, no I/O.
//!
//! Every other room speaks in these types. They follow the OCI image-spec and
//! distribution-spec 1.1 and the reference grammar of the `distribution` project.

mod challenge;
mod descriptor;
mod digest;
mod error_code;
mod image_config;
mod json;
mod manifest;
mod platform;
mod reference;
mod route;

pub use challenge::{Challenge, ChallengeError};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use error_code::{ErrorCode, error_body};
pub use image_config::{ContainerConfig, ImageConfig, ImageConfigError, MAX_CONFIG_BYTES};
pub use manifest::{ImageManifest, Index, MAX_MANIFEST_BYTES, Manifest, ManifestError, media_type};
pub use platform::{Platform, PlatformError};
pub use reference::{DOCKER_HUB, Reference, ReferenceError, Repository, Tag, Target};
pub use route::{Route, RouteError};
