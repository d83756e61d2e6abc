//! `lazaret.toml` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::policy_file::{At, Text};

/// The server: listeners, storage, registries. Every key has a default; an empty file is a working configuration.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Lazaret server configuration")]
pub(super) struct ServerFile {
    /// Where blobs and the ledger are kept.
    pub(super) data_dir: Option<Text>,
    /// The policy's file, relative to this one; default: the shipped policy.
    pub(super) policy: Option<Text>,
    /// Where explain links point; default: the admin listener.
    pub(super) external_url: Option<Text>,
    /// For `registry-mirrors` of Docker.
    pub(super) mirror: Option<ListenerTable>,
    /// For clients that know no other registry; off unless given.
    pub(super) gateway: Option<ListenerTable>,
    /// Explain pages and metrics.
    pub(super) admin: Option<ListenerTable>,
    /// Blobs on disk.
    #[serde(default)]
    pub(super) cache: CacheTable,
    /// How long clients are held while an image is judged.
    #[serde(default)]
    pub(super) hold: HoldTable,
    /// Decisions and pulls.
    #[serde(default)]
    pub(super) ledger: LedgerTable,
    /// Logging.
    #[serde(default)]
    pub(super) log: LogTable,
    /// Defaults of all registries.
    #[serde(default)]
    pub(super) upstream: UpstreamTable,
    /// Registries beside, or in place of, the built-in ones.
    #[serde(default)]
    pub(super) registry: Vec<At<RegistryTable>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerTable {
    /// Address and port.
    pub(super) listen: Option<Text>,
    /// PEM file with the certificate chain.
    pub(super) tls_certificate: Option<Text>,
    /// PEM file with the key.
    pub(super) tls_key: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheTable {
    /// Largest size on disk, as in "50GiB".
    pub(super) max_size: Option<Text>,
    /// How long a tag's digest is believed without asking its registry, as in "60s".
    pub(super) tag_freshness: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldTable {
    /// For one exchange, at most 25 s: Docker 29 gives up at 30 s.
    pub(super) per_exchange: Option<Text>,
    /// Times that a client is sent round, at most 9: Go's HTTP client follows ten redirects.
    pub(super) max_hops: Option<At<u32>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerTable {
    /// How long decisions and pulls are kept, as in "400d".
    pub(super) retention: Option<Text>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormatWord {
    Text,
    Json,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogTable {
    /// `text` or `json`.
    pub(super) format: Option<FormatWord>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(super) level: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamTable {
    /// HTTP proxy for all registries.
    pub(super) proxy: Option<Text>,
    /// Hosts, or `.suffixes`, that are reached without it.
    #[serde(default)]
    pub(super) no_proxy: Vec<Text>,
    /// PEM files with further certificate authorities.
    #[serde(default)]
    pub(super) ca_files: Vec<Text>,
    /// For a connection, TLS included.
    pub(super) connect_timeout: Option<Text>,
    /// For response headers, and between two pieces of a body.
    pub(super) read_timeout: Option<Text>,
    /// For one question with all its retries; bodies of blobs may take longer.
    pub(super) deadline: Option<Text>,
    /// Whether the built-in registries are there beside those of this file; default true.
    pub(super) include_defaults: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistryTable {
    /// As it stands in image names.
    pub(super) host: Text,
    /// Where it is; default https:// and the host.
    pub(super) url: Option<Text>,
    /// Whether it speaks http without TLS.
    pub(super) plain_http: Option<bool>,
    /// Hosts that may issue its tokens and so see its credentials, beside itself.
    pub(super) token_hosts: Option<Vec<Text>>,
    /// Hosts that it may send us to although their addresses are private.
    #[serde(default)]
    pub(super) redirect_hosts: Vec<Text>,
    /// Private or loopback ranges that its hosts may resolve to, as in "10.0.0.0/8".
    #[serde(default)]
    pub(super) allow_addresses: Vec<Text>,
    /// User name; the password is in `password_file`.
    pub(super) username: Option<Text>,
    /// File with the password or token.
    pub(super) password_file: Option<Text>,
    /// A Docker `config.json` with credentials.
    pub(super) docker_config: Option<Text>,
    /// `docker-credential-NAME` to ask.
    pub(super) credential_helper: Option<Text>,
    /// PEM file with a further certificate authority.
    pub(super) ca_file: Option<Text>,
}

/// The JSON schema of `lazaret.toml`, from the types that read it.
pub fn server_schema() -> serde_json::Value {
    schemars::schema_for!(ServerFile).to_value()
}
