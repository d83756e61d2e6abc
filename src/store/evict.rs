//! Making room: what was of use longest ago goes first, and nothing that is being read.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::oci::Digest;

use super::disk::Inner;

impl Inner {
    /// Below the capacity again, with a tenth to spare, so that not every blob evicts another.
    pub(super) fn evict(&self) {
        let victims = self.victims();
        if !victims.is_empty() {
            // What is mapped only for the next reader is not being read.
            self.recent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
        for digest in victims {
            let read = {
                let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.get(&digest)
                    .is_some_and(|weak| weak.strong_count() > 0)
            };
            if !read {
                self.unlink(&digest);
                self.counters.evicted.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn victims(&self) -> Vec<Digest> {
        let entries = self.index.lock();
        if entries.bytes <= self.capacity {
            return Vec::new();
        }
        let mut excess = entries.bytes - self.capacity / 10 * 9;
        let mut oldest: Vec<_> = entries
            .blobs
            .iter()
            .map(|(digest, entry)| (entry.used, entry.size, *digest))
            .collect();
        oldest.sort_unstable();
        // The newest is what was just brought in: whoever waits for it must find it.
        oldest.pop();
        let mut victims = Vec::new();
        for (_, size, digest) in oldest {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(size);
            victims.push(digest);
        }
        victims
    }
}
