//! The command line: what may be said, and help that teaches.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

mod api;
mod ca;
mod ledger;
mod names;
mod notify;
mod policy;
mod proxy;
mod revoke;
mod scan;
mod setup;
mod trust;
mod vsa;
mod waive;
mod who;

use super::{DataArgs, DbCommand, DebugCommand};

pub use api::ApiCommand;
pub use ca::CaCommand;
pub use ledger::{LedgerCommand, LogArgs, Rows, Window};
pub use names::{ApproveArgs, NamesCommand, ReplayArgs, UpdateArgs};
pub use notify::NotifyCommand;
pub use policy::{
    ConfigCommand, FailOn, PolicyCheckArgs, PolicyCommand, PolicyReplayArgs, PolicyTestArgs,
};
pub use proxy::ProxyCommand;
pub use revoke::RevokeArgs;
pub use scan::{Sbom, ScanArgs, Severity as ScanSeverity};
pub use setup::{DoctorArgs, SetupArgs, Whereabouts};
pub use trust::{TrustArgs, TrustCommand, VerifyArgs, VerifyBundleArgs};
pub use vsa::{VsaArgs, VsaCommand};
pub use waive::WaiveArgs;
pub use who::WhoArgs;

/// A supply-chain policy gateway for container images: every pull is judged before a byte reaches a client.
#[derive(Parser, Debug)]
#[command(
    name = "lazaret",
    version,
    after_help = "Examples:
  lazaret serve                          start with the shipped policy on 127.0.0.1:5050
  lazaret setup docker                   show what would point Docker at it; --apply does it
  sudo lazaret doctor                    prove that a denied image cannot arrive here
  lazaret check docker.io/library/nginx  judge an image without pulling it
  lazaret policy check policy.toml       find the mistakes in a policy

Exit codes: 0 done, 1 refused, 2 could not be done."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the gateway.
    Serve(ServeArgs),
    /// Point Docker, containerd, Kubernetes nodes, podman or BuildKit at Lazaret; check that, and take it back.
    Setup(SetupArgs),
    /// Prove on this machine that a denied image cannot arrive.
    Doctor(DoctorArgs),
    /// Judge images as a pull would, without pulling them.
    Check(CheckArgs),
    /// Show what is in images, archives and folders, and what is wrong with it.
    Scan(ScanArgs),
    /// Check, explain and describe policies.
    Policy {
        /// What about it.
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Check and describe the server's file.
    Config {
        /// What about it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Say why an image was served or denied.
    Why(WhyArgs),
    /// Propose the waiver that excuses a denied pull, or write it into the policy.
    Waive(WaiveArgs),
    /// Say who pulled an image, a layer, or anything with a finding.
    WhoPulled(WhoArgs),
    /// Tokens and description of the JSON API.
    Api {
        /// What about it.
        #[command(subcommand)]
        command: ApiCommand,
    },
    /// Print a decision as a signed attestation (SLSA Verification Summary).
    Vsa(VsaArgs),
    /// Show decisions and pulls, newest last.
    Log(LogArgs),
    /// Prove the record of decisions, and export it.
    Ledger {
        /// What about it.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Deny an image, a layer, a signer or a publisher from now on, in every mode and whoever waives it.
    Revoke(RevokeArgs),
    /// Judge names, propose exceptions, try a policy on what was pulled.
    Names {
        /// What about them.
        #[command(subcommand)]
        command: NamesCommand,
    },
    /// Show everybody who signed an image, trusted or not: for writing a policy.
    Verify(VerifyArgs),
    /// List the publishers that policies can name.
    #[command(
        after_help = "Examples:\n  lazaret publishers\n  lazaret publishers kubernetes --json"
    )]
    Publishers {
        /// This one only.
        id: Option<String>,
        /// Print JSON, an object a line.
        #[arg(long)]
        json: bool,
    },
    /// Trusted roots, and verification of single files.
    Trust {
        /// What about them.
        #[command(subcommand)]
        command: TrustCommand,
    },
    /// The advisories that scans ask.
    Db {
        /// What about them.
        #[command(subcommand)]
        command: DbCommand,
    },
    /// The certificate authority by which Lazaret answers under registries' names.
    Ca {
        /// What about it.
        #[command(subcommand)]
        command: CaCommand,
    },
    /// Who may use the proxy.
    Proxy {
        /// What about it.
        #[command(subcommand)]
        command: ProxyCommand,
    },
    /// Who is told of blocked pulls and changed verdicts.
    Notify {
        /// What about it.
        #[command(subcommand)]
        command: NotifyCommand,
    },
    /// Check how versions are compared and packages are matched.
    Debug {
        /// What of it.
        #[command(subcommand)]
        command: DebugCommand,
    },
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  lazaret completions bash > /etc/bash_completion.d/lazaret")]
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of the whole or of one command.
    #[command(
        after_help = "Examples:\n  lazaret man | man -l -\n  lazaret man policy check | man -l -"
    )]
    Man {
        /// Of this command only.
        command: Vec<String>,
    },
}

/// `lazaret serve`: flags win over the file.
#[derive(clap::Args, Debug, Default)]
#[command(
    after_help = "Examples:\n  lazaret serve\n  lazaret serve --config /etc/lazaret/lazaret.toml\n  lazaret serve --policy policy.toml --mirror 127.0.0.1:0\n\nThe policy is loaded again when its file changes or on SIGHUP; a bad one is refused and the old one stays."
)]
pub struct ServeArgs {
    /// The server's file.
    #[arg(long, env = "LAZARET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The policy file.
    #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Where blobs and the ledger live.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Address of the mirror; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub mirror: Option<SocketAddr>,
    /// Address of the gateway; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Option<SocketAddr>,
    /// Address of explain pages, health and metrics; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
}

/// `lazaret check`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret check nginx:1.27\n  lazaret check --policy policy.toml --json ghcr.io/acme/app@sha256:…\n\nExits with 1 when one image is denied."
)]
pub struct CheckArgs {
    /// Images as `docker pull` takes them.
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The server's file.
    #[arg(long, env = "LAZARET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The policy file.
    #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// `lazaret why`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret why 01JD0000000000000000000000\n  lazaret why docker.io/library/nginx:1.27"
)]
pub struct WhyArgs {
    /// The id of a decision, or an image.
    #[arg(value_name = "ID|IMAGE")]
    pub what: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
