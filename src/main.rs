//! The `lazaret` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lazaret::cli::run()
}
