//! What a layer shows of its author's care, as facts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::Flaw;
use super::secret::Secret;
use crate::oci::Digest;

/// Most of a kind that are told one by one; all are counted.
pub(in crate::scan) const MAX_TOLD: usize = 1_000;
/// Most programs whose digests are kept: some 100 bytes each, and full desktops have 10,000.
pub(in crate::scan) const MAX_DIGESTS: usize = 50_000;

/// What was seen in a layer while it passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// Secrets in files that no package brought.
    pub secrets: Told<Secret>,
    /// Programs that set their user or group when they start.
    pub setuid: Told<Setuid>,
    /// Files that everybody may change, and folders in which everybody may change what is others'.
    pub world_writable: Told<String>,
    /// Accounts by file that are not as they should be.
    pub accounts: BTreeMap<String, Vec<(String, Flaw)>>,
    /// Programs whose code is unpacked when they start.
    pub packed: Told<String>,
    /// Programs and scripts: path and SHA-256.
    pub digests: Told<(String, Digest)>,
}

/// A program that sets its user or group when it starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Setuid {
    /// The program.
    pub path: String,
    /// Sets the user; else the group.
    pub user: bool,
    /// Whether a package of the distribution brought it.
    pub packaged: bool,
}

/// The first of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told<T> {
    /// The first.
    pub first: Vec<T>,
    /// How many more there are.
    pub more: u64,
}

impl<T> Default for Told<T> {
    fn default() -> Told<T> {
        Told {
            first: Vec::new(),
            more: 0,
        }
    }
}

impl<T> Told<T> {
    pub(in crate::scan) fn add(&mut self, one: T, most: usize) {
        if self.first.len() < most {
            self.first.push(one);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.more.saturating_add(self.first.len() as u64)
    }
}
