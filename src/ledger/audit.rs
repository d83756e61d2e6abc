//! Proving a ledger: every entry of the chain follows from the one before, every row is as it was written, and the
//! checkpoints are signed.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::LedgerError;
use super::canonical::{EntryKind, leaf};
use super::chain::{self, Entry, Head, NOTHING, hex};
use super::note::{NoteKey, read_checkpoint};
use super::seal::{RENEWED, SIGNED, SWEPT};

/// Entries between two words about how far it is.
const TOLD_EVERY: u64 = 1_000;

/// What a ledger was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The key that signed it.
    pub key: String,
    /// How many entries the chain has had.
    pub size: u64,
    /// How many of them were swept, being older than the retention.
    pub swept: u64,
    /// The hash of the last, in hexadecimal.
    pub head: String,
    /// How many checkpoints are signed.
    pub checkpoints: u64,
    /// What was found first that is wrong; nothing after it was looked at.
    pub broken: Option<Broken>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Which entry, counted from 1; none where a row has none.
    pub entry: Option<u64>,
    /// Of which kind.
    pub kind: String,
    /// Whose: the id of the row.
    pub subject: String,
    /// In a sentence without its subject: `was changed after it was written`.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry {
            write!(f, "entry {entry}: ")?;
        }
        write!(f, "{} {} {}", self.kind, self.subject, self.what)
    }
}

/// Whose word counts.
pub(super) struct Trusted<'a> {
    /// The key of the ledger.
    pub(super) key: &'a NoteKey,
    /// A checkpoint that was kept elsewhere.
    pub(super) kept: Option<&'a str>,
}

/// `progress`: entries looked at, and of how many.
pub(super) fn audit(
    from: &Connection,
    trusted: &Trusted<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Audit, LedgerError> {
    let key = trusted.key;
    let mut walk = Walk::begin(from, key)?;
    if let Some(note) = trusted.kept {
        let (head, _) = read_checkpoint(note, key)
            .map_err(|error| LedgerError(format!("the checkpoint that was kept: {error}")))?;
        if head.size < walk.swept {
            return Err(LedgerError(format!(
                "the checkpoint that was kept is about {} entries, and {} were swept since: it proves nothing any more",
                head.size, walk.swept
            )));
        }
        walk.expected.insert(head.size, head.hash);
    }
    let broken = match walk.broken.take() {
        None => walk.run(from, progress)?,
        broken => broken,
    };
    Ok(Audit {
        key: key.to_string(),
        size: walk.head.size,
        swept: walk.swept,
        head: hex(&walk.head.hash),
        checkpoints: walk.checkpoints,
        broken,
    })
}

struct Walk {
    head: Head,
    swept: u64,
    checkpoints: u64,
    /// What signed checkpoints say of sizes.
    expected: BTreeMap<u64, [u8; 32]>,
    signed_to: u64,
    broken: Option<Broken>,
}

/// The milliseconds since 1970 that stand behind a word.
fn moment(said: &str, word: &str) -> Option<i64> {
    let at: jiff::Timestamp = said.strip_prefix(word)?.trim().parse().ok()?;
    Some(at.as_millisecond())
}

fn of_checkpoint(size: u64, what: impl fmt::Display) -> Broken {
    Broken {
        entry: Some(size),
        kind: "checkpoint".to_owned(),
        subject: format!("of {size} entries"),
        what: what.to_string(),
    }
}

impl Walk {
    /// Reads the checkpoints, and begins where the last sweep ended.
    fn begin(from: &Connection, key: &NoteKey) -> Result<Walk, LedgerError> {
        let mut walk = Walk {
            head: Head {
                size: 0,
                hash: NOTHING,
            },
            swept: 0,
            checkpoints: 0,
            expected: BTreeMap::new(),
            signed_to: 0,
            broken: None,
        };
        let mut rows =
            from.prepare("SELECT size, swept, note, hash, at FROM checkpoint ORDER BY size")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let size = u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
            let (swept, note): (bool, String) = (row.get(1)?, row.get(2)?);
            let (hash, at): (Vec<u8>, i64) = (row.get(3)?, row.get(4)?);
            let word = if swept { SWEPT } else { SIGNED };
            match read_checkpoint(&note, key) {
                Err(error) => walk.broken = Some(of_checkpoint(size, error)),
                Ok((head, _)) if head.size != size => {
                    walk.broken = Some(of_checkpoint(size, "was signed for another size"));
                }
                Ok((_, said)) if !said.starts_with(word) => {
                    walk.broken = Some(of_checkpoint(size, "was signed for something else"));
                }
                Ok((head, said))
                    if head.hash.as_slice() != hash || moment(said, word) != Some(at) =>
                {
                    let what = "has another hash or time beside it than it was signed for";
                    walk.broken = Some(of_checkpoint(size, what));
                }
                Ok((head, _)) if swept => {
                    (walk.swept, walk.head) = (size, head);
                    walk.expected.clear();
                }
                Ok((head, _)) => drop(walk.expected.insert(size, head.hash)),
            }
            if walk.broken.is_some() {
                return Ok(walk);
            }
            walk.checkpoints += 1;
            walk.signed_to = size;
        }
        Ok(walk)
    }

    fn run(
        &mut self,
        from: &Connection,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<Broken>, LedgerError> {
        let all: i64 = from.query_row("SELECT COUNT(*) FROM chain", [], |row| row.get(0))?;
        let all = u64::try_from(all).unwrap_or_default();
        let mut seen: BTreeMap<EntryKind, u64> = BTreeMap::new();
        let mut rows = from.prepare(&format!("{} ORDER BY number", chain::SELECT))?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let entry = Entry::read(row)?;
            if let Some(broken) = self.entry(from, &entry)? {
                return Ok(Some(broken));
            }
            if let Some(kind) = EntryKind::parse(&entry.kind) {
                *seen.entry(kind).or_default() += 1;
            }
            let done = self.head.size - self.swept;
            if done.is_multiple_of(TOLD_EVERY) || done == all {
                progress(done, all);
            }
        }
        let beyond = self.expected.range(self.head.size + 1..).next_back();
        if let Some((size, _)) = beyond {
            let had = self.head.size;
            let what = format!("was signed, and the chain ends after {had}: its end was cut off");
            return Ok(Some(of_checkpoint(*size, what)));
        }
        if self.signed_to < self.head.size {
            let what = format!(
                "is the last that is signed, and the chain has {}",
                self.head.size
            );
            return Ok(Some(of_checkpoint(self.signed_to, what)));
        }
        match strangers(from, &seen)? {
            None => groundless(from),
            found => Ok(found),
        }
    }

    /// Whether an entry follows from the one before, and its row from it.
    fn entry(&mut self, from: &Connection, entry: &Entry) -> Result<Option<Broken>, LedgerError> {
        let broken = |what: &str| {
            Some(Broken {
                entry: Some(entry.number),
                kind: entry.kind.clone(),
                subject: entry.subject.clone(),
                what: what.to_owned(),
            })
        };
        if entry.number != self.head.size + 1 {
            return Ok(broken("does not follow: entries before it were removed"));
        }
        if entry.hash != entry.hash_after(&self.head.hash) {
            return Ok(broken("does not follow from the entry before it"));
        }
        self.head = Head {
            size: entry.number,
            hash: entry.hash,
        };
        if let Some(hash) = self.expected.get(&entry.number)
            && *hash != entry.hash
        {
            return Ok(broken("is not what was signed: the chain was written anew"));
        }
        let Some(kind) = EntryKind::parse(&entry.kind) else {
            let known = entry.kind == RENEWED;
            return Ok(if known {
                None
            } else {
                broken("is of no known kind")
            });
        };
        Ok(match kind.row(from, &entry.subject)? {
            None => broken("was removed after it was written"),
            Some(row) if leaf(&row) != entry.leaf => broken("was changed after it was written"),
            Some(_) => None,
        })
    }
}

