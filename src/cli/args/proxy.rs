//! `lazaret proxy …`.

use std::path::PathBuf;

use clap::Subcommand;

/// `lazaret proxy …`.
#[derive(Subcommand, Debug)]
pub enum ProxyCommand {
    /// Make a token for somebody who may use the proxy. It is shown once; only its hash is kept.
    #[command(
        after_help = "Examples:\n  lazaret proxy token team-a                                   the token, and the line for the file of [proxy] users\n  lazaret proxy token team-a --file /etc/lazaret/proxy-users.toml   written there; a token that team-a had is replaced\n\nThe client is told of it as HTTPS_PROXY=http://team-a:TOKEN@lazaret.example:3128. A running server reads the file\nagain when it changes; to take a token back, remove its line."
    )]
    Token {
        /// Whose: letters, digits, dots, dashes and underscores.
        name: String,
        /// The file of `[proxy] users`; it is made if it is not there.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
