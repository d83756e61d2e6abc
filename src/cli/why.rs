//! `lazaret why`.

use std::process::ExitCode;

use super::{WhyArgs, unfinished};

pub(super) fn why(_args: WhyArgs) -> ExitCode {
    unfinished("why")
}
