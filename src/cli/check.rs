//! `lazaret check`.

use std::process::ExitCode;

use super::{CheckArgs, unfinished};

pub(super) fn check(_args: CheckArgs) -> ExitCode {
    unfinished("check")
}
