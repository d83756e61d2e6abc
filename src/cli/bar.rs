//! How far a download is, on a terminal only.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use super::output;

/// Between two looks of a bar.
const REDRAW: Duration = Duration::from_millis(200);
/// Characters of a whole bar.
const WIDTH: u64 = 24;

/// A bar of one download.
pub(super) struct Bar {
    name: String,
    began: Instant,
    shown: Option<Instant>,
    /// What was there before: a download that goes on was not that fast.
    first: Option<u64>,
    on: bool,
}

impl Bar {
    /// A bar that shows nothing yet; never anything where stderr is no terminal.
    pub(super) fn of(name: &str) -> Bar {
        Bar {
            name: name.to_owned(),
            began: Instant::now(),
            shown: None,
            first: None,
            on: std::io::stderr().is_terminal(),
        }
    }

    /// So many bytes are there, of so many.
    pub(super) fn show(&mut self, arrived: u64, of: Option<u64>) {
        let due = self.shown.is_none_or(|shown| shown.elapsed() > REDRAW);
        if !self.on || !due {
            return;
        }
        self.shown = Some(Instant::now());
        let first = *self.first.get_or_insert(arrived);
        let (new, took) = (arrived.saturating_sub(first), self.began.elapsed());
        output::status(&line(&self.name, (arrived, of), (new, took)));
    }

    /// Leaves the line empty.
    pub(super) fn clear(&self) {
        if self.shown.is_some() {
            output::status("");
        }
    }
}

/// A bar where the whole is known, the figures, and how fast the new bytes came.
fn line(name: &str, (arrived, of): (u64, Option<u64>), (new, took): (u64, Duration)) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let speed = match took.as_secs_f64() {
        seconds if seconds >= 0.5 => format!(", {:.1} MiB/s", mib(new) / seconds),
        _ => String::new(),
    };
    let Some(of) = of.filter(|of| *of > 0) else {
        return format!("{name}  {:.1} MiB{speed}", mib(arrived));
    };
    let full = (arrived.min(of).saturating_mul(WIDTH) / of) as usize;
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH as usize - full));
    format!(
        "{name}  [{bar}] {:>3} %  {:.1} of {:.1} MiB{speed}",
        arrived.min(of).saturating_mul(100) / of,
        mib(arrived),
        mib(of),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        let seconds = Duration::from_secs;
        let mib = 1 << 20;
        let cases = [
            (
                (0, Some(10 * mib)),
                (0, seconds(0)),
                "Debian  [........................]   0 %  0.0 of 10.0 MiB",
            ),
            (
                (5 * mib, Some(10 * mib)),
                (4 * mib, seconds(2)),
                "Debian  [############............]  50 %  5.0 of 10.0 MiB, 2.0 MiB/s",
            ),
            (
                (10 * mib, Some(10 * mib)),
                (10 * mib, seconds(4)),
                "Debian  [########################] 100 %  10.0 of 10.0 MiB, 2.5 MiB/s",
            ),
            ((3 * mib, None), (0, seconds(0)), "Debian  3.0 MiB"),
            ((3, Some(0)), (0, seconds(0)), "Debian  0.0 MiB"),
        ];
        for (bytes, new, shown) in cases {
            assert_eq!(line("Debian", bytes, new), shown);
        }
    }
}
