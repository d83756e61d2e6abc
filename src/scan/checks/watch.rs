//! The watch over a layer: what every entry shows, and every file while its bytes pass.

use sha2::{Digest as _, Sha256};

use super::account::{flaws, names_accounts};
use super::facts::{MAX_DIGESTS, MAX_TOLD, Observed, Setuid};
use super::owned::{Owned, lists_files};
use super::{packed, secret};
use crate::oci::Digest;

/// Bits of a mode (inode(7)).
const SET_USER: u64 = 0o4000;
const SET_GROUP: u64 = 0o2000;
const STICKY: u64 = 0o1000;
const EXECUTE: u64 = 0o111;
const OTHERS_WRITE: u64 = 0o002;
/// Bytes at the beginning of a file that tell what it is.
const HEAD_BYTES: usize = 4_096;
/// How an ELF file begins.
const ELF: &[u8] = b"\x7fELF";
/// Largest list of files that is held in bytes: those of the largest packages have some MiB.
const MAX_LIST_BYTES: u64 = 16 << 20;
/// Largest file of accounts: a thousand accounts make 100 kB.
const MAX_ACCOUNTS_BYTES: u64 = 1 << 20;
/// Most files of packages that are remembered, 8 bytes and their share of a table each.
const MAX_OWNED: usize = 2_000_000;

/// What is known so far.
#[derive(Default)]
pub(in crate::scan) struct Watch {
    seen: Observed,
    owned: Owned,
}

/// A file while its bytes pass.
pub(in crate::scan) struct Look {
    path: String,
    executable: bool,
    /// The file, while it may be looked into as a whole; else its first bytes.
    held: Vec<u8>,
    most: usize,
    whole: Option<Whole>,
    hash: Option<Sha256>,
}

/// What a file is held for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Secrets,
    Accounts,
    Files,
}

impl Watch {
    /// Takes note of a file's or a folder's mode.
    pub(in crate::scan) fn mode(&mut self, path: &str, folder: bool, mode: u64) {
        if !folder && mode & (SET_USER | SET_GROUP) != 0 && mode & EXECUTE != 0 {
            let found = Setuid {
                path: path.to_owned(),
                user: mode & SET_USER != 0,
                packaged: false,
            };
            self.seen.setuid.add(found, MAX_TOLD);
        }
        if mode & OTHERS_WRITE != 0 && !(folder && mode & STICKY != 0) {
            self.seen.world_writable.add(path.to_owned(), MAX_TOLD);
        }
    }

    /// Begins a file.
    pub(in crate::scan) fn look(&self, path: &str, size: u64, mode: u64) -> Look {
        let whole = if names_accounts(path) && size <= MAX_ACCOUNTS_BYTES {
            Some(Whole::Accounts)
        } else if lists_files(path) && size <= MAX_LIST_BYTES {
            Some(Whole::Files)
        } else if secret::worth_a_look(path, size) {
            Some(Whole::Secrets)
        } else {
            None
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Look {
            path: path.to_owned(),
            executable: mode & EXECUTE != 0,
            held: Vec::new(),
            most: if whole.is_some() { size } else { HEAD_BYTES },
            whole,
            hash: Some(Sha256::new()),
        }
    }

    /// Takes note of what a file showed.
    pub(in crate::scan) fn note(&mut self, look: Look) {
        let Look { path, held, .. } = look;
        match look.whole {
            Some(Whole::Accounts) => {
                let flaws = flaws(&path, &held);
                self.seen.accounts.insert(path.clone(), flaws);
            }
            Some(Whole::Files) => self.files(&held),
            Some(Whole::Secrets) => {
                for secret in secret::find(&path, &held) {
                    self.seen.secrets.add(secret, MAX_TOLD);
                }
            }
            None => {}
        }
        if packed::is_packed(&held) {
            self.seen.packed.add(path.clone(), MAX_TOLD);
        }
        if let Some(hash) = look
            .hash
            .filter(|_| look.executable || held.starts_with(ELF))
        {
            let digest = (path, Digest::Sha256(hash.finalize().into()));
            self.seen.digests.add(digest, MAX_DIGESTS);
        }
    }

    /// Takes note of a file of a package.
    pub(in crate::scan) fn packaged(&mut self, path: &str) {
        if self.owned.len() < MAX_OWNED {
            self.owned.add(path);
        }
    }

    /// Whether a package of the distribution brought the file at `path`, as far as is known yet.
    pub(in crate::scan) fn owns(&self, path: &str) -> bool {
        self.owned.contains(path)
    }

    fn files(&mut self, list: &[u8]) {
        if self.owned.len() < MAX_OWNED {
            self.owned.add_list(list);
        }
    }

    /// All that was seen, without the secrets that packages brought.
    pub(in crate::scan) fn finish(self) -> Observed {
        let Watch { mut seen, owned } = self;
        seen.secrets.first.retain(|one| !owned.contains(&one.path));
        for one in &mut seen.setuid.first {
            one.packaged = owned.contains(&one.path);
        }
        seen
    }
}

impl Look {
    /// Takes the next bytes; `false` when the rest does not matter.
    pub(in crate::scan) fn feed(&mut self, bytes: &[u8]) -> bool {
        if let Some(room) = self
            .most
            .checked_sub(self.held.len())
            .filter(|room| *room > 0)
        {
            let first = self.held.is_empty();
            self.held
                .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            // Neither text nor program: pictures, fonts, data.
            let head = self.held.get(..HEAD_BYTES).unwrap_or(&self.held);
            if first && self.whole == Some(Whole::Secrets) && head.contains(&0) {
                self.whole = None;
                self.most = HEAD_BYTES;
                self.held.truncate(HEAD_BYTES);
            }
        }
        let program = self.executable || self.held.len() < ELF.len() || self.held.starts_with(ELF);
        if !program {
            self.hash = None;
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.hash.is_some() || self.held.len() < self.most
    }
}
