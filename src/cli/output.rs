//! Words for the person at the terminal. A reader that went away (`| head`) is no error.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

/// One line to stdout.
pub fn out(line: impl fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// One line to stdout; false when nobody reads any more.
pub fn line(line: impl fmt::Display) -> bool {
    writeln!(io::stdout().lock(), "{line}").is_ok()
}

/// One line to stderr.
pub fn err(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Bytes to stdout as they are.
pub fn raw(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// May stdout be coloured: a terminal, and `NO_COLOR` (no-color.org) unset or empty.
pub fn colour() -> bool {
    let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !quiet
}

/// Writes over the line that the cursor is on, on stderr; nothing clears it.
pub fn status(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
}
