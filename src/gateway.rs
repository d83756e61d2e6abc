//! The listeners and THE path of a pull.
//!
//! `docs/request-handling.md` tells every branch in order; `pull.rs` is the path on one screen, and
//! `respond.rs` the only place that knows HTTP statuses.

mod blob;
mod body;
mod bypass;
mod canary;
mod caught;
mod dialled;
mod listen;
mod lists;
mod part;
mod patient;
mod peer;
mod pull;
mod refuse;
mod request;
mod respond;
mod suspect;
mod tls;
mod tokens;
mod tombs;
mod vouch;
mod warnings;

pub use body::Body;
pub use canary::Sighting;
pub use dialled::{Dialled, Named, host_name, names};
pub use listen::{Limits, Listener, connection, serve};
pub use peer::{Identification, IdentityHeader, Peer};
pub use pull::{Gateway, Hold, Side};
pub use tls::{ClientCertificates, Tls, TlsError, TlsSource, identity};
pub use vouch::Voucher;
