//! The `lazaret` command.

fn main() -> std::process::ExitCode {
    lazaret::cli::run()
}
