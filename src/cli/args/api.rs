//! `lazaret api …`: what may be said.

use std::path::PathBuf;

use clap::Subcommand;

/// `lazaret api …`.
#[derive(Subcommand, Debug)]
pub enum ApiCommand {
    /// Make a token for a program. It is shown once; only its hash is kept.
    #[command(
        after_help = "Examples:\n  lazaret api token read dashboard                             the token, and the table for the file of [api] tokens\n  lazaret api token revoke oncall --file /etc/lazaret/api-tokens.toml   written there\n\nRoles: read tells all, waive has waivers proposed too, revoke revokes and takes back too, admin may everything. A running\nserver reads the file again when it changes; to take a token back, remove its table."
    )]
    Token {
        /// What it may do: read, waive, revoke or admin.
        role: String,
        /// Whose it is: stands in the ledger for who revoked. Default: the role.
        name: Option<String>,
        /// The file of `[api] tokens`; it is made if it is not there.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document of the API.
    #[command(after_help = "Example:\n  lazaret api openapi > openapi.json")]
    Openapi,
}