/// A row that the chain does not know was not written by Lazaret.
fn strangers(
    from: &Connection,
    seen: &BTreeMap<EntryKind, u64>,
) -> Result<Option<Broken>, LedgerError> {
    for kind in EntryKind::ALL {
        let rows = kind.rows();
        let count: i64 = from.query_row(&format!("SELECT COUNT(*) FROM ({rows})"), [], |row| {
            row.get(0)
        })?;
        let known = seen.get(&kind).copied().unwrap_or_default();
        if u64::try_from(count).unwrap_or_default() == known {
            continue;
        }
        let stranger: Option<String> = from
            .query_row(
                &format!("SELECT id FROM ({rows}) WHERE id NOT IN (SELECT subject FROM chain WHERE kind = ?1) LIMIT 1"),
                [kind.as_str()],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(subject) = stranger {
            return Ok(Some(Broken {
                entry: None,
                kind: kind.as_str().to_owned(),
                subject,
                what: "has no entry: it was not written by Lazaret".to_owned(),
            }));
        }
    }
    Ok(None)
}

/// An approval opens what its decision let in. They come and go, so none has an entry of its own; but without a decision
/// of its repository that allowed it, nobody gave it.
fn groundless(from: &Connection) -> Result<Option<Broken>, LedgerError> {
    let found: Option<String> = from
        .query_row(
            "SELECT root FROM (SELECT DISTINCT root, repository, decision FROM approval) AS approval
             LEFT JOIN decision ON decision.id = approval.decision
             WHERE decision.id IS NULL OR NOT decision.allowed OR decision.repository <> approval.repository
             OR decision.digest IS NOT approval.root LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.map(|subject| Broken {
        entry: None,
        kind: "approval".to_owned(),
        subject,
        what: "rests on no decision that allowed it: it was not written by Lazaret".to_owned(),
    }))
}
