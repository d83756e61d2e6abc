//! `lazaret notify …`.

use clap::Subcommand;

use crate::cli::DataArgs;

/// `lazaret notify …`.
#[derive(Subcommand, Debug)]
pub enum NotifyCommand {
    /// Send a message to a target, to see whether and how it arrives.
    #[command(
        after_help = "Example:\n  lazaret notify test ops\n  lazaret notify test hook:isolate\n\nExits with 1 when it did not arrive."
    )]
    Test {
        /// The name in `[notify.NAME]`; of a hook, hook:NAME.
        #[arg(value_name = "NAME")]
        name: String,
        /// Where the targets are.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show what targets have not heard of, and why.
    #[command(
        after_help = "Example:\n  lazaret notify status\n\nExits with 1 when somebody is owed something."
    )]
    Status {
        /// Print JSON, an object a line.
        #[arg(long)]
        json: bool,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show what was given up after 48 tries, and why.
    #[command(
        after_help = "Example:\n  lazaret notify given-up ops\n\nExits with 1 when something was given up."
    )]
    GivenUp {
        /// The name in `[notify.NAME]`; of a hook, hook:NAME.
        #[arg(value_name = "NAME")]
        name: String,
        /// Print JSON, an object a line.
        #[arg(long)]
        json: bool,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Try again at once what failed, given up or not.
    #[command(after_help = "Example:\n  lazaret notify retry ops")]
    Retry {
        /// The name in `[notify.NAME]`; of a hook, hook:NAME.
        #[arg(value_name = "NAME")]
        name: String,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show what there was to hear of, the newest last.
    #[command(
        after_help = "Examples:\n  lazaret notify events\n  lazaret notify events -n 1000 --json"
    )]
    Events {
        /// How many.
        #[arg(short, long, default_value_t = 50)]
        number: u32,
        /// Print JSON, an object a line.
        #[arg(long)]
        json: bool,
        /// Where the ledger is.
        #[command(flatten)]
        data: DataArgs,
    },
}
