//! The command line: what may be said, and help that teaches.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

use super::{DataArgs, DbCommand, DebugCommand};

/// A supply-chain policy gateway for container images: every pull is judged before a byte reaches a client.
#[derive(Parser, Debug)]
#[command(
    name = "lazaret",
    version,
    after_help = "Examples:
  lazaret serve                          start with the shipped policy on 127.0.0.1:5050
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
    /// Judge images as a pull would, without pulling them.
    Check(CheckArgs),
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

/// `lazaret policy …`.
#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Find the mistakes in a policy.
    #[command(after_help = "Example:\n  lazaret policy check policy.toml")]
    Check {
        /// The policy file.
        #[arg(env = "LAZARET_POLICY", default_value = "policy.toml")]
        file: PathBuf,
    },
    /// Say which rule judges an image, and what it asks for.
    #[command(after_help = "Example:\n  lazaret policy explain registry.k8s.io/pause:3.10")]
    Explain {
        /// An image as `docker pull` takes it.
        image: String,
        /// The policy file.
        #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Print the JSON schema, for editors.
    #[command(after_help = "Example:\n  lazaret policy schema > policy.schema.json")]
    Schema,
}

/// `lazaret config …`.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Find the mistakes in the server's file.
    #[command(after_help = "Example:\n  lazaret config check /etc/lazaret/lazaret.toml")]
    Check {
        /// The server's file.
        #[arg(env = "LAZARET_CONFIG", default_value = "lazaret.toml")]
        file: PathBuf,
    },
    /// Print the JSON schema, for editors.
    #[command(after_help = "Example:\n  lazaret config schema > lazaret.schema.json")]
    Schema,
}

/// `lazaret names …`.
#[derive(Subcommand, Debug)]
pub enum NamesCommand {
    /// Say what a name looks like.
    #[command(
        after_help = "Examples:\n  lazaret names check ngnix bitnarni/redis\n  cut -f1 names.tsv | lazaret names check --json -\n\nExits with 1 when one would be blocked."
    )]
    Check {
        /// Names as `docker pull` takes them; `-` reads them from standard input, one a line.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Print JSON, an object a line.
        #[arg(long)]
        json: bool,
        /// The policy file: its exceptions and own names count.
        #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Where added names are.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Propose the policy's lines for names that look like mistakes and are meant.
    #[command(after_help = "Example:\n  lazaret names allow ngnix-tools/exporter")]
    Allow {
        /// Names as `docker pull` takes them.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Propose the policy's lines that protect your own public names like the well-known ones.
    #[command(after_help = "Example:\n  lazaret names add acme-oss/gateway acme-oss/agent")]
    Add {
        /// Names as `docker pull` takes them.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Let names be pulled that nobody has pulled yet, or list those that wait for it.
    Approve(ApproveArgs),
    /// Run recorded references through a policy and show which names would stop.
    Replay(ReplayArgs),
    /// Add well-known names to those that are built in.
    Update(UpdateArgs),
}

/// `lazaret names approve`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret names approve\n  lazaret names approve somebody/tool --by alice\n  lazaret names approve --undo somebody/tool\n\nIt matters where the policy says first_seen = \"deny\" or \"warn\". A running server hears of it within seconds."
)]
pub struct ApproveArgs {
    /// Names as `docker pull` takes them; with none, the names that wait are listed.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Who approves; default: the account that runs this.
    #[arg(long, value_name = "WHO")]
    pub by: Option<String>,
    /// Make the names new again.
    #[arg(long, requires = "names")]
    pub undo: bool,
    /// Print JSON, an object a name a line.
    #[arg(long)]
    pub json: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `lazaret names update`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret names update names.txt\n  git -C official-images diff v1 v2 -- library | lazaret names update -\n\nFILE is a list of names, a table with the heading image,tier,why, or a diff of Docker's official-images.\nThe server reads the names when it starts. Exits with 1 when a line was left out."
)]
pub struct UpdateArgs {
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// Only say what would be added.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the names are kept.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `lazaret names replay`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret names replay --policy new.toml --since 30d\n  lazaret names replay --policy new.toml images.txt\n\nExits with 1 when something would stop."
)]
pub struct ReplayArgs {
    /// A file with a reference a line; default: the decisions of the ledger.
    #[arg(conflicts_with = "since")]
    pub file: Option<PathBuf>,
    /// Only decisions of this time: 7d, 12h.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// The policy to try.
    #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `lazaret verify`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  lazaret verify registry.k8s.io/pause:3.10\n\nExits with 1 when the image bears no signature that anybody vouches for."
)]
pub struct VerifyArgs {
    /// An image as `docker pull` takes it.
    pub image: String,
    /// Print JSON, an object a signature a line.
    #[arg(long)]
    pub json: bool,
    /// The server's file.
    #[arg(long, env = "LAZARET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The policy file: its signers and roots are tried.
    #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// `lazaret trust …`.
#[derive(Subcommand, Debug)]
pub enum TrustCommand {
    /// Show the trusted roots, how fresh they are and how long they are believed.
    #[command(after_help = "Example:\n  lazaret trust show --policy policy.toml")]
    Show(TrustArgs),
    /// Refresh trusted roots from their TUF repositories. A server does so by itself.
    #[command(
        after_help = "Examples:\n  lazaret trust update\n  lazaret trust update corp --policy policy.toml\n\nExits with 1 when one could not be refreshed; what was there stays."
    )]
    Update {
        /// These only; default: all.
        #[arg(value_name = "ROOT")]
        names: Vec<String>,
        /// How, and of which policy.
        #[command(flatten)]
        args: TrustArgs,
    },
    /// Verify a Sigstore bundle, as the sigstore-conformance suite asks its clients to.
    #[command(
        after_help = "Example:\n  lazaret trust verify-bundle --bundle a.sigstore.json --certificate-identity ci@acme.example \\\n    --certificate-oidc-issuer https://accounts.google.com a.txt"
    )]
    VerifyBundle(VerifyBundleArgs),
}

/// `lazaret trust show` and `update`.
#[derive(clap::Args, Debug)]
pub struct TrustArgs {
    /// Print JSON, an object a root a line.
    #[arg(long)]
    pub json: bool,
    /// The policy file: its roots are meant too.
    #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Where fetched roots are.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `lazaret trust verify-bundle`.
#[derive(clap::Args, Debug)]
pub struct VerifyBundleArgs {
    /// The bundle.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// Who must have signed.
    #[arg(long, value_name = "IDENTITY", required_unless_present = "key")]
    pub certificate_identity: Option<String>,
    /// Who must vouch for that.
    #[arg(long, value_name = "URL", required_unless_present = "key")]
    pub certificate_oidc_issuer: Option<String>,
    /// The public key (PEM) that must have signed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_identity", "certificate_oidc_issuer"])]
    pub key: Option<PathBuf>,
    /// Another trusted root than Sigstore's public-good instance.
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Option<PathBuf>,
    /// What is signed: a file, or `sha256:` and its digest.
    #[arg(value_name = "FILE_OR_DIGEST")]
    pub artifact: String,
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
