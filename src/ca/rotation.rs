//! One authority after another. The next one lies beside the one that signs, and clients are given both; then it signs.
//!
//! Files never change: each authority has a number and two files of its own, and one small file that is replaced at once
//! says which of them signs. Whatever interrupts a step leaves the state before it or after it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::authority::NAME;
use super::files::{about, load, replace, write};
use super::{Authority, CaError};

/// The file that says which authority signs, in the authority's folder.
const STATE: &str = "rotation.json";
/// Held while a step is taken.
const LOCK: &str = "lock";
/// Largest state that is read, in bytes; ours have some hundred.
const MAX_STATE: u64 = 4_096;

/// Which authority signs, and which comes next.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The number of the one that signs.
    pub signing: u32,
    /// The one that comes next, while both are to be trusted.
    pub next: Option<Next>,
}

/// An authority that does not sign yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// Its number.
    pub number: u32,
    /// From when on it signs; none: when somebody says so.
    pub from: Option<Timestamp>,
}

impl Rotation {
    /// The state of a folder; that of one in which nothing was ever rotated is known without a file.
    ///
    /// # Errors
    /// [`CaError`] names the file.
    pub fn read(folder: &Path) -> Result<Rotation, CaError> {
        let path = Rotation::file(folder);
        let size = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Rotation {
                    signing: 1,
                    next: None,
                });
            }
            found => found.map_err(about(&path))?.len(),
        };
        let wrong = |why: String| CaError(format!("{}: {why}", path.display()));
        if size > MAX_STATE {
            return Err(wrong(format!("it is larger than {MAX_STATE} bytes")));
        }
        let text = fs::read_to_string(&path).map_err(about(&path))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// Where the state of a folder lies.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join(STATE)
    }

    /// Certificate and key of an authority.
    pub fn files(folder: &Path, number: u32) -> (PathBuf, PathBuf) {
        let names = match number {
            1 => ("ca.pem".to_owned(), "key.pem".to_owned()),
            _ => (format!("ca-{number}.pem"), format!("key-{number}.pem")),
        };
        (folder.join(names.0), folder.join(names.1))
    }

    fn store(&self, folder: &Path) -> Result<(), CaError> {
        let text = serde_json::to_string(self).map_err(|error| CaError(error.to_string()))?;
        replace(&Rotation::file(folder), &text)
    }

    /// Removes authorities that do not count, as a step that was cut off leaves them: the one before the one that signs,
    /// or the one after it. Other files are not ours.
    fn tidy(&self, folder: &Path) -> Result<(), CaError> {
        let next = self.next.as_ref().map(|next| next.number);
        let near = [
            self.signing.saturating_sub(1),
            self.signing.saturating_add(1),
        ];
        for number in near.into_iter().filter(|number| Some(*number) != next) {
            let (certificate, key) = Rotation::files(folder, number);
            for path in [key, certificate] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(about(&path)(error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// One step at a time; a step that is taken elsewhere is not waited for.
fn locked(folder: &Path) -> Result<File, CaError> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(about(&path))?;
    file.try_lock().map_err(|_| {
        CaError(format!(
            "{}: somebody else is rotating it",
            folder.display()
        ))
    })?;
    Ok(file)
}

/// Makes the next authority, for these hosts. It signs from a time on, if that is said, else when [`finish`] is called.
///
/// # Errors
/// [`CaError`]: there is a next one already, none to begin with, or the disk fails.
pub fn rotate(
    folder: &Path,
    hosts: &[String],
    from: Option<Timestamp>,
    now: Timestamp,
) -> Result<Rotation, CaError> {
    let _lock = locked(folder)?;
    let state = Rotation::read(folder)?;
    if let Some(next) = &state.next {
        return Err(CaError(format!(
            "authority {} is waiting already: lazaret ca rotate --finish has it sign, --cancel takes it away",
            next.number
        )));
    }
    // What a run that was cut off left is in the way.
    state.tidy(folder)?;
    let number = state.signing.saturating_add(1);
    let (certificate, key) = Rotation::files(folder, number);
    let name = format!("{NAME} {number}");
    let (certificate_text, key_text) = Authority::make_named(&name, hosts, now)?;
    write(&key, &key_text, 0o600)?;
    write(&certificate, &certificate_text, 0o644)?;
    let next = Some(Next { number, from });
    let fresh = Rotation { next, ..state };
    fresh.store(folder)?;
    Ok(fresh)
}

/// Has the next authority sign from now on, and forgets the one that did.
///
/// # Errors
/// [`CaError`]: there is no next one, or the disk fails.
pub fn finish(folder: &Path) -> Result<Rotation, CaError> {
    let _lock = locked(folder)?;
    let next = waiting(folder)?;
    // It must be of use before the other one goes.
    let (certificate, key) = Rotation::files(folder, next.number);
    load(&certificate, &key)?;
    let fresh = Rotation {
        signing: next.number,
        next: None,
    };
    fresh.store(folder)?;
    fresh.tidy(folder)?;
    Ok(fresh)
}

/// Takes the next authority away. One that signs already is not: clients would trust nobody.
///
/// # Errors
/// [`CaError`]: there is no next one, it signs, or the disk fails.
pub fn cancel(folder: &Path, now: Timestamp) -> Result<Rotation, CaError> {
    let _lock = locked(folder)?;
    let next = waiting(folder)?;
    if next.from.is_some_and(|from| now >= from) {
        return Err(CaError(format!(
            "authority {} signs already: finish it, and rotate again",
            next.number
        )));
    }
    let fresh = Rotation {
        next: None,
        ..Rotation::read(folder)?
    };
    fresh.store(folder)?;
    fresh.tidy(folder)?;
    Ok(fresh)
}

fn waiting(folder: &Path) -> Result<Next, CaError> {
    let next = Rotation::read(folder)?.next;
    next.ok_or_else(|| CaError("no next authority is waiting: lazaret ca rotate".to_owned()))
}

/// Reads the authority of a folder, with the one that comes next.
///
/// # Errors
/// [`CaError`] names the file; also where others than its owner may read a key.
pub fn load_own(folder: &Path) -> Result<Authority, CaError> {
    let state = Rotation::read(folder)?;
    let one = |number: u32| {
        let (certificate, key) = Rotation::files(folder, number);
        load(&certificate, &key)
    };
    let signing = one(state.signing)?;
    match state.next {
        Some(next) => Ok(signing.followed_by(&one(next.number)?, next.from)),
        None => Ok(signing),
    }
}

/// What clients of a folder's authority are to trust, PEM: the one that signs, and the one that comes next.
///
/// # Errors
/// [`CaError`] names the file.
pub fn trusted(folder: &Path) -> Result<String, CaError> {
    let state = Rotation::read(folder)?;
    let next = state.next.map(|next| next.number);
    let mut all = String::new();
    for number in [Some(state.signing), next].into_iter().flatten() {
        let (certificate, _) = Rotation::files(folder, number);
        all.push_str(&fs::read_to_string(&certificate).map_err(about(&certificate))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
