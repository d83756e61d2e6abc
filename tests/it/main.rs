//! All integration tests, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test that panics is a test that says where"
)]

#[path = "../support/mod.rs"]
mod support;

mod advisory_commands;
mod advisory_transport;
mod anomalies;
mod api;
mod bad_input;
mod bypass;
mod ca_rotation;
mod canary;
mod care;
mod channels;
mod checklist;
mod claims;
mod client_certificates;
mod console;
mod crashes;
mod deploy_kit;
mod disguises;
mod documented;
mod fake_registry;
mod findings_page;
mod guard;
mod hostile_layers;
mod identity;
mod issuers;
mod killed;
mod lazy_layers;
mod ledger;
mod log;
mod mutations;
mod names;
mod new_names;
mod notation;
mod notice_forms;
mod notices;
#[cfg(feature = "pgp")]
mod openpgp;
mod outbox;
mod policy_files;
mod policy_test;
mod properties;
mod proxy;
mod proxy_guards;
mod proxy_login;
mod pulls;
mod registry_names;
mod rejudging;
mod replay;
mod revocations;
mod rollback;
mod roots;
mod scan_command;
mod scanners;
mod scans;
mod server_files;
mod serving;
mod setup;
mod setup_led;
mod setup_login;
mod setup_machine;
mod shipped;
mod signatures;
mod smuggling;
mod stamped;
mod upgrading;
mod verdicts;
mod vsa;
mod waive;
mod waivers;
mod walls;
mod ways_round;
mod who;
#[cfg(feature = "yara")]
mod yara;
