//! The rules. A token counts anywhere, by how it begins; a credential counts in the file that tools read it from.

use super::place::{ends, is_kubeconfig, is_settings};

/// What a secret looks like.
pub(super) struct Rule {
    /// The stable name, for people.
    pub(super) name: &'static str,
    /// How it begins, in letters; empty for rules about files.
    pub(super) start: &'static str,
    /// All of it; of a rule about files its first group is the secret.
    pub(super) expression: &'static str,
    /// Least entropy in bits a byte: issuers draw at random, people who write examples do not.
    pub(super) entropy: f64,
    /// In which files.
    pub(super) place: fn(&str) -> bool,
}

const fn token(
    name: &'static str,
    start: &'static str,
    expression: &'static str,
    entropy: f64,
) -> Rule {
    Rule {
        name,
        start,
        expression,
        entropy,
        place: |_| true,
    }
}

const fn file(name: &'static str, place: fn(&str) -> bool, expression: &'static str) -> Rule {
    Rule {
        name,
        start: "",
        expression,
        entropy: 2.0,
        place,
    }
}

/// Tokens, as their issuers document them.
pub(super) const TOKENS: [Rule; 28] = [
    token("private-key", "-----BEGIN ", "", 0.0),
    token("aws-access-key", "AKIA", r"AKIA[A-Z2-7]{16}", 3.0),
    token(
        "aws-secret-key",
        "aws_secret_access_key",
        r#"aws_secret_access_key["']?\s*[=:]\s*["']?[A-Za-z0-9/+]{40}"#,
        4.0,
    ),
    token(
        "aws-secret-key",
        "AWS_SECRET_ACCESS_KEY",
        r#"AWS_SECRET_ACCESS_KEY["']?\s*[=:]\s*["']?[A-Za-z0-9/+]{40}"#,
        4.0,
    ),
    token("github-token", "ghp_", r"ghp_[A-Za-z0-9]{36}", 3.5),
    token("github-token", "gho_", r"gho_[A-Za-z0-9]{36}", 3.5),
    token("github-token", "ghu_", r"ghu_[A-Za-z0-9]{36}", 3.5),
    token("github-token", "ghs_", r"ghs_[A-Za-z0-9]{36}", 3.5),
    token("github-token", "ghr_", r"ghr_[A-Za-z0-9]{36,76}", 3.5),
    token(
        "github-token",
        "github_pat_",
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        3.5,
    ),
    token(
        "gitlab-token",
        "glpat-",
        r"glpat-[A-Za-z0-9_-]{20,300}",
        3.5,
    ),
    token("gitlab-token", "gldt-", r"gldt-[A-Za-z0-9_-]{20,300}", 3.5),
    token("gitlab-token", "glrt-", r"glrt-[A-Za-z0-9_-]{20,300}", 3.5),
    token(
        "slack-token",
        "xoxb-",
        r"xoxb-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{20,40}",
        3.0,
    ),
    token(
        "slack-token",
        "xoxp-",
        r"xoxp-[0-9]{10,13}-[0-9]{10,13}-[0-9]{10,13}-[a-f0-9]{28,40}",
        3.0,
    ),
    token(
        "slack-webhook",
        "hooks.slack.com/services/",
        r"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}",
        3.5,
    ),
    token("npm-token", "npm_", r"npm_[A-Za-z0-9]{36}", 3.5),
    token(
        "pypi-token",
        "pypi-AgE",
        r"pypi-AgE[A-Za-z0-9_-]{50,1000}",
        3.5,
    ),
    token(
        "docker-token",
        "dckr_pat_",
        r"dckr_pat_[A-Za-z0-9_-]{27,60}",
        3.5,
    ),
    token(
        "docker-token",
        "dckr_oat_",
        r"dckr_oat_[A-Za-z0-9_-]{27,60}",
        3.5,
    ),
    token(
        "stripe-key",
        "sk_live_",
        r"sk_live_[A-Za-z0-9]{24,250}",
        3.5,
    ),
    token(
        "stripe-key",
        "rk_live_",
        r"rk_live_[A-Za-z0-9]{24,250}",
        3.5,
    ),
    token(
        "anthropic-key",
        "sk-ant-api03-",
        r"sk-ant-api03-[A-Za-z0-9_-]{93}AA",
        4.0,
    ),
    token(
        "openai-key",
        "sk-proj-",
        r"sk-proj-[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}",
        4.0,
    ),
    token(
        "sendgrid-key",
        "SG.",
        r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        4.0,
    ),
    token("hugging-face-token", "hf_", r"hf_[A-Za-z]{34}", 3.5),
    token("vault-token", "hvs.", r"hvs\.[A-Za-z0-9_-]{90,300}", 4.0),
    token(
        "azure-storage-key",
        "AccountKey=",
        r"AccountKey=[A-Za-z0-9+/]{86}==",
        4.5,
    ),
];

