//! One file per kind of evidence; the same names as in the evidence room.

pub(super) mod age;
pub(super) mod anomaly;
pub(super) mod attestation;
pub(super) mod config;
mod hygiene;
mod instructions;
pub(super) mod lockdown;
pub(super) mod name;
mod opinions;
mod provenance;
mod reputation;
pub(super) mod revocation;
pub(super) mod rollback;
pub(super) mod scan;
pub(super) mod signature;
pub(super) mod structure;
mod vulnerabilities;
