//! Signed notes (C2SP signed-note, Ed25519 signatures) and checkpoints in them (C2SP tlog-checkpoint).
//!
//! The root of our checkpoints is the head of a chain of hashes and not of a tree; the form is the same, so the tools
//! that keep and countersign checkpoints take them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::chain::{Head, hex};

/// Largest note that is read: a checkpoint has some 300 bytes.
const MAX_NOTE_BYTES: usize = 16 * 1024;
/// The algorithm's byte (signed-note, "Signature types"): Ed25519.
const ED25519_NOTE: u8 = 1;
/// How keys are called; a part of the key's hash follows, so that two ledgers never have one name.
const NAME: &str = "lazaret-ledger/";

/// Why a note, a checkpoint or a key is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteError(pub(super) String);

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoteError {}

fn wrong<T>(why: impl Into<String>) -> Result<T, NoteError> {
    Err(NoteError(why.into()))
}

/// A public key: `name+hash+key` (signed-note, "Verifier keys").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    public: Vec<u8>,
}

impl NoteKey {
    /// What signatures by it are called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519_NOTE])
            .chain_update(&self.public)
            .finalize()
            .into();
        let [a, b, c, d, ..] = hash;
        [a, b, c, d]
    }

    /// The text of a note that this key signed; other signatures are left alone.
    ///
    /// # Errors
    /// [`NoteError`]: it is no note, this key did not sign it, or the signature is wrong.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return wrong(format!("a note of more than {MAX_NOTE_BYTES} bytes"));
        }
        let Some((text, signatures)) = note.rsplit_once("\n\n") else {
            return wrong("no signed note: a text, an empty line and signatures");
        };
        let text = note.get(..=text.len()).unwrap_or_default();
        if !signatures.ends_with('\n') {
            return wrong("a line after the text that does not end");
        }
        let mut signed = false;
        for line in signatures.lines() {
            let words = line
                .strip_prefix("— ")
                .and_then(|line| line.split_once(' '));
            let Some((name, encoded)) = words else {
                return wrong("a line after the text that is no signature");
            };
            let Ok(bytes) = STANDARD.decode(encoded) else {
                return wrong("a signature that is not base64");
            };
            let Some((id, signature)) = bytes.split_at_checked(4) else {
                return wrong("a signature that is too short");
            };
            if name == self.name && id == self.id() {
                let key = UnparsedPublicKey::new(&ED25519, &self.public);
                if key.verify(text.as_bytes(), signature).is_err() {
                    return wrong(format!("the signature of {name} is wrong"));
                }
                signed = true;
            }
        }
        match signed {
            true => Ok(text),
            false => wrong(format!("it is not signed by {}", self.name)),
        }
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_NOTE];
        key.extend_from_slice(&self.public);
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(&self.id()),
            STANDARD.encode(key)
        )
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<NoteKey, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return wrong("no key of notes: NAME+HASH+KEY, as lazaret ledger key prints it");
        };
        let decoded = STANDARD.decode(key).unwrap_or_default();
        let Some((&ED25519_NOTE, public)) = decoded.split_first() else {
            return wrong("a key that is not Ed25519");
        };
        let key = NoteKey {
            name: name.to_owned(),
            public: public.to_vec(),
        };
        match key.public.len() == 32 && hex(&key.id()) == id {
            true => Ok(key),
            false => wrong("a key whose hash is not its own: it was not copied as a whole"),
        }
    }
}

/// A private key with its name.
pub(super) struct NoteSigner {
    pair: Ed25519KeyPair,
    key: NoteKey,
}

impl NoteSigner {
    /// The name follows from the key.
    pub(super) fn new(pair: Ed25519KeyPair) -> NoteSigner {
        let public = pair.public_key().as_ref().to_vec();
        let mut name = hex(&Sha256::digest(&public));
        name.truncate(8);
        let key = NoteKey {
            name: format!("{NAME}{name}"),
            public,
        };
        NoteSigner { pair, key }
    }

    /// Its public key.
    pub(super) fn key(&self) -> &NoteKey {
        &self.key
    }

    /// The public key for other programs: SubjectPublicKeyInfo (RFC 8410).
    pub(super) fn public_der(&self) -> Option<Vec<u8>> {
        let der = self.pair.public_key().as_der().ok()?;
        Some(der.as_ref().to_vec())
    }

    fn sign(&self, text: &str) -> String {
        let mut signature = self.key.id().to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!(
            "{text}\n— {} {}\n",
            self.key.name,
            STANDARD.encode(signature)
        )
    }

    /// A signed checkpoint. `more`: a line that says what it is for; it has no line breaks.
    pub(super) fn checkpoint(&self, head: &Head, more: &str) -> String {
        let (origin, size) = (&self.key.name, head.size);
        let root = STANDARD.encode(head.hash);
        self.sign(&format!("{origin}\n{size}\n{root}\n{more}\n"))
    }
}

/// What a checkpoint says: how far the chain went, and the line that says what it is for.
///
/// # Errors
/// [`NoteError`]: it is no checkpoint, or nobody vouches for it.
pub(super) fn read_checkpoint<'a>(
    note: &'a str,
    key: &NoteKey,
) -> Result<(Head, &'a str), NoteError> {
    let text = key.open(note)?;
    let lines: Vec<&str> = text.lines().collect();
    let [origin, size, root, more] = lines.as_slice() else {
        return wrong("no checkpoint of a ledger");
    };
    if *origin != key.name {
        return wrong(format!("a checkpoint of {origin}"));
    }
    let hash = STANDARD
        .decode(root)
        .ok()
        .and_then(|root| root.try_into().ok());
    match (size.parse(), hash) {
        (Ok(size), Some(hash)) => Ok((Head { size, hash }, *more)),
        _ => wrong("no checkpoint of a ledger: size and hash are not to be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's golang.org/x/mod/sumdb/note.
    #[test]
    fn a_note_of_others_is_opened() {
        let key: NoteKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap();
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let note = format!(
            "{text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        assert_eq!(key.open(&note), Ok(text));
        assert_eq!(
            key.open(&note.replace("answer", "reason")),
            wrong("the signature of PeterNeumann is wrong")
        );
        assert_eq!(key.to_string().parse::<NoteKey>().unwrap(), key, "{key}");
    }

    #[test]
    fn a_checkpoint_is_what_was_signed_or_nothing() {
        let signer = NoteSigner::new(Ed25519KeyPair::generate().unwrap());
        let head = Head {
            size: 7,
            hash: [9; 32],
        };
        let note = signer.checkpoint(&head, "at 2026-05-10T12:00:00Z");
        assert_eq!(
            read_checkpoint(&note, signer.key()),
            Ok((head, "at 2026-05-10T12:00:00Z"))
        );
        let other = NoteSigner::new(Ed25519KeyPair::generate().unwrap());
        let said = read_checkpoint(&note, other.key()).unwrap_err().to_string();
        assert_eq!(said, format!("it is not signed by {}", other.key().name()));
        for changed in [
            note.replacen("\n7\n", "\n8\n", 1),
            note.replacen("2026", "2027", 1),
            note.replacen("\n\n", "\n", 1),
            note.replacen("— ", "- ", 1),
            String::new(),
        ] {
            assert!(
                read_checkpoint(&changed, signer.key()).is_err(),
                "{changed}"
            );
        }
    }

    #[test]
    fn a_key_that_was_cut_is_refused() {
        for text in [
            "",
            "name",
            "a+b+c",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
        ] {
            assert!(text.parse::<NoteKey>().is_err(), "{text}");
        }
    }
}
