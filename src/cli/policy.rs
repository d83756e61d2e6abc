//! `lazaret policy …`.

use std::process::ExitCode;

use super::{PolicyCommand, unfinished};

pub(super) fn policy(command: PolicyCommand) -> ExitCode {
    match command {
        PolicyCommand::Check { file: _ } => unfinished("policy check"),
        PolicyCommand::Explain {
            image: _,
            policy: _,
        } => unfinished("policy explain"),
        PolicyCommand::Schema => unfinished("policy schema"),
    }
}
