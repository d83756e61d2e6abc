//! `lazaret who-pulled`: what may be said.

use super::Window;
use crate::cli::DataArgs;

/// `lazaret who-pulled`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret who-pulled sha256:…                      an image or a layer\n  lazaret who-pulled ghcr.io/acme/app              anything of a repository\n  lazaret who-pulled docker.io/library/nginx:1.27  by that name\n  lazaret who-pulled CVE-2026-1234 --since 30d     images with a package that it means, whatever the policy says of it\n  lazaret who-pulled openssl                       images with the package, and its versions\n  lazaret who-pulled --package openssl@3.0.11-1~deb12u1\n  lazaret who-pulled --signer release-bot          images whose signature by them counted\n  lazaret who-pulled --client 10.0.0.7 --since 1d  all that a machine got\n\nExits with 1 when nobody did."
)]
pub struct WhoArgs {
    /// A digest, an image, or a word: an advisory, a package, a signer, the code of a finding, a file of one.
    #[arg(value_name = "WHAT", conflicts_with_all = ["package", "advisory", "signer"], required_unless_present_any = ["package", "advisory", "signer", "client"])]
    pub what: Option<String>,
    /// Images with this package, by its name or that of its source; after an @, in this version.
    #[arg(long, value_name = "NAME[@VERSION]", conflicts_with_all = ["advisory", "signer"])]
    pub package: Option<String>,
    /// Images with a package that this advisory means.
    #[arg(long, value_name = "ID", conflicts_with = "signer")]
    pub advisory: Option<String>,
    /// Images whose signature by this signer of the policy counted.
    #[arg(long, value_name = "NAME")]
    pub signer: Option<String>,
    /// Only this client: an address, or as whom it is known.
    #[arg(long, value_name = "CLIENT")]
    pub client: Option<String>,
    /// Between which moments.
    #[command(flatten)]
    pub window: Window,
    /// Most lines: whoever pulled last.
    #[arg(short, long, default_value_t = 1000, conflicts_with = "all")]
    pub number: u32,
    /// Leave out so many of the first lines.
    #[arg(long, value_name = "LINES", default_value_t = 0)]
    pub skip: u32,
    /// All lines, however many there are.
    #[arg(long)]
    pub all: bool,
    /// Print JSON, an object a line.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV.
    #[arg(long)]
    pub csv: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}
