//! `lazaret waive`: what may be said.

use std::path::PathBuf;

use crate::cli::DataArgs;

/// `lazaret waive`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  lazaret waive 01JD0000000000000000000000\n  lazaret waive 01JD0000000000000000000000 --finding CVE-2026-1234 \\\n      --reason \"not reachable: we do not parse XML\" --owner team@acme.example --until 2027-01-31 --append policy.toml\n\nWithout --append the tables are printed, for a review. With it they are put at the end of the file, whose other lines\nstay as they are, if the whole is a good policy then; a running server takes it by itself."
)]
pub struct WaiveArgs {
    /// The decision, as clients and explain pages show it.
    #[arg(value_name = "ID")]
    pub decision: String,
    /// Only this finding: a code, or an advisory by any of its names. Default: all that deny.
    #[arg(long, value_name = "CODE|ADVISORY")]
    pub finding: Option<String>,
    /// Only for the image that was judged, by its digest.
    #[arg(long)]
    pub digest: bool,
    /// Why it is excused.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who answers for it.
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
    /// Where it is discussed.
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// The last day; default: in two weeks.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<String>,
    /// Put the tables into this policy.
    #[arg(long, value_name = "FILE", requires_all = ["reason", "owner"])]
    pub append: Option<PathBuf>,
    /// Where the ledger is.
    #[command(flatten)]
    pub data: DataArgs,
}
