//! Other programs of this machine: what all who run one need, so that none is left behind.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// Where programs are found by name: never by the environment of whoever started us.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Most of a complaint that is told to people, in characters.
const MAX_COMPLAINT: usize = 300;

/// A program that was started in a process group of its own, and all that it started; they end with this.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// The group that `child` leads.
    pub fn of(child: &Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Where none is left there is nothing to do.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The last line that a program complained with, to follow a sentence: `: no such file`, or nothing.
pub fn last_line(complained: &[u8]) -> String {
    let text = String::from_utf8_lossy(complained);
    let mut lines = text.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty()).map(|line| {
        let plain = line.chars().filter(|c| !c.is_control());
        format!(": {}", plain.take(MAX_COMPLAINT).collect::<String>())
    });
    line.unwrap_or_default()
}
