//! `lazaret ca …`.

use clap::Subcommand;

use crate::cli::DataArgs;

/// `lazaret ca …`.
#[derive(Subcommand, Debug)]
pub enum CaCommand {
    /// Make the authority in the data folder. A server with `[proxy]` or `registry_names` does so by itself.
    #[command(
        after_help = "Example:\n  lazaret ca init --config /etc/lazaret/lazaret.toml\n\nIt can certify the hosts of the configured registries and those below them, nothing else. Its key never leaves\nthe data folder."
    )]
    Init {
        /// Where it goes.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show whose it is, until when it is good, its fingerprint, and which one signs while there are two.
    #[command(after_help = "Example:\n  lazaret ca show")]
    Show {
        /// Where it is.
        #[command(flatten)]
        data: DataArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a new authority beside the old one, and have it sign once clients trust it.
    #[command(after_help = "Examples:
  lazaret ca rotate                     make the next authority; the old one signs on
  lazaret ca export > lazaret-ca.pem    both: give this to all clients
  sudo lazaret doctor                   on a client: does it know both?
  lazaret ca rotate --finish            the new one signs, the old one goes
  lazaret ca rotate --on 2026-12-24     the new one signs from that day; --finish then ends it
  lazaret ca rotate --cancel            take it away again

The new one is for the registries that are configured now. A running server takes every step by itself.")]
    Rotate {
        /// Where it is.
        #[command(flatten)]
        data: DataArgs,
        /// When the new one is to sign: a day, a moment or a time ahead (14d). Default: at --finish.
        #[arg(long, value_name = "WHEN", conflicts_with_all = ["finish", "cancel"])]
        on: Option<String>,
        /// Have the new one sign from now on, and remove the old one. Clients that do not trust the new one pull nothing.
        #[arg(long, conflicts_with = "cancel")]
        finish: bool,
        /// Remove the new one again, if it does not sign yet.
        #[arg(long)]
        cancel: bool,
        /// Print JSON, as `ca show` does.
        #[arg(long)]
        json: bool,
    },
    /// Print its certificate, and that of the next one: what clients are to trust.
    #[command(
        after_help = "Example:\n  lazaret ca export > /usr/local/share/ca-certificates/lazaret.crt && update-ca-certificates"
    )]
    Export {
        /// Where it is.
        #[command(flatten)]
        data: DataArgs,
    },
}
