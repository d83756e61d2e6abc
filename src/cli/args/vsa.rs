//! `lazaret vsa`: what may be said.

use clap::Subcommand;

use crate::cli::DataArgs;

/// `lazaret vsa`.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  lazaret vsa ghcr.io/acme/app:1 > app.sigstore.json   the newest decision about it, signed\n  lazaret vsa --statement 01JD0000000000000000000000   what is said, unsigned\n  lazaret vsa key > lazaret.pub                        for those who check\n\n  cosign verify-attestation --key lazaret.pub --new-bundle-format --insecure-ignore-tlog=true \\\n    --type https://slsa.dev/verification_summary/v1 lazaret.acme.example/ghcr.io/acme/app:1"
)]
pub struct VsaArgs {
    /// An image, or the id of a decision.
    #[arg(value_name = "IMAGE|ID")]
    pub what: Option<String>,
    /// Print the statement alone, to be read.
    #[arg(long)]
    pub statement: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
    /// Anything else.
    #[command(subcommand)]
    pub command: Option<VsaCommand>,
}

/// `lazaret vsa …`.
#[derive(Subcommand, Debug)]
pub enum VsaCommand {
    /// Print the public key as PEM.
    #[command(
        after_help = "Example:\n  lazaret vsa key > lazaret.pub\n\nThe key is made where it is not there yet."
    )]
    Key {
        /// Where the key is.
        #[command(flatten)]
        data: DataArgs,
    },
}
