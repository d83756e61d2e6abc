//! Private keys in PEM (RFC 7468) and in the armours of OpenSSH and PGP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How a line that begins a key ends, of the kinds that are private.
const PRIVATE: [&[u8]; 2] = [b"PRIVATE KEY-----", b"PRIVATE KEY BLOCK-----"];
/// Longest first line in bytes: `-----BEGIN OPENSSH PRIVATE KEY-----` has 35.
const MAX_FIRST_LINE: usize = 64;
/// Fewest characters of a key: one of Ed25519 in PKCS #8 has 64.
const MIN_CHARACTERS: usize = 60;
/// How OpenSSH's own format begins (PROTOCOL.key), and its cipher when there is none.
const OPENSSH: &[u8] = b"openssh-key-v1\0";
const PLAIN: &[u8] = b"\0\0\0\x04none";

/// Whether a private key that needs no passphrase begins here: one that is whole, not the beginning of one in a text.
pub(super) fn is_private(bytes: &[u8]) -> bool {
    let line = bytes.get(..MAX_FIRST_LINE).unwrap_or(bytes);
    let Some(body) = PRIVATE.iter().find_map(|end| {
        let at = memchr::memmem::find(line, end)?;
        let words = line.get(..at)?;
        let encrypted = memchr::memmem::find(words, b"ENCRYPTED").is_some();
        (!encrypted && !words.contains(&b'\n')).then(|| bytes.get(at + end.len()..))?
    }) else {
        return false;
    };
    let Some(end) = memchr::memmem::find(body, b"-----END ") else {
        return false;
    };
    let body = body.get(..end).unwrap_or_default();
    if memchr::memmem::find(body, b"ENCRYPTED").is_some() {
        return false;
    }
    // In JSON and in shell scripts ends of lines are written as words.
    let text = String::from_utf8_lossy(body);
    let text = text.replace("\\r", "\n").replace("\\n", "\n");
    let letters: String = text
        .lines()
        .filter(|line| is_data(line))
        .flat_map(data)
        .collect();
    if letters.len() < MIN_CHARACTERS {
        return false;
    }
    let whole = letters.len() - letters.len() % 4;
    let Ok(key) = STANDARD.decode(letters.get(..whole).unwrap_or_default()) else {
        return false;
    };
    is_der(&key) || is_openssh(&key) || is_pgp(&key)
}

/// Headers of armours and PGP's checksum are no data.
fn is_data(line: &str) -> bool {
    !line.contains(':') && !line.trim_start().starts_with('=')
}

fn data(line: &str) -> impl Iterator<Item = char> {
    let letter = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    line.chars().filter(letter)
}

/// A sequence of just this length (X.690, 8.1).
fn is_der(key: &[u8]) -> bool {
    let length = match key {
        [0x30, length @ 0..=0x7f, ..] => usize::from(*length) + 2,
        [0x30, 0x81, length, ..] => usize::from(*length) + 3,
        [0x30, 0x82, high, low, ..] => usize::from(*high) * 256 + usize::from(*low) + 4,
        _ => return false,
    };
    key.len() == length
}

fn is_openssh(key: &[u8]) -> bool {
    let rest = key.strip_prefix(OPENSSH);
    rest.is_some_and(|rest| rest.starts_with(PLAIN))
}

/// A packet with a secret key, old format or new (RFC 9580, 4.2).
fn is_pgp(key: &[u8]) -> bool {
    matches!(key, [0x94..=0x97 | 0xc5, ..])
}
