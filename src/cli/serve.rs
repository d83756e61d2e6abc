//! `lazaret serve`.

use std::process::ExitCode;

use super::{ServeArgs, unfinished};

pub(super) fn serve(_args: ServeArgs) -> ExitCode {
    unfinished("serve")
}
