//! Textual encodings (RFC 7468): blocks of base64 between lines that say what they hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Most blocks of one text: people put a chain or a rotation into a file, and not more.
const MAX_BLOCKS: usize = 64;

/// What the blocks of this label hold, in their order; none is an error.
pub(super) fn blocks(text: &str, label: &str) -> Result<Vec<Vec<u8>>, String> {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut found = Vec::new();
    for block in text.split(&begin).skip(1) {
        let (body, _) = block
            .split_once(&end)
            .ok_or_else(|| format!("a {label} without its END line"))?;
        let body: String = body.split_whitespace().collect();
        let bytes = STANDARD
            .decode(body)
            .map_err(|error| format!("a {label} that is not base64: {error}"))?;
        found.push(bytes);
        if found.len() > MAX_BLOCKS {
            return Err(format!("more than {MAX_BLOCKS} times {label}"));
        }
    }
    if found.is_empty() {
        return Err(format!("no PEM block \"{label}\""));
    }
    Ok(found)
}
