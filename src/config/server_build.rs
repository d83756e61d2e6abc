//! From the written server configuration to the validated one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostic::Diagnostics;
use super::policy_file::{At, Text};
use super::server_file::{FormatWord, ListenerTable, RegistryTable, ServerFile};
use super::units;

/// Longest hold of one exchange: Docker 29 waits 30 s for response headers.
const MAX_HOLD: Duration = Duration::from_secs(25);
/// Most times round: Go's HTTP client follows ten redirects.
const MAX_HOPS: u32 = 9;

/// A validated server configuration, paths made absolute by the file's folder.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where blobs and the ledger are kept; none: the per-user default.
    pub data_dir: Option<PathBuf>,
    /// The policy's file; none: the shipped one.
    pub policy: Option<PathBuf>,
    /// Where explain links point, without a slash at the end; none: the admin listener.
    pub external_url: Option<String>,
    /// For `registry-mirrors` of Docker.
    pub mirror: (SocketAddr, Option<TlsPaths>),
    /// For clients that know no other registry.
    pub gateway: Option<(SocketAddr, Option<TlsPaths>)>,
    /// Explain pages and metrics.
    pub admin: (SocketAddr, Option<TlsPaths>),
    /// Bytes of blobs on disk.
    pub cache_bytes: u64,
    /// How long a tag's digest is believed.
    pub tag_freshness: Duration,
    /// Of one exchange, while an image is judged.
    pub hold: Duration,
    /// Times that a waiting client is sent round.
    pub hops: u32,
    /// How long decisions and pulls are kept.
    pub retention: Duration,
    /// Whether log lines are JSON.
    pub log_json: bool,
    /// Least severe level that is logged.
    pub log_level: String,
    /// Defaults of all registries.
    pub upstream: UpstreamDefaults,
    /// Registries of this file.
    pub registries: Vec<Registry>,
}

/// PEM files of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPaths {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Key.
    pub key: PathBuf,
}

/// `[upstream]`.
#[derive(Clone, Debug)]
pub struct UpstreamDefaults {
    /// HTTP proxy.
    pub proxy: Option<String>,
    /// Hosts or `.suffixes` reached without it.
    pub no_proxy: Vec<String>,
    /// Further certificate authorities.
    pub ca_files: Vec<PathBuf>,
    /// For a connection.
    pub connect_timeout: Duration,
    /// For headers, and between two pieces of a body.
    pub read_timeout: Duration,
    /// For one question with its retries.
    pub deadline: Duration,
    /// Whether the built-in registries are there too.
    pub include_defaults: bool,
}

/// `[[registry]]`.
#[derive(Clone, Debug)]
pub struct Registry {
    /// As in image names.
    pub host: String,
    /// Where it is; none: the built-in URL, or https:// and the host.
    pub url: Option<String>,
    /// Whether it speaks http without TLS.
    pub plain_http: bool,
    /// Hosts that may issue its tokens; none: the built-in ones.
    pub token_hosts: Option<Vec<String>>,
    /// Hosts that it may send us to although their addresses are private.
    pub redirect_hosts: Vec<String>,
    /// Ranges that its hosts may resolve to, in CIDR notation.
    pub allow_addresses: Vec<String>,
    /// How it is logged in to.
    pub credentials: Credentials,
    /// A further certificate authority.
    pub ca_file: Option<PathBuf>,
}

/// Where credentials come from; the secrets themselves are read later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nowhere.
    None,
    /// A user name and a file with the password.
    File {
        /// User name.
        username: String,
        /// File with the password.
        password_file: PathBuf,
    },
    /// A Docker `config.json`.
    DockerConfig(PathBuf),
    /// `docker-credential-NAME`.
    Helper(String),
}

/// Reads and validates a server configuration that stands in `folder`. `file` is what people call it.
///
/// # Errors
/// All mistakes of the file, each with its place and its remedy.
pub fn parse_server(text: &str, file: &str, folder: &Path) -> Result<Server, Diagnostics> {
    let written: ServerFile = toml::from_str(text).map_err(|error| Diagnostics::from_toml(file, text, &error))?;
    let mut build = Build { folder, diagnostics: Diagnostics::new(file, text) };
    let server = build.server(&written);
    match server {
        Some(server) if !build.diagnostics.failed() => Ok(server),
        _ => Err(build.diagnostics),
    }
}

struct Build<'a> {
    folder: &'a Path,
    diagnostics: Diagnostics,
}

