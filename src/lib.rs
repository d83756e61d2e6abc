//! Lazaret: a supply-chain policy gateway between container clients and public registries.
//!
//! The rooms, in reading order. `ARCHITECTURE.md` says what each may know of the others.

pub mod canary;
pub mod clients;
pub mod notify;
pub mod oci;
pub mod policy;
pub mod proxy;
pub mod report;

pub mod names;
pub mod scan;
pub mod trust;

pub mod config;

pub mod inspection;
pub mod keyfile;
pub mod ledger;
pub mod store;
pub mod upstream;

pub mod program;

pub mod evidence;

pub mod trial;

pub mod admission;

pub mod api;
pub mod console;
pub mod gateway;
pub mod vsa;

pub mod ca;
pub mod cli;
pub mod telemetry;
