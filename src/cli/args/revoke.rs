//! What may be said about revocations.

use crate::cli::DataArgs;

/// `lazaret revoke`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret revoke                                        list what is revoked\n  lazaret revoke sha256:… --reason \"xz backdoor\"         a manifest or layer, in every image that has it\n  lazaret revoke nginx:1.27.0 --reason \"broken build\"    the digest that the tag led to here\n  lazaret revoke 'ghcr.io/acme/**' --reason \"taken over\"  all images of repositories\n  lazaret revoke --signer release-bot --reason \"key stolen\"\n  lazaret revoke --undo 01JD0000000000000000000000\n\nA running server denies it within a second or two, and stops downloads of it. It holds in audit mode too."
)]
pub struct RevokeArgs {
    /// A digest, an image, or a pattern of repositories; with nothing, what is revoked is listed.
    #[arg(value_name = "DIGEST|IMAGE|PATTERN", conflicts_with_all = ["signer", "publisher", "undo"])]
    pub what: Option<String>,
    /// A signer of the policy: nothing counts any more that they signed.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["publisher", "undo"])]
    pub signer: Option<String>,
    /// A publisher of the catalogue: nothing counts any more that they signed.
    #[arg(long, value_name = "ID", conflicts_with = "undo")]
    pub publisher: Option<String>,
    /// Why: everybody reads it whose pull is denied.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who revokes, or takes back; default: the account that runs this.
    #[arg(long, value_name = "WHO")]
    pub by: Option<String>,
    /// Take a revocation back.
    #[arg(long, value_name = "ID")]
    pub undo: Option<String>,
    /// Print JSON, an object a revocation a line.
    #[arg(long)]
    pub json: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}
