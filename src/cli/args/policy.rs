//! What may be said about the two files.

use std::path::PathBuf;

use clap::Subcommand;

/// `lazaret policy …`.
#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Find the mistakes in a policy.
    #[command(after_help = "Example:\n  lazaret policy check policy.toml")]
    Check {
        /// The policy file.
        #[arg(env = "LAZARET_POLICY", default_value = "policy.toml")]
        file: PathBuf,
    },
    /// Say which rule judges an image, and what it asks for.
    #[command(after_help = "Example:\n  lazaret policy explain registry.k8s.io/pause:3.10")]
    Explain {
        /// An image as `docker pull` takes it.
        image: String,
        /// The policy file.
        #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Print the JSON schema, for editors.
    #[command(after_help = "Example:\n  lazaret policy schema > policy.schema.json")]
    Schema,
}

/// `lazaret config …`.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Find the mistakes in the server's file.
    #[command(after_help = "Example:\n  lazaret config check /etc/lazaret/lazaret.toml")]
    Check {
        /// The server's file.
        #[arg(env = "LAZARET_CONFIG", default_value = "lazaret.toml")]
        file: PathBuf,
    },
    /// Print the JSON schema, for editors.
    #[command(after_help = "Example:\n  lazaret config schema > lazaret.schema.json")]
    Schema,
}
