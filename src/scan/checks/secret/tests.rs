//! What is a secret and what is not. No real one stands here: all are drawn at random for this table, or put together
//! so that other people's scanners do not take this file for a leak.

use proptest::prelude::*;

use super::*;

const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIEJh6y4GZZdsPyY93HfsXT5K8hJu2VsKjgnIgUdyyD52";

fn pem(kind: &str, body: &str) -> String {
    format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
}

/// `openssh-key-v1`, cipher, and bytes that are none of a key's.
fn openssh(cipher: &str) -> String {
    let mut bytes = b"openssh-key-v1\0\0\0\0".to_vec();
    bytes.push(u8::try_from(cipher.len()).unwrap());
    bytes.extend(cipher.as_bytes());
    bytes.extend((0..120u8).map(|byte| byte.wrapping_mul(37)));
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

fn rules(path: &str, content: &str) -> Vec<String> {
    find(path, content.as_bytes())
        .into_iter()
        .map(|one| one.rule)
        .collect()
}

#[test]
fn private_keys() {
    let table = [
        ("whole", pem("PRIVATE KEY", ED25519), true),
        (
            "in JSON",
            pem("PRIVATE KEY", ED25519).replace('\n', "\\n"),
            true,
        ),
        (
            "with carriage returns",
            pem("PRIVATE KEY", ED25519).replace('\n', "\r\n"),
            true,
        ),
        (
            "indented",
            pem("PRIVATE KEY", ED25519).replace('\n', "\n    "),
            true,
        ),
        ("cut", pem("PRIVATE KEY", ED25519.get(..40).unwrap()), false),
        (
            "of another length",
            pem("PRIVATE KEY", &format!("{ED25519}AAAA")),
            false,
        ),
        (
            "words",
            pem("PRIVATE KEY", &"put your key here ".repeat(9)),
            false,
        ),
        (
            "without an end",
            format!("-----BEGIN PRIVATE KEY-----\n{ED25519}\n"),
            false,
        ),
        ("public", pem("PUBLIC KEY", ED25519), false),
        ("a certificate", pem("CERTIFICATE", ED25519), false),
        ("encrypted", pem("ENCRYPTED PRIVATE KEY", ED25519), false),
        (
            "encrypted as OpenSSL did",
            pem(
                "RSA PRIVATE KEY",
                &format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{ED25519}"),
            ),
            false,
        ),
        (
            "OpenSSH",
            pem("OPENSSH PRIVATE KEY", &openssh("none")),
            true,
        ),
        (
            "OpenSSH, encrypted",
            pem("OPENSSH PRIVATE KEY", &openssh("aes256-ctr")),
            false,
        ),
    ];
    for (what, content, expected) in table {
        let found = rules("app/key.pem", &content);
        assert_eq!(found == ["private-key"], expected, "{what}: {found:?}");
    }
}

#[test]
fn tokens_by_their_beginnings() {
    let random = "Zq8Kp3Vt7Xw2Rm5Yb9Nc4Hd6Jf1Ls0Gq7Tz3";
    let table = [
        (format!("token={}{random}", "ghp_"), Some("github-token")),
        (format!("x{}{random}", "ghp_"), None),
        (format!("{}{random}Q", "ghp_"), None),
        (format!("{}{}", "ghp_", "a".repeat(36)), None),
        (
            format!("{}{}", "ghp_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            None,
        ),
        (format!("{}{random}", "npm_"), Some("npm-token")),
        (
            format!("id = {}", ["AKIA", "Q7WMXZ3KLPV5TRND"].concat()),
            Some("aws-access-key"),
        ),
        (
            format!("id = {}", ["AKIA", "IOSFODNN7EXAMPLE"].concat()),
            None,
        ),
        (
            format!("AWS_SECRET_ACCESS_KEY={random}Zk9x"),
            Some("aws-secret-key"),
        ),
        (format!("AWS_SECRET_ACCESS_KEY={}", "$SECRET"), None),
        (
            format!(
                "{}123456789012-123456789012-{}",
                "xoxb-",
                random.get(..24).unwrap()
            ),
            None,
        ),
        (
            format!(
                "{}493827165042-718293604517-{}",
                "xoxb-",
                random.get(..24).unwrap()
            ),
            Some("slack-token"),
        ),
        ("nothing here".to_owned(), None),
    ];
    for (content, expected) in table {
        let found = rules("app/settings.py", &content);
        assert_eq!(found.first().map(String::as_str), expected, "{content}");
    }
}

#[test]
fn credentials_in_their_files() {
    let auth = r#"{"auths":{"ghcr.io":{"auth":"YWNtZTpuN0tzOXFQdjI="}}}"#;
    let table = [
        ("root/.docker/config.json", auth, Some("docker-credential")),
        ("app/config.json", auth, None),
        (
            "root/.docker/config.json",
            r#"{"auths":{},"credsStore":"desktop"}"#,
            None,
        ),
        (
            "root/.netrc",
            "machine a.example login me password q7Rt2vKp",
            Some("netrc-password"),
        ),
        (
            "root/.git-credentials",
            "https://me:q7Rt2vKp@git.acme.test\n",
            Some("git-credential"),
        ),
        ("app/.git/config", "url = https://git.acme.test/x", None),
        (
            "app/.npmrc",
            "//r.acme.test/:_authToken=q7Rt2vKp9Zx4Lm",
            Some("npm-credential"),
        ),
        ("app/.npmrc", "//r.acme.test/:_authToken=${NPM_TOKEN}", None),
        (
            "root/.kube/config",
            "    token: q7Rt2vKp9Zx4LmW3bN8c\n",
            Some("kubeconfig-credential"),
        ),
        ("app/.env", "DB_PASSWORD=q7Rt2vKp9Zx4Lm\n", Some("setting")),
        ("app/.env", "DB_PASSWORD=changeme-changeme\n", None),
        ("app/.env.example", "DB_PASSWORD=q7Rt2vKp9Zx4Lm\n", None),
    ];
    for (path, content, expected) in table {
        let found = rules(path, content);
        assert_eq!(
            found.first().map(String::as_str),
            expected,
            "{path}: {content}"
        );
    }
}

#[test]
fn what_everybody_has_is_not_looked_into() {
    let table = [
        ("app/server.key", true),
        ("etc/ssh/ssh_host_rsa_key", true),
        ("app/node_modules/x/key.pem", false),
        ("usr/local/lib/python3.12/site-packages/x/key.pem", false),
        ("usr/local/go/src/crypto/tls/key.pem", false),
        ("app/tests/key.pem", false),
        ("app/latest/key.pem", true),
        ("app/README.md", false),
        ("app/gopkg/modules/key.pem", true),
        ("etc/ssl/private/ssl-cert-snakeoil.key", false),
    ];
    for (path, expected) in table {
        assert_eq!(worth_a_look(path, 100), expected, "{path}");
    }
    assert!(!worth_a_look("app/key", 0) && !worth_a_look("app/key", MAX_FILE_BYTES + 1));
}

#[test]
fn the_line_is_told_and_never_the_secret() {
    let random = "Zq8Kp3Vt7Xw2Rm5Yb9Nc4Hd6Jf1Ls0Gq7Tz3";
    let content = format!("one\ntwo\nthree {}{random}\n", "ghp_");
    let found = find("app/x", content.as_bytes());
    assert_eq!((found.len(), found[0].line), (1, 3));
    assert!(!format!("{found:?}").contains(random.get(..8).unwrap()));
}

#[test]
fn every_rule_is_an_expression_and_has_a_name() {
    assert_eq!(TOKEN_RULES.len(), TOKENS.len());
    assert_eq!(FILE_RULES.len(), FILES.len());
    assert!(BEGINNINGS.is_some());
    assert!(TOKENS.iter().all(|rule| rule.start.len() >= 3));
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0usize..4) {
        let starts = ["-----BEGIN PRIVATE KEY-----", "AKIA", "\"auth\": \"", "ghp_"];
        let content = [starts[at].as_bytes(), &bytes, starts[at].as_bytes(), &bytes].concat();
        for path in ["root/.docker/config.json", "app/.env", "x"] {
            prop_assert!(find(path, &content).len() <= MAX_TOLD);
        }
    }
}
