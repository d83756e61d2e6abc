//! Watches a file that a person edits and hands its text on when it changed.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::time::{MissedTickBehavior, interval};

/// How often the file is looked at.
pub const POLL: Duration = Duration::from_secs(1);
/// Most bytes of a file that people write by hand.
pub const MAX_BYTES: u64 = 4 << 20;

/// What the watcher saw.
#[derive(Debug)]
pub enum Change {
    /// The file has a new text.
    Text(String),
    /// The file cannot be read; said once until that changes. What was loaded stays.
    Unreadable(io::Error),
}

/// Reads a file of at most [`MAX_BYTES`] bytes of UTF-8.
///
/// # Errors
/// Those of reading, and `InvalidData` for a file that is too large or not UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let problem = format!("the file is larger than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8"))
}

/// Watches `path` for ever, by content and not by time stamps, so that files replaced by renaming and
/// links turned elsewhere (as Kubernetes does) are seen. `loaded` is the text in use at the start.
/// `SIGHUP` hands the text on even when it is the same.
pub async fn watch(path: PathBuf, loaded: &str, mut on_change: impl FnMut(Change)) {
    let mut last = Some(hash(loaded));
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hangups = Hangups::new();
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            () = hangups.next() => true,
        };
        // A small local file once a second: reading it in place is cheaper than a thread's turn.
        match read(&path) {
            Ok(text) => {
                let now = Some(hash(&text));
                if asked || now != last {
                    last = now;
                    on_change(Change::Text(text));
                }
            }
            Err(error) => {
                if asked || last.is_some() {
                    last = None;
                    on_change(Change::Unreadable(error));
                }
            }
        }
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(unix)]
struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    fn new() -> Hangups {
        use tokio::signal::unix::{SignalKind, signal};
        Hangups(signal(SignalKind::hangup()).ok())
    }

    async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    fn new() -> Hangups {
        Hangups
    }

    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    async fn told(receiver: &mut mpsc::UnboundedReceiver<Change>) -> Option<String> {
        match receiver.recv().await.unwrap() {
            Change::Text(text) => Some(text),
            Change::Unreadable(_) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    #[cfg(unix)]
    async fn sees_replaced_files_turned_links_and_absence() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a"), "one").unwrap();
        std::fs::write(path("b"), "two").unwrap();
        std::os::unix::fs::symlink(path("a"), path("link")).unwrap();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let watched = path("link");
        let task = tokio::spawn(async move {
            watch(watched, "one", move |change| drop(sender.send(change))).await;
        });
        tokio::time::advance(POLL * 3).await;
        tokio::task::yield_now().await;
        assert!(receiver.try_recv().is_err(), "nothing changed");

        std::os::unix::fs::symlink(path("b"), path("new")).unwrap();
        std::fs::rename(path("new"), path("link")).unwrap();
        assert_eq!(told(&mut receiver).await.as_deref(), Some("two"));

        std::fs::write(path("c"), "three").unwrap();
        std::fs::rename(path("c"), path("b")).unwrap();
        assert_eq!(told(&mut receiver).await.as_deref(), Some("three"));

        std::fs::remove_file(path("b")).unwrap();
        assert_eq!(told(&mut receiver).await, None);
        tokio::time::advance(POLL * 3).await;
        tokio::task::yield_now().await;
        assert!(receiver.try_recv().is_err(), "said once");

        std::fs::write(path("b"), "three").unwrap();
        assert_eq!(told(&mut receiver).await.as_deref(), Some("three"));
        task.abort();
    }

    #[test]
    fn refuses_what_no_person_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, [0xff]).unwrap();
        assert!(read(&path).is_err());
        std::fs::write(&path, vec![b' '; MAX_BYTES as usize + 1]).unwrap();
        assert!(read(&path).is_err());
    }
}
