//! `lazaret config …`.

use std::{path::Path, process::ExitCode};

use super::wire::Trouble;
#[cfg(feature = "yara")]
use super::wire::yara;
use super::{ConfigCommand, REFUSED, output, read};
use crate::config::{Server, parse_server, server_schema};

pub(super) fn config(command: ConfigCommand) -> ExitCode {
    match command {
        ConfigCommand::Check { file } => check(&file),
        ConfigCommand::Schema => {
            output::out(format_args!("{:#}", server_schema()));
            ExitCode::SUCCESS
        }
    }
}

/// Whether the rules that the file names are understood.
#[cfg(feature = "yara")]
fn rules(server: &Server) -> Result<(), Trouble> {
    yara(server).map(drop)
}

/// Without YARA no good file names any.
#[cfg(not(feature = "yara"))]
fn rules(_: &Server) -> Result<(), Trouble> {
    Ok(())
}

fn check(file: &Path) -> ExitCode {
    let text = match read(file) {
        Ok(text) => text,
        Err(code) => return code,
    };
    match parse_server(&text, &file.to_string_lossy()) {
        Ok(server) => {
            if let Err(wrong) = rules(&server) {
                output::err(wrong);
                return ExitCode::from(REFUSED);
            }
            output::out(format_args!("{}: no mistakes", file.display()));
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            output::err(mistakes.to_string().trim_end());
            ExitCode::from(REFUSED)
        }
    }
}
