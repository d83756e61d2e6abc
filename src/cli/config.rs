//! `lazaret config …`.

use std::{path::Path, process::ExitCode};

use super::{ConfigCommand, REFUSED, output, read};
use crate::config::{parse_server, server_schema};

pub(super) fn config(command: ConfigCommand) -> ExitCode {
    match command {
        ConfigCommand::Check { file } => check(&file),
        ConfigCommand::Schema => {
            output::out(format_args!("{:#}", server_schema()));
            ExitCode::SUCCESS
        }
    }
}

fn check(file: &Path) -> ExitCode {
    let text = match read(file) {
        Ok(text) => text,
        Err(code) => return code,
    };
    match parse_server(&text, &file.to_string_lossy()) {
        Ok(_) => {
            output::out(format_args!("{}: no mistakes", file.display()));
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            output::err(mistakes.to_string().trim_end());
            ExitCode::from(REFUSED)
        }
    }
}
