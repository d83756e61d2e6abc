//! `lazaret.toml` as written: the shape alone, every key optional, with spans.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::server_api::RawApi;
use super::server_gateway::RawGateway;
use super::server_identity::RawIdentity;
use super::server_notify::RawNotify;
use super::server_proxy::RawProxy;
use super::server_scanner::{RawInspection, RawScanner};
use super::server_team::{RawHook, RawTeam};
use super::server_vsa::RawVsa;
use super::server_yara::RawYara;

pub(super) type Text = Option<Spanned<String>>;

/// The server's file. Relative paths are relative to the file's folder.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
#[schemars(title = "lazaret.toml")]
pub(super) struct RawServer {
    /// Where blobs and the ledger live. Default: `$XDG_DATA_HOME/lazaret`, else `~/.local/share/lazaret`, else `/var/lib/lazaret`.
    #[schemars(with = "Option<String>")]
    pub(super) data_dir: Text,
    /// The policy file. Default: the shipped policy.
    #[schemars(with = "Option<String>")]
    pub(super) policy: Text,
    /// Where explain links point. Default: `http://` and the address of the admin listener.
    #[schemars(with = "Option<String>")]
    pub(super) external_url: Text,
    /// The listener that clients use as a registry mirror.
    pub(super) mirror: Option<RawListener>,
    /// The listener whose image names carry the upstream host; off unless this table is there.
    pub(super) gateway: Option<RawGateway>,
    /// The HTTPS proxy that answers for registries under their own names; off unless this table is there.
    pub(super) proxy: Option<RawProxy>,
    /// As whom clients are known.
    pub(super) identity: Option<RawIdentity>,
    /// Explain pages, health and metrics.
    pub(super) admin: Option<RawListener>,
    /// The JSON API of the admin listener; off unless this table is there.
    #[schemars(with = "Option<RawApi>")]
    pub(super) api: Option<Spanned<RawApi>>,
    /// Verdicts as attestations beside the images; off unless this table is there.
    #[schemars(with = "Option<RawVsa>")]
    pub(super) vsa: Option<Spanned<RawVsa>>,
    /// The blobs on disk.
    pub(super) cache: Option<RawCache>,
    /// How long a client is held while its image is judged.
    pub(super) hold: Option<RawHold>,
    /// The record of decisions.
    pub(super) ledger: Option<RawLedger>,
    /// What the server says on stderr.
    pub(super) log: Option<RawLog>,
    /// How registries are reached.
    pub(super) upstream: Option<RawUpstream>,
    /// Who looks for viruses in the files of scanned images.
    pub(super) clamd: Option<RawClamd>,
    /// The operator's YARA rules, tried on the files of scanned images. Needs the cargo feature `yara`.
    #[schemars(with = "Option<RawYara>")]
    pub(super) yara: Option<Spanned<RawYara>>,
    /// Scanners beside the one that is built in, by the names that policies give them.
    #[schemars(with = "Option<BTreeMap<String, RawScanner>>")]
    pub(super) scanner: Option<BTreeMap<String, Spanned<RawScanner>>>,
    /// The listener where adapters of Harbor's fetch the images that they are asked about; off unless this table is there.
    pub(super) inspection: Option<RawInspection>,
    /// Who is told of what, by name.
    #[schemars(with = "Option<BTreeMap<String, RawNotify>>")]
    pub(super) notify: Option<BTreeMap<String, Spanned<RawNotify>>>,
    /// What runs when something happens, by name.
    #[schemars(with = "Option<BTreeMap<String, RawHook>>")]
    pub(super) hook: Option<BTreeMap<String, Spanned<RawHook>>>,
    /// People who answer for images or clients, by name.
    #[schemars(with = "Option<BTreeMap<String, RawTeam>>")]
    pub(super) team: Option<BTreeMap<String, Spanned<RawTeam>>>,
    /// Registries that Lazaret may pull from, beside the default ones.
    #[schemars(with = "Option<Vec<RawRegistry>>")]
    pub(super) registry: Option<Vec<Spanned<RawRegistry>>>,
}

/// One listener.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListener {
    /// Address and port: `127.0.0.1:5050`, `[::]:5050`. Port 0 takes a free one.
    #[schemars(with = "Option<String>")]
    pub(super) listen: Text,
    /// Certificate chain, PEM. Needs `tls_key`.
    #[schemars(with = "Option<String>")]
    pub(super) tls_certificate: Text,
    /// Private key, PEM. Needs `tls_certificate`.
    #[schemars(with = "Option<String>")]
    pub(super) tls_key: Text,
    /// Serve plain HTTP beyond the loopback interface: something in front ends TLS.
    #[schemars(with = "Option<bool>")]
    pub(super) plain_http: Option<Spanned<bool>>,
    /// Authorities of the certificates that clients show, PEM. Needs `tls_certificate`.
    #[schemars(with = "Option<String>")]
    pub(super) client_ca: Text,
    /// Lists of the certificates that these authorities revoked, PEM; where one is missing or too old, no certificate is
    /// believed.
    #[schemars(with = "Option<String>")]
    pub(super) client_crl: Text,
    /// `required`: a client without a certificate is refused; `optional`: it need not have one. Default: `required`.
    #[schemars(with = "Option<String>")]
    pub(super) client_certificate: Text,
}