/// Credentials in the files that tools keep them in.
pub(super) const FILES: [Rule; 14] = [
    file(
        "docker-credential",
        |path| {
            ends(
                path,
                &[".docker/config.json", ".dockercfg", "containers/auth.json"],
            )
        },
        r#""(?:auth|identitytoken|registrytoken)"\s*:\s*"([A-Za-z0-9+/=._-]{8,})""#,
    ),
    file(
        "netrc-password",
        |path| ends(path, &[".netrc", "_netrc"]),
        r"(?m)\bpassword\s+(\S{4,})",
    ),
    file(
        "apt-password",
        |path| path == "etc/apt/auth.conf" || path.starts_with("etc/apt/auth.conf.d/"),
        r"(?m)^[^#\n]*\bpassword\s+(\S{4,})",
    ),
    file(
        "git-credential",
        |path| ends(path, &[".git-credentials", ".git/config", ".gitconfig"]),
        r"https?://[^:/\s@]+:([^@\s/]{4,})@",
    ),
    file(
        "npm-credential",
        |path| ends(path, &[".npmrc"]),
        r#"(?m)^[^#;\n]*_(?:authToken|auth|password)\s*=\s*"?([^\s"]{8,})"#,
    ),
    file(
        "pypi-credential",
        |path| ends(path, &[".pypirc"]),
        r"(?m)^\s*password\s*[=:]\s*(\S{4,})",
    ),
    file(
        "index-credential",
        |path| {
            ends(
                path,
                &["pip.conf", "pip/pip.conf", ".condarc", "uv.toml", ".gemrc"],
            )
        },
        r"https?://[^:/\s@]+:([^@\s/]{4,})@",
    ),
    file(
        "composer-credential",
        |path| ends(path, &["composer/auth.json", ".composer/auth.json"]),
        r#""(?:password|[a-z0-9.-]+\.[a-z]{2,})"\s*:\s*"([^"\s]{8,})""#,
    ),
    file(
        "maven-password",
        |path| ends(path, &[".m2/settings.xml"]),
        r"<password>([^<\s]{4,})</password>",
    ),
    file(
        "kubeconfig-credential",
        is_kubeconfig,
        r"(?m)^\s*(?:-\s*)?(?:token|client-key-data):\s*([A-Za-z0-9+/=._-]{16,})",
    ),
    file(
        "postgres-password",
        |path| ends(path, &[".pgpass"]),
        r"(?m)^[^#:\n]+:[^:\n]+:[^:\n]+:[^:\n]+:(.{4,})$",
    ),
    file(
        "aws-secret-key",
        |path| ends(path, &[".aws/credentials"]),
        r"(?m)^\s*aws_secret_access_key\s*=\s*([A-Za-z0-9/+]{40})",
    ),
    file(
        "cargo-token",
        |path| ends(path, &[".cargo/credentials", ".cargo/credentials.toml"]),
        r#"(?m)^\s*token\s*=\s*"([^"\s]{16,})""#,
    ),
    file(
        "setting",
        is_settings,
        r#"(?m)^(?:export\s+)?[A-Z0-9_]*(?:PASSWORD|SECRET_KEY|SECRET_ACCESS_KEY|API_KEY|AUTH_TOKEN|ACCESS_TOKEN)\s*=\s*["']?([^\s"'#]{12,})"#,
    ),
];
