//! What may be said about names.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::DataArgs;

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