/// The blobs on disk.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCache {
    /// Most bytes kept: `50GiB`.
    #[schemars(with = "Option<String>")]
    pub(super) max_size: Text,
    /// How long a tag is believed before the registry is asked again: `60s`.
    #[schemars(with = "Option<String>")]
    pub(super) tag_freshness: Text,
}

/// How long a client is held.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHold {
    /// Longest wait in one exchange: `20s`.
    #[schemars(with = "Option<String>")]
    pub(super) per_exchange: Text,
    /// How often a waiting client is sent round before it is told to retry.
    #[schemars(with = "Option<u8>")]
    pub(super) max_hops: Option<Spanned<u32>>,
}

/// The record of decisions.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLedger {
    /// How long decisions are kept: `400d`.
    #[schemars(with = "Option<String>")]
    pub(super) retention: Text,
}

/// What the server says on stderr.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    /// `text` for people, `json` for machines.
    pub(super) format: Option<super::LogFormat>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(super) level: Option<super::LogLevel>,
}

/// Who looks for viruses.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClamd {
    /// Where clamd listens: `unix:/run/clamav/clamd.ctl` or `tcp://127.0.0.1:3310`.
    #[schemars(with = "Option<String>")]
    pub(super) address: Text,
}

/// How registries are reached.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUpstream {
    /// HTTP proxy for all registries: `http://proxy:3128`.
    #[schemars(with = "Option<String>")]
    pub(super) proxy: Text,
    /// Hosts reached without the proxy.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) no_proxy: Option<Vec<Spanned<String>>>,
    /// Certificate authorities believed beside the system's, PEM.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) ca_files: Option<Vec<Spanned<String>>>,
    /// Longest time to connect: `5s`.
    #[schemars(with = "Option<String>")]
    pub(super) connect_timeout: Text,
    /// Longest silence of a registry: `30s`.
    #[schemars(with = "Option<String>")]
    pub(super) read_timeout: Text,
    /// Longest time for one request with its retries, bodies of blobs apart: `120s`.
    #[schemars(with = "Option<String>")]
    pub(super) deadline: Text,
    /// Where Docker Hub tells how popular images are, for policies that ask. Default: `https://hub.docker.com`.
    #[schemars(with = "Option<String>")]
    pub(super) docker_hub_api: Text,
    /// Where exports of advisories lie, a folder for each ecosystem. Default: OSV's, at
    /// `https://osv-vulnerabilities.storage.googleapis.com`.
    #[schemars(with = "Option<String>")]
    pub(super) advisories: Text,
    /// Where the catalogue of known exploited vulnerabilities lies. Default: CISA's, at
    /// `https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json`.
    #[schemars(with = "Option<String>")]
    pub(super) known_exploited: Text,
    /// Where the probabilities of exploitation lie. Default: FIRST's, at
    /// `https://epss.empiricalsecurity.com/epss_scores-current.csv.gz`.
    #[schemars(with = "Option<String>")]
    pub(super) epss: Text,
    /// Whether advisories are fetched, and kept fresh, by themselves. Default: true.
    pub(super) fetch_advisories: Option<bool>,
    /// Whether trusted roots are refreshed from their TUF repositories. Default: true.
    pub(super) refresh_roots: Option<bool>,
    /// Whether the well-known public registries are on the list. Default: true.
    pub(super) include_defaults: Option<bool>,
}

/// One registry.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegistry {
    /// Its name in image references: `docker.io`.
    #[schemars(with = "Option<String>")]
    pub(super) host: Text,
    /// Where its API is. Default: `https://` and the host.
    #[schemars(with = "Option<String>")]
    pub(super) url: Text,
    /// Must be true for an `http://` url.
    #[schemars(with = "Option<bool>")]
    pub(super) plain_http: Option<Spanned<bool>>,
    /// Hosts that may hand out its tokens, beside its own.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) token_hosts: Option<Vec<Spanned<String>>>,
    /// Hosts it may redirect to although they have private addresses; public ones it may anyway.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) redirect_hosts: Option<Vec<Spanned<String>>>,
    /// Private ranges it and its redirects may resolve to: `10.0.0.0/8`.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) allow_addresses: Option<Vec<Spanned<String>>>,
    /// User name. Needs `password_file`.
    #[schemars(with = "Option<String>")]
    pub(super) username: Text,
    /// A file that holds the password alone.
    #[schemars(with = "Option<String>")]
    pub(super) password_file: Text,
    /// A docker `config.json` that holds the credentials.
    #[schemars(with = "Option<String>")]
    pub(super) docker_config: Text,
    /// A docker credential helper: `ecr-login` runs `docker-credential-ecr-login`.
    #[schemars(with = "Option<String>")]
    pub(super) credential_helper: Text,
    /// Certificate authority of this registry, PEM.
    #[schemars(with = "Option<String>")]
    pub(super) ca_file: Text,
}
