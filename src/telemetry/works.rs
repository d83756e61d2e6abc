//! What pulls wait for that takes its time: told in the log while it lasts, and on a page.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, interval_at};

/// Between two lines of the log about one work: someone who watches sees that it goes on, and a long one stays short.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A work that goes on, and how far it is.
#[derive(Debug, Default)]
pub struct Work {
    what: String,
    done: AtomicU64,
    /// None yet: 0.
    of: AtomicU64,
    /// Nothing comes of it but a turn.
    idle: bool,
}

/// All works that go on in this process.
#[derive(Default)]
pub struct Works(Mutex<(u64, BTreeMap<u64, Arc<Work>>)>);

/// The works of this process.
pub fn works() -> &'static Works {
    static WORKS: OnceLock<Works> = OnceLock::new();
    WORKS.get_or_init(Works::default)
}

impl Works {
    /// A work begins: `what` in words that go on "waits for …", and of how many bytes, if that is known. It ends when what
    /// is returned is dropped.
    pub fn begin(&'static self, what: String, of: Option<u64>) -> Working {
        let of = AtomicU64::new(of.unwrap_or(0));
        self.list(Work {
            what,
            of,
            ..Work::default()
        })
    }

    /// A work waits for its turn: `what` as above.
    pub fn wait(&'static self, what: String) -> Working {
        self.list(Work {
            what,
            idle: true,
            ..Work::default()
        })
    }

    fn list(&'static self, work: Work) -> Working {
        let work = Arc::new(work);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.0 += 1;
        let id = all.0;
        all.1.insert(id, work.clone());
        Working {
            works: self,
            id,
            work,
        }
    }

    /// What goes on, the oldest first.
    pub fn all(&self) -> Vec<Arc<Work>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.1.values().cloned().collect()
    }
}

/// Holds a work on the list.
pub struct Working {
    works: &'static Works,
    id: u64,
    work: Arc<Work>,
}

impl Working {
    /// So many bytes more are done.
    pub fn add(&self, bytes: u64) {
        self.work.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes are done, of so many.
    pub fn set(&self, done: u64, of: Option<u64>) {
        self.work.done.store(done, Ordering::Relaxed);
        self.work.of.store(of.unwrap_or(0), Ordering::Relaxed);
    }

    /// Does it, and tells of it in the log every ten seconds.
    pub async fn until<T>(&self, done: impl Future<Output = T>) -> T {
        let mut ticks = interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
        tokio::pin!(done);
        loop {
            tokio::select! {
                biased;
                result = &mut done => return result,
                _ = ticks.tick() => tracing::info!("a pull waits for {}", self.work),
            }
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut all = self.works.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.1.remove(&self.id);
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed) as f64 / f64::from(1 << 20);
        if self.idle {
            return f.write_str(&self.what);
        }
        let (done, of) = (mib(&self.done), mib(&self.of));
        match of > 0.0 {
            true => write!(f, "{}: {done:.1} of {of:.1} MiB", self.what),
            false => write!(f, "{}: {done:.1} MiB", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Of this test's own, for others work too.
    fn own() -> &'static Works {
        Box::leak(Box::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_work_is_told_every_ten_seconds() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        let _log = tracing::subscriber::set_default(log);
        let working = own().begin("layer x of a".to_owned(), Some(4 << 20));
        let work = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(9)).await;
                working.add(1 << 20);
            }
            "done"
        };
        assert_eq!(working.until(work).await, "done");
        let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let told: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_once("a pull waits for "))
            .map(|(_, told)| told)
            .collect();
        let expected = [
            "layer x of a: 1.0 of 4.0 MiB",
            "layer x of a: 2.0 of 4.0 MiB",
        ];
        assert_eq!(told, expected, "{said}");
    }

    #[test]
    fn works_are_listed_until_they_end() {
        let works = own();
        let list = || -> Vec<String> { works.all().iter().map(ToString::to_string).collect() };
        let first = works.begin("advisories of Debian".to_owned(), None);
        let second = works.begin("layer y of b".to_owned(), Some(1 << 20));
        first.set(3 << 19, None);
        assert_eq!(
            list(),
            [
                "advisories of Debian: 1.5 MiB",
                "layer y of b: 0.0 of 1.0 MiB"
            ]
        );
        first.set(3 << 19, Some(2 << 20));
        drop(second);
        assert_eq!(list(), ["advisories of Debian: 1.5 of 2.0 MiB"]);
        drop(first);
        let third = works.wait("a turn to read layer z of c".to_owned());
        assert_eq!(list(), ["a turn to read layer z of c"]);
        drop(third);
        assert_eq!(list(), [""; 0]);
    }
}
