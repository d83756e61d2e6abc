//! `lazaret completions` and `lazaret man`.

use std::process::ExitCode;

use clap::CommandFactory;

use super::{Args, FAILED, output};

pub(super) fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "lazaret", &mut script);
    output::raw(&script);
    ExitCode::SUCCESS
}

pub(super) fn man(path: &[String]) -> ExitCode {
    let mut command = Args::command();
    command.build();
    for name in path {
        match command.find_subcommand(name) {
            Some(found) => command = found.clone(),
            None => {
                output::err(format_args!(
                    "error: {command} has no command {name}; see `{command} --help`"
                ));
                return ExitCode::from(FAILED);
            }
        }
    }
    let mut page = Vec::new();
    match clap_mangen::Man::new(command).render(&mut page) {
        Ok(()) => {
            output::raw(&page);
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::err(format_args!(
                "error: the manual page could not be written: {error}"
            ));
            ExitCode::from(FAILED)
        }
    }
}
