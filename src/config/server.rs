//! The server's settings, validated: plain data that other rooms read.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::policy::Team;

use super::{
    AddressRange, ApiSettings, ClientCertificates, IdentitySettings, Inspection, NotifyTarget,
    ProxyServer, ScannerServer, VsaSettings,
};

/// `lazaret.toml`, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Where blobs and the ledger live.
    pub data_dir: PathBuf,
    /// The policy file; `None` is the shipped policy.
    pub policy: Option<PathBuf>,
    /// Where explain links point; `None` is the address of the admin listener.
    pub external_url: Option<Url>,
    /// The registry mirror.
    pub mirror: Listener,
    /// The gateway, off unless given.
    pub gateway: Option<Listener>,
    /// The HTTPS proxy, off unless given.
    pub proxy: Option<ProxyServer>,
    /// Certificate and key of the company's own authority for registries' names; none: one in the data folder.
    pub authority: Option<(PathBuf, PathBuf)>,
    /// As whom clients are known.
    pub identity: IdentitySettings,
    /// Explain pages, health, metrics.
    pub admin: Listener,
    /// The API of that listener, off unless given.
    pub api: Option<ApiSettings>,
    /// Verdicts as attestations, off unless given.
    pub vsa: Option<VsaSettings>,
    /// Blobs on disk.
    pub cache: Cache,
    /// How long a client waits.
    pub hold: Hold,
    /// How long decisions are kept.
    pub retention: Duration,
    /// What is said on stderr.
    pub log: Log,
    /// How registries are reached.
    pub upstream: UpstreamSettings,
    /// Who looks for viruses in files; none: nobody.
    pub clamd: Option<ClamdAddress>,
    /// Files and folders with YARA rules; none: no rules are tried.
    pub yara: Vec<PathBuf>,
    /// Scanners beside our own.
    pub scanners: Vec<ScannerServer>,
    /// Where some of them fetch images, off unless given.
    pub inspection: Option<Inspection>,
    /// Who is told of what, and what runs then.
    pub notify: Vec<NotifyTarget>,
    /// Whose images and clients are.
    pub teams: Vec<Team>,
    /// The registries of the file, in its order; no host twice.
    pub registries: Vec<Registry>,
}

/// Where a clamd listens: `unix:/run/clamav/clamd.ctl` or `tcp://127.0.0.1:3310`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClamdAddress {
    /// A socket of this machine.
    Unix(PathBuf),
    /// An address; what is sent there is not encrypted.
    Tcp(SocketAddr),
}

impl ClamdAddress {
    pub(super) fn parse(text: &str) -> Option<ClamdAddress> {
        match (text.strip_prefix("unix:"), text.strip_prefix("tcp://")) {
            (Some(path), _) if path.starts_with('/') => Some(ClamdAddress::Unix(path.into())),
            (_, Some(address)) => address.parse().map(ClamdAddress::Tcp).ok(),
            _ => None,
        }
    }
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and key; `None` is plain HTTP.
    pub tls: Option<Tls>,
    /// The certificates that clients show; none: they are not asked.
    pub clients: Option<ClientCertificates>,
    /// Whether it answers under registries' own names too, certified by our authority.
    pub registry_names: bool,
}

impl Listener {
    pub(super) fn loopback(port: u16) -> Listener {
        Listener {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            tls: None,
            clients: None,
            registry_names: false,
        }
    }
}

/// The files a listener needs for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// Blobs on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Most bytes kept.
    pub max_size: u64,
    /// How long a tag is believed.
    pub tag_freshness: Duration,
}

/// How long a client waits while its image is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Longest wait in one exchange.
    pub per_exchange: Duration,
    /// How often a client is sent round.
    pub max_hops: u8,
}

/// What is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// For whom.
    pub format: LogFormat,
    /// How much.
    pub level: LogLevel,
}

/// For whom log lines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    #[default]
    Text,
    /// Machines: one JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What an operator must mend.
    Error,
    /// And what looks wrong.
    Warn,
    /// And each decision.
    #[default]
    Info,
    /// And each step.
    Debug,
    /// And everything.
    Trace,
}

impl LogLevel {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// How registries are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// HTTP proxy.
    pub proxy: Option<Url>,
    /// Hosts reached without it.
    pub no_proxy: Vec<String>,
    /// More certificate authorities, PEM.
    pub ca_files: Vec<PathBuf>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest silence.
    pub read_timeout: Duration,
    /// Longest time for one request with its retries.
    pub deadline: Duration,
    /// Where Docker Hub tells how popular images are; none: at its usual place.
    pub docker_hub_api: Option<Url>,
    /// Where exports of advisories lie; none: at OSV's usual place.
    pub advisories: Option<Url>,
    /// Where the catalogue of known exploited vulnerabilities lies; none: at CISA's usual place.
    pub known_exploited: Option<Url>,
    /// Where probabilities of exploitation lie; none: at FIRST's usual place.
    pub epss: Option<Url>,
    /// Whether advisories are fetched by themselves.
    pub fetch_advisories: bool,
    /// Whether trusted roots are refreshed from their TUF repositories.
    pub refresh_roots: bool,
    /// Whether the well-known public registries are on the list.
    pub include_defaults: bool,
}

/// One registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Its name in references, in lower case.
    pub host: String,
    /// Where its API is: `https`, or `http` when the file says `plain_http = true`. `None`: the usual place of that host.
    pub url: Option<Url>,
    /// Hosts that may hand out its tokens.
    pub token_hosts: Vec<String>,
    /// Hosts it may redirect to although they have private addresses.
    pub redirect_hosts: Vec<String>,
    /// Private ranges it may resolve to.
    pub allow_addresses: Vec<AddressRange>,
    /// How it knows us.
    pub credentials: Credentials,
    /// Its certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
}

/// How a registry knows us. Never holds a secret, only where to find it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// It does not.
    #[default]
    Anonymous,
    /// A name, and a file with the password.
    Password {
        /// User name.
        username: String,
        /// A file that holds the password alone.
        password_file: PathBuf,
    },
    /// A docker `config.json`.
    DockerConfig(PathBuf),
    /// `docker-credential-` and this name.
    Helper(String),
}

/// Where data lives when nobody says: `$XDG_DATA_HOME/lazaret`, else `$HOME/.local/share/lazaret`,
/// else `/var/lib/lazaret`. Relative values of the variables do not count (XDG Base Directory).
pub fn default_data_dir(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let folder = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("lazaret")
}
