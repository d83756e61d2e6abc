//! What may be said about signatures and roots.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::DataArgs;

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
