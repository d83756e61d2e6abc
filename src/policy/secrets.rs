//! Does an environment variable look like a secret? Names that promise one, and values in the shape of well-known keys.

/// Words in names that promise a secret.
const NAMES: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "CREDENTIALS",
];
/// Ends of names that tell where or how, and so promise none.
const HARMLESS_ENDS: [&str; 10] = [
    "_FILE",
    "_PATH",
    "_DIR",
    "_URL",
    "_ENDPOINT",
    "_NAME",
    "_TTL",
    "_LENGTH",
    "_ALGORITHM",
    "_ENABLED",
];
/// Beginnings of values that are keys whatever their name (as documented by their issuers).
const KEY_SHAPES: [(&str, usize); 9] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 40),
    ("gho_", 40),
    ("github_pat_", 60),
    ("glpat-", 26),
    ("xoxb-", 30),
    ("sk_live_", 24),
    ("-----BEGIN ", 30),
];

/// Whether the variable looks like a secret that was baked into the image. The value is never repeated to anybody.
pub(super) fn looks_secret(name: &str, value: &str) -> bool {
    let value = value.trim();
    if KEY_SHAPES
        .iter()
        .any(|(start, length)| value.starts_with(start) && value.len() >= *length)
    {
        return true;
    }
    let name = name.to_ascii_uppercase();
    let promises = NAMES.iter().any(|word| name.contains(word))
        && !HARMLESS_ENDS.iter().any(|end| name.ends_with(end));
    promises && !is_placeholder(value)
}

/// Empty, a switch, a number, a reference to elsewhere, or a word that begs to be replaced.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.is_empty()
        || matches!(
            lower.as_str(),
            "true" | "false" | "yes" | "no" | "none" | "null" | "changeme" | "change_me" | "dummy"
        )
        || value.bytes().all(|b| b.is_ascii_digit())
        || ["/", "$", "<", "{{", "http://", "https://"]
            .iter()
            .any(|start| value.starts_with(start))
        || value.bytes().all(|b| b == b'x' || b == b'*')
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn secrets_are_told_from_settings() {
        let table = [
            ("DB_PASSWORD", "hunter2", true),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", true),
            ("ANYTHING", "AKIAIOSFODNN7EXAMPLE", true),
            ("KEY", "-----BEGIN RSA PRIVATE KEY-----", true),
            ("DB_PASSWORD", "", false),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false),
            ("DB_PASSWORD", "/run/secrets/db", false),
            ("DB_PASSWORD", "${DB_PASSWORD}", false),
            ("TOKEN_TTL", "3600", false),
            ("GPG_KEY", "7169605F62C751356D054A26A821E680E5FA6305", false),
            ("PATH", "/usr/bin", false),
        ];
        for (name, value, expected) in table {
            assert_eq!(looks_secret(name, value), expected, "{name}={value}");
        }
    }
}