impl Build<'_> {
    fn wrong(&mut self, text: &Text, what: &str, help: impl Into<String>) {
        self.diagnostics.error(text.span(), format!("{:?} is no {what}", text.get())).help(help);
    }

    fn server(&mut self, written: &ServerFile) -> Option<Server> {
        let mirror = self.listener(written.mirror.as_ref(), "127.0.0.1:5050");
        let admin = self.listener(written.admin.as_ref(), "127.0.0.1:5080");
        let gateway = written.gateway.as_ref().map(|table| self.gateway(table));
        let retention = self.duration(written.ledger.retention.as_ref(), Duration::from_secs(400 * 86_400));
        let hold = self.duration(written.hold.per_exchange.as_ref(), Duration::from_secs(20));
        if let Some(text) = written.hold.per_exchange.as_ref().filter(|_| hold > MAX_HOLD) {
            self.wrong(text, "hold that clients bear", "at most \"25s\": Docker 29 gives up at 30 s and goes to Docker Hub");
        }
        let hops = written.hold.max_hops.as_ref().map_or(MAX_HOPS, |hops| *hops.get());
        if let Some(place) = written.hold.max_hops.as_ref().filter(|_| hops > MAX_HOPS) {
            self.diagnostics.error(place.span(), "more than 9 times round").help("clients follow ten redirects");
        }
        let level = written.log.level.as_ref();
        if let Some(text) = level.filter(|level| !LEVELS.contains(&level.get().as_str())) {
            self.diagnostics.error(text.span(), format!("unknown word `{}`", text.get())).suggest(text.get(), LEVELS);
        }
        let upstream = UpstreamDefaults {
            proxy: written.upstream.proxy.as_ref().and_then(|url| self.url(url, &["http"])),
            no_proxy: texts(&written.upstream.no_proxy),
            ca_files: written.upstream.ca_files.iter().map(|path| self.path(path)).collect(),
            connect_timeout: self.duration(written.upstream.connect_timeout.as_ref(), Duration::from_secs(5)),
            read_timeout: self.duration(written.upstream.read_timeout.as_ref(), Duration::from_secs(30)),
            deadline: self.duration(written.upstream.deadline.as_ref(), Duration::from_secs(120)),
            include_defaults: written.upstream.include_defaults.unwrap_or(true),
        };
        Some(Server {
            data_dir: written.data_dir.as_ref().map(|path| self.path(path)),
            policy: written.policy.as_ref().map(|path| self.path(path)),
            external_url: written.external_url.as_ref().and_then(|url| self.url(url, &["http", "https"])),
            cache_bytes: self.size(written.cache.max_size.as_ref(), 50 << 30),
            tag_freshness: self.duration(written.cache.tag_freshness.as_ref(), Duration::from_secs(60)),
            hold,
            hops,
            retention,
            log_json: matches!(written.log.format, Some(FormatWord::Json)),
            log_level: level.map_or("info".to_owned(), |level| level.get().clone()),
            upstream,
            registries: self.registries(&written.registry),
            mirror: mirror?,
            admin: admin?,
            gateway: gateway.flatten(),
        })
    }

    fn registries(&mut self, written: &[At<RegistryTable>]) -> Vec<Registry> {
        let mut registries: Vec<Registry> = Vec::new();
        for table in written {
            let registry = self.registry(table);
            if registries.iter().any(|earlier| earlier.host == registry.host) {
                self.diagnostics.error(table.get().host.span(), format!("{} is configured twice", registry.host));
            }
            registries.push(registry);
        }
        registries
    }

    fn gateway(&mut self, table: &ListenerTable) -> Option<(SocketAddr, Option<TlsPaths>)> {
        let (address, tls) = self.listener(Some(table), "127.0.0.1:5443")?;
        if tls.is_none() && !address.ip().is_loopback() {
            let span = table.listen.as_ref().map_or(0..0, At::span);
            self.diagnostics
                .error(span, "a gateway that others reach needs TLS, or anybody on the way could change its answers")
                .help("give tls_certificate and tls_key, or listen on 127.0.0.1");
        }
        Some((address, tls))
    }

    fn listener(&mut self, table: Option<&ListenerTable>, default: &str) -> Option<(SocketAddr, Option<TlsPaths>)> {
        let listen = table.and_then(|table| table.listen.as_ref());
        let address = match listen.map_or(default, |text| text.get().as_str()).parse() {
            Ok(address) => Some(address),
            Err(_) => {
                listen.into_iter().for_each(|text| self.wrong(text, "address", format!("write address:port, as in {default:?}")));
                None
            }
        };
        let tls = match table.map(|table| (&table.tls_certificate, &table.tls_key)) {
            Some((Some(certificate), Some(key))) => {
                Some(TlsPaths { certificate: self.path(certificate), key: self.path(key) })
            }
            Some((Some(one), None) | (None, Some(one))) => {
                self.diagnostics.error(one.span(), "TLS needs tls_certificate and tls_key");
                None
            }
            _ => None,
        };
        address.map(|address| (address, tls))
    }

    fn registry(&mut self, table: &At<RegistryTable>) -> Registry {
        let written = table.get();
        let plain_http = written.plain_http.unwrap_or(false);
        let url = written.url.as_ref().and_then(|url| self.url(url, &["http", "https"]));
        if let (Some(text), Some(parsed)) = (&written.url, &url) {
            if parsed.starts_with("http:") && !plain_http {
                let help = "write https, or plain_http = true if all on the way may read and change what is sent";
                self.wrong(text, "https URL", help);
            } else if parsed.starts_with("https:") && plain_http {
                self.wrong(text, "http URL", "remove plain_http");
            }
        }
        if crate::oci::Repository::new(written.host.get(), "x/y").is_err() {
            self.wrong(&written.host, "registry host", "write it as in image names: \"ghcr.io\" or \"registry.corp.example:5000\"");
        }
        for range in &written.allow_addresses {
            if !is_range(range.get()) {
                self.wrong(range, "address range", "write an address and a prefix length, as in \"10.0.0.0/8\"");
            }
        }
        Registry {
            host: written.host.get().to_ascii_lowercase(),
            url,
            plain_http,
            token_hosts: written.token_hosts.as_deref().map(texts),
            redirect_hosts: texts(&written.redirect_hosts),
            allow_addresses: texts(&written.allow_addresses),
            credentials: self.credentials(table),
            ca_file: written.ca_file.as_ref().map(|path| self.path(path)),
        }
    }

    fn credentials(&mut self, table: &At<RegistryTable>) -> Credentials {
        let written = table.get();
        match (&written.username, &written.password_file, &written.docker_config, &written.credential_helper) {
            (None, None, None, None) => Credentials::None,
            (Some(username), Some(file), None, None) => {
                Credentials::File { username: username.get().clone(), password_file: self.path(file) }
            }
            (None, None, Some(file), None) => Credentials::DockerConfig(self.path(file)),
            (None, None, None, Some(helper)) => {
                if !helper.get().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
                    self.wrong(helper, "helper's name", "write what follows docker-credential-, as in \"ecr-login\"");
                }
                Credentials::Helper(helper.get().clone())
            }
            _ => {
                self.diagnostics
                    .error(table.span(), "the credentials of this registry contradict each other")
                    .help("give username and password_file, or docker_config, or credential_helper");
                Credentials::None
            }
        }
    }

    fn duration(&mut self, text: Option<&Text>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        units::duration(text.get()).unwrap_or_else(|why| {
            self.wrong(text, "duration", why);
            default
        })
    }

    fn size(&mut self, text: Option<&Text>, default: u64) -> u64 {
        let Some(text) = text else { return default };
        units::size(text.get()).unwrap_or_else(|why| {
            self.wrong(text, "size", why);
            default
        })
    }

    fn url(&mut self, text: &Text, schemes: &[&str]) -> Option<String> {
        match url::Url::parse(text.get()) {
            Ok(url) if schemes.contains(&url.scheme()) && url.has_host() && url.query().is_none() => {
                Some(text.get().trim_end_matches('/').to_owned())
            }
            _ => {
                self.wrong(text, "URL", format!("write {}://host, with a port where it needs one", schemes.join(" or ")));
                None
            }
        }
    }

    fn path(&self, text: &Text) -> PathBuf {
        match (text.get().strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => self.folder.join(text.get()),
        }
    }
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

fn texts(written: &[Text]) -> Vec<String> {
    written.iter().map(|text| text.get().clone()).collect()
}

fn is_range(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    match (address.parse::<std::net::IpAddr>(), length.parse::<u8>()) {
        (Ok(address), Ok(length)) => length <= if address.is_ipv4() { 32 } else { 128 },
        _ => false,
    }
}
