//! `lazaret ledger …` and `lazaret log`: what may be said.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::cli::DataArgs;

/// Between which moments.
#[derive(clap::Args, Debug, Default, Clone)]
pub struct Window {
    /// From then on: a time back, as in 30d, a day or a moment, as in 2026-05-10 or 2026-05-10T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Until then, in the same words.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// As what rows are written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// JSON, an object a line.
    Json,
    /// CSV with a line of names (RFC 4180).
    Csv,
}

/// `lazaret ledger …`.
#[derive(Subcommand, Debug)]
pub enum LedgerCommand {
    /// Prove that no decision and no revocation was changed, removed or slipped in since it was written.
    #[command(
        after_help = "Examples:\n  lazaret ledger verify\n  lazaret ledger verify --json\n  lazaret ledger verify --checkpoint kept-elsewhere.txt --key 'lazaret-ledger/4f2a…+…'\n\nWithout --key it is the key beside the ledger whose word counts: who can change the ledger may change that too, so keep\nthe key's text and a checkpoint now and then where only you can write. Exits with 1 and the first row that is broken."
    )]
    Verify {
        /// The public key, as lazaret ledger key printed it; default: that beside the ledger.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// A checkpoint that was kept elsewhere: the ledger must be a continuation of it.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Print decisions and revocations with their hashes, oldest first, for archives and other programs.
    #[command(
        after_help = "Examples:\n  lazaret ledger export --since 30d > decisions.jsonl\n  lazaret ledger export --since 2026-01-01 --until 2026-04-01 --format csv > quarter.csv\n\nA row's text is what is hashed; docs/ledger.md says how, so that anybody can compute the chain again."
    )]
    Export {
        /// Between which moments.
        #[command(flatten)]
        window: Window,
        /// As what.
        #[arg(long, value_name = "FORMAT", default_value = "json")]
        format: Rows,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Print the newest signed checkpoint: what a copy elsewhere proves the ledger by.
    #[command(
        after_help = "Example:\n  lazaret ledger checkpoint > /mnt/elsewhere/lazaret-$(date +%F).txt\n\nIt is a signed note in the form of transparency logs (C2SP tlog-checkpoint). Exits with 1 while nothing is recorded."
    )]
    Checkpoint {
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Print the public key that the ledger is signed with.
    #[command(
        after_help = "Examples:\n  lazaret ledger key          as verifiers of signed notes take it\n  lazaret ledger key --pem\n  lazaret ledger key --renew  after a theft or loss; the server must not run\n\nThe key is made when the first decision is written: ledger.key beside the ledger, for its owner alone."
    )]
    Key {
        /// Print PEM instead.
        #[arg(long, conflicts_with = "json")]
        pem: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Make a new key, and sign the ledger as it is with that.
        #[arg(long)]
        renew: bool,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `lazaret log`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret log                                   the newest decisions, newest last\n  lazaret log --denied --since 1d\n  lazaret log --image ghcr.io/acme/app --csv\n  lazaret log --code name-squat --number 20\n  lazaret log --pulls --client 10.0.0.7         what a machine asked for\n  lazaret log --follow --json                   what happens from now on\n\nExits with 1 when there is nothing."
)]
pub struct LogArgs {
    /// Pulls instead of decisions: every manifest and blob that was asked for.
    #[arg(long)]
    pub pulls: bool,
    /// Of a repository, or of an image with its tag.
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Of what has this digest.
    #[arg(long, value_name = "DIGEST")]
    pub digest: Option<String>,
    /// Only what was let in.
    #[arg(long, conflicts_with = "denied")]
    pub allowed: bool,
    /// Only what was refused.
    #[arg(long)]
    pub denied: bool,
    /// Only decisions with this finding, waived or not.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Only what this client asked for: an address, or whom it is known as.
    #[arg(long, value_name = "CLIENT")]
    pub client: Option<String>,
    /// Between which moments.
    #[command(flatten)]
    pub window: Window,
    /// Most lines: the newest; 0 for all.
    #[arg(short, long, default_value_t = 100)]
    pub number: u32,
    /// Go on with what happens from now on.
    #[arg(short, long)]
    pub follow: bool,
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
