//! What may be said about the two files.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::cli::DataArgs;

/// `lazaret policy …`.
#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Find the mistakes in a policy, and waivers that are doubtful.
    Check(PolicyCheckArgs),
    /// Say which rule judges an image, and what it asks for.
    #[command(after_help = "Example:\n  lazaret policy explain registry.k8s.io/pause:3.10")]
    Explain {
        /// An image as `docker pull` takes it.
        image: String,
        /// The policy file.
        #[arg(long, env = "LAZARET_POLICY", value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Judge the recorded pulls under a changed policy, and show what would be denied or allowed from now on.
    Replay(PolicyReplayArgs),
    /// Judge the cases beside a policy, and show where it says something else than they expect.
    Test(PolicyTestArgs),
    /// Print the JSON schema, for editors.
    #[command(after_help = "Example:\n  lazaret policy schema > policy.schema.json")]
    Schema,
}

/// `lazaret policy check`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret policy check policy.toml\n  lazaret policy check policy.toml --data-dir /var/lib/lazaret --strict\n  lazaret policy check policy.toml --config lazaret.toml\n\nIt warns of waivers that have ended or end within 14 days, last more than a year, are for a whole registry, or excuse every\nvulnerability; and, where a server's data is named, of those that have excused nothing. With --config\na scanner that the server's file lacks is a mistake too. Exits with 1 when there are mistakes."
)]
pub struct PolicyCheckArgs {
    /// The policy file.
    #[arg(env = "LAZARET_POLICY", default_value = "policy.toml")]
    pub file: PathBuf,
    /// Exit with 1 for a doubtful waiver too.
    #[arg(long)]
    pub strict: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the ledger is that knows which waivers were of use.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `lazaret policy replay`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret policy replay new.toml --since 30d\n  lazaret policy replay new.toml --against policy.toml --fail-on any --json\n\nEvidence is what is kept in the data folder: names, manifests, configurations, signatures, facts of layers and the\nadvisories of today. Nobody is asked. What is not kept is said. A policy in audit mode is tried as if it enforced.\nExits with 1 when something is newly denied."
)]
pub struct PolicyReplayArgs {
    /// The policy to try.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Pulls of the last so long.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub since: String,
    /// Compare with this policy on the same evidence; default: with what was answered.
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// What makes the exit code 1.
    #[arg(
        long,
        value_enum,
        value_name = "CHANGE",
        default_value = "newly-denied"
    )]
    pub fail_on: FailOn,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the ledger and the evidence are.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `lazaret policy test`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret policy test policy.toml\n  lazaret policy test policy.toml --cases ci/nginx.toml --junit report.xml\n\nA case is an image, what is known of it and what is expected; what is not written is as a harmless image would have it:\n\n  [[case]]\n  name = \"a typo is stopped\"\n  image = \"docker.io/library/ngnix:1.27\"\n  now = 2026-06-01T12:00:00Z\n  verdict = \"deny\"\n  findings = [\"deny name-squat\"]\n\nNothing is fetched. Exits with 1 when a case ends otherwise than expected, with 2 when one cannot be read."
)]
pub struct PolicyTestArgs {
    /// The policy file.
    #[arg(env = "LAZARET_POLICY", default_value = "policy.toml")]
    pub file: PathBuf,
    /// Files of cases, or folders with some; default: tests/ beside the policy.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub cases: Vec<PathBuf>,
    /// Show the cases too that end as expected.
    #[arg(short, long)]
    pub verbose: bool,
    /// Print JSON, an object a case a line.
    #[arg(long)]
    pub json: bool,
    /// Write the results for a CI system too, as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// A change that a replay minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Something is denied that was served.
    NewlyDenied,
    /// Something is served that was denied.
    NewlyAllowed,
    /// Either.
    Any,
    /// None.
    Nothing,
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
