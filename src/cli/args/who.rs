//! `lazaret who-pulled`: what may be said.

use crate::cli::DataArgs;

/// `lazaret who-pulled`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret who-pulled sha256:…                      an image or a layer\n  lazaret who-pulled ghcr.io/acme/app              anything of a repository\n  lazaret who-pulled docker.io/library/nginx:1.27  by that name\n  lazaret who-pulled CVE-2026-1234 --since 30d     with that in its findings: denied, warned of or waived\n\nExits with 1 when nobody did."
)]
pub struct WhoArgs {
    /// A digest, an image, or a word of findings: an advisory, a package, a signer.
    #[arg(value_name = "WHAT")]
    pub what: String,
    /// Only pulls of the last so long, as in 30d.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Most lines.
    #[arg(short, long, default_value_t = 1000)]
    pub number: u32,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub json: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}
