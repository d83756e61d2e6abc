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
    /// Show whose it is, until when it is good, and its fingerprint.
    #[command(after_help = "Example:\n  lazaret ca show")]
    Show {
        /// Where it is.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Print its certificate: what clients are to trust.
    #[command(
        after_help = "Example:\n  lazaret ca export > /usr/local/share/ca-certificates/lazaret.crt && update-ca-certificates"
    )]
    Export {
        /// Where it is.
        #[command(flatten)]
        data: DataArgs,
    },
}
