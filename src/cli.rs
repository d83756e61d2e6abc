//! The commands. Exit codes: 0 done, 1 refused (a denied image, a file with mistakes), 2 could not be done.

mod api;
mod args;
mod bar;
mod ca;
mod ca_rotate;
mod check;
mod config;
mod csv;
mod db;
mod db_args;
mod debug;
mod doctor;
mod doctor_machine;
mod doctor_server;
mod hashes;
mod junit;
mod ledger;
mod listeners;
mod log;
mod names;
mod names_approve;
mod names_replay;
mod names_update;
mod notify;
pub mod output;
mod pages;
mod policy;
mod policy_check;
mod policy_replay;
mod policy_test;
mod programs;
mod proxy;
mod registries;
mod replay_report;
mod revoke;
mod roots;
mod sbom;
mod scan;
mod scanners;
mod serve;
mod setup;
mod setup_files;
mod setup_undo;
mod setup_wanted;
mod setup_writing;
mod shell;
mod today;
mod trust;
mod verify;
mod vsa;
mod waive;
mod watch;
mod when;
mod who;
mod why;
mod wire;

use std::process::ExitCode;

use clap::Parser;

pub use args::{
    ApiCommand, ApproveArgs, Args, CaCommand, CheckArgs, Command, ConfigCommand, DoctorArgs,
    FailOn, LedgerCommand, LogArgs, NamesCommand, NotifyCommand, PolicyCheckArgs, PolicyCommand,
    PolicyReplayArgs, PolicyTestArgs, ProxyCommand, ReplayArgs, RevokeArgs, Rows, Sbom, ScanArgs,
    ScanSeverity, ServeArgs, SetupArgs, TrustArgs, TrustCommand, UpdateArgs, VerifyArgs,
    VerifyBundleArgs, VsaArgs, VsaCommand, WaiveArgs, Whereabouts, WhoArgs, WhyArgs, Window,
};

pub use db_args::{DataArgs, DbCommand};
pub use debug::DebugCommand;
pub use sbom::sbom;
pub use today::today;

/// Done, and what was asked about is refused.
const REFUSED: u8 = 1;
/// Could not be done.
const FAILED: u8 = 2;

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    match Args::parse().command {
        Command::Serve(args) => serve::serve(args),
        Command::Setup(args) => setup::setup(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Check(args) => check::check(args),
        Command::Scan(args) => scan::scan(args),
        Command::Policy { command } => policy::policy(command),
        Command::Config { command } => config::config(command),
        Command::Why(args) => why::why(args),
        Command::Waive(args) => waive::waive(&args),
        Command::WhoPulled(args) => who::who(&args),
        Command::Api { command } => api::api(&command),
        Command::Vsa(args) => vsa::vsa(&args),
        Command::Log(args) => log::log(&args),
        Command::Ledger { command } => ledger::run(&command),
        Command::Revoke(args) => revoke::revoke(&args),
        Command::Names { command } => names::names(command),
        Command::Ca { command } => ca::ca(&command),
        Command::Proxy { command } => proxy::proxy(&command),
        Command::Notify { command } => notify::notify(command),
        Command::Verify(args) => verify::verify(args),
        Command::Publishers { id, json } => trust::publishers(id.as_deref(), json),
        Command::Debug { command } => debug::debug(command),
        Command::Db { command } => db::db(command),
        Command::Trust { command } => trust::trust(command),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { command } => shell::man(&command),
    }
}

/// Reads a file or says on stderr why not.
fn read(path: &std::path::Path) -> Result<String, ExitCode> {
    crate::config::reload::read(path).map_err(|error| {
        output::err(format_args!("error: {}: {error}", path.display()));
        ExitCode::from(FAILED)
    })
}
