//! `lazaret db …`: what may be said, and where a server's data is.

use std::path::PathBuf;

use clap::Subcommand;

/// Where a server keeps its data.
#[derive(clap::Args, Debug, Default)]
pub struct DataArgs {
    /// The server's file.
    #[arg(long, env = "LAZARET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where blobs and the ledger live, if the file does not say.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

/// `lazaret db …`.
#[derive(Subcommand, Debug)]
pub enum DbCommand {
    /// Fetch advisories anew. A server does so by itself, and fetches those of an ecosystem when it first meets it.
    #[command(
        after_help = "Examples:\n  lazaret db update                     those that are there\n  lazaret db update Debian Alpine PyPI  these, there or not\n\nA running server takes them within a minute. Exits with 1 when some could not be fetched; what was there stays."
    )]
    Update {
        /// Names of ecosystems as OSV writes them; default: those that are there.
        #[arg(value_name = "ECOSYSTEM")]
        ecosystems: Vec<String>,
        /// Where they lie.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Take advisories from a file or folder: for machines without a network.
    #[command(
        after_help = "Examples:\n  lazaret db import all.zip --ecosystem Debian   OSV's export of one ecosystem\n  lazaret db import advisories.tar               what lazaret db export wrote\n  lazaret db import everything.jsonl.zst         all ecosystems that it names\n  lazaret db import --kev known_exploited_vulnerabilities.json --epss epss_scores-current.csv.gz\n\nAn export is a zip archive or a folder of JSON files, or a file of a record a line, with .zst or not. The data is\nas fresh as the file: max_database_age of policies counts from its time."
    )]
    Import {
        /// The export.
        #[arg(value_name = "EXPORT", required_unless_present_any = ["kev", "epss"])]
        export: Option<PathBuf>,
        /// Whose export it is; default: it is one of all ecosystems that it names.
        #[arg(long, value_name = "NAME", requires = "export")]
        ecosystem: Option<String>,
        /// CISA's catalogue of known exploited vulnerabilities, as JSON.
        #[arg(long, value_name = "FILE")]
        kev: Option<PathBuf>,
        /// FIRST's probabilities of exploitation, `epss_scores-….csv.gz` or unpacked.
        #[arg(long, value_name = "FILE")]
        epss: Option<PathBuf>,
        /// Where they go.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Put all advisories into one file, for machines without a network.
    #[command(
        after_help = "Example:\n  lazaret db export advisories.tar      here\n  lazaret db import advisories.tar      there\n\nWhat is known of exploitation goes along. The other side takes what is newer than what it has."
    )]
    Export {
        /// The file to write.
        #[arg(value_name = "FILE.tar")]
        file: PathBuf,
        /// Where they lie.
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show which advisories there are and how fresh.
    #[command(after_help = "Example:\n  lazaret db status")]
    Status {
        /// Print JSON, an object an ecosystem a line.
        #[arg(long)]
        json: bool,
        /// Where they lie.
        #[command(flatten)]
        data: DataArgs,
    },
}
