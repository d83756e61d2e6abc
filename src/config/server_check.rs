//! From the shape of `lazaret.toml` to validated settings, noting every mistake on the way.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::Spanned;
use url::Url;

use super::{
    Cache, ClamdAddress, Diagnostics, Hold, Listener, Log, Server, Tls, UpstreamSettings,
    default_data_dir,
    server_raw::{RawCache, RawClamd, RawHold, RawListener, RawServer, RawUpstream, Text},
    shape, units,
};

/// Most rounds a client is sent: common clients give up after ten redirects.
const MAX_HOPS: u32 = 9;
/// Longest hold in one exchange: proxies and clients in between lose patience after a minute.
const MAX_HOLD: Duration = Duration::from_secs(60);

/// Reads the server's settings. Relative paths are taken from the folder of `file`.
///
/// # Errors
/// Every mistake of the file, each with its line and a remedy.
pub fn parse_server(text: &str, file: &str) -> Result<Server, Diagnostics> {
    let mut notes = Diagnostics::new(file, text);
    let raw = shape::read::<RawServer>(text, &mut notes).unwrap_or_default();
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let server = Check {
        notes: &mut notes,
        folder: folder.to_owned(),
        teams: raw
            .team
            .iter()
            .flat_map(|teams| teams.keys().cloned())
            .collect(),
    }
    .server(raw);
    notes.into_result(server)
}

/// The JSON schema of `lazaret.toml`, for editors.
pub fn server_schema() -> serde_json::Value {
    schemars::schema_for!(RawServer).to_value()
}

pub(super) struct Check<'a> {
    pub(super) notes: &'a mut Diagnostics,
    folder: PathBuf,
    /// The names of all teams.
    pub(super) teams: Vec<String>,
}

impl Check<'_> {
    fn server(&mut self, raw: RawServer) -> Server {
        let log = raw.log.unwrap_or_default();
        let (admin, api) = self.admin(raw.admin.unwrap_or_default(), raw.api);
        let shows = raw.inspection.is_some();
        let (gateway, of_gateway) = raw.gateway.map(|raw| self.gateway(raw)).unzip();
        let (proxy, of_proxy) = raw.proxy.map(|raw| self.proxy(raw)).unzip();
        let authority = self.one_authority(of_gateway.flatten(), of_proxy.flatten());
        Server {
            data_dir: self
                .path(raw.data_dir)
                .unwrap_or_else(|| default_data_dir(|name| std::env::var_os(name))),
            policy: self.path(raw.policy),
            external_url: self.url(raw.external_url, "https://lazaret.example"),
            mirror: self.listener(raw.mirror.unwrap_or_default(), 5050, false),
            gateway,
            proxy,
            authority,
            identity: self.identity(raw.identity.unwrap_or_default()),
            admin,
            api,
            vsa: self.vsa(raw.vsa),
            cache: self.cache(raw.cache.unwrap_or_default()),
            hold: self.hold(raw.hold.unwrap_or_default()),
            retention: self.time(
                raw.ledger.unwrap_or_default().retention,
                Duration::from_secs(400 * 86_400),
            ),
            log: Log {
                format: log.format.unwrap_or_default(),
                level: log.level.unwrap_or_default(),
            },
            clamd: self.clamd(raw.clamd.unwrap_or_default()),
            yara: self.yara(raw.yara),
            scanners: raw
                .scanner
                .unwrap_or_default()
                .into_iter()
                .filter_map(|(name, written)| self.scanner(&name, written, shows))
                .collect(),
            inspection: self.inspection(raw.inspection),
            upstream: self.upstream(raw.upstream.unwrap_or_default()),
            notify: self.told(raw.notify, raw.hook),
            teams: raw
                .team
                .unwrap_or_default()
                .into_iter()
                .map(|(name, raw)| self.team(&name, raw))
                .collect(),
            registries: self.registries(raw.registry.unwrap_or_default()),
        }
    }

    fn clamd(&mut self, raw: RawClamd) -> Option<ClamdAddress> {
        let written = raw.address?;
        let address = ClamdAddress::parse(written.get_ref());
        if address.is_none() {
            self.notes
                .error(
                    written.span(),
                    format!("{:?} is no address of clamd", written.get_ref()),
                )
                .help("write \"unix:/run/clamav/clamd.ctl\" or \"tcp://127.0.0.1:3310\"");
        }
        address
    }

    pub(super) fn listener(&mut self, raw: RawListener, port: u16, guarded: bool) -> Listener {
        let mut listener = Listener::loopback(port);
        let written = raw.listen.as_ref().map(Spanned::span);
        if let Some(text) = raw.listen {
            match text.get_ref().parse::<SocketAddr>() {
                Ok(address) => listener.listen = address,
                Err(_) => {
                    self.notes
                        .error(
                            text.span(),
                            format!("`{}` is not an address and port", text.get_ref()),
                        )
                        .help(format!("write `127.0.0.1:{port}` or `[::]:{port}`"));
                }
            }
        }
        listener.tls = self
            .pair(
                ("tls_certificate", raw.tls_certificate),
                ("tls_key", raw.tls_key),
            )
            .map(|(certificate, key)| Tls {
                certificate: self.resolve(certificate.get_ref()),
                key: self.resolve(key.get_ref()),
            });
        listener.clients = self.client_certificates(
            raw.client_ca,
            raw.client_crl,
            raw.client_certificate,
            listener.tls.is_some(),
        );
        let plain = raw.plain_http.is_some_and(Spanned::into_inner);
        if guarded
            && listener.tls.is_none()
            && !plain
            && !listener.listen.ip().is_loopback()
            && let Some(span) = written
        {
            self.notes
                .error(span, "the gateway serves plain HTTP beyond the loopback interface")
                .help("give `tls_certificate` and `tls_key`, or say `plain_http = true` when something in front ends TLS");
        }
        listener
    }

    /// Two keys that come together or not at all.
    pub(super) fn pair(
        &mut self,
        (one, first): (&str, Text),
        (other, second): (&str, Text),
    ) -> Option<(Spanned<String>, Spanned<String>)> {
        let (given, there, missing) = match (first, second) {
            (Some(first), Some(second)) => return Some((first, second)),
            (None, None) => return None,
            (Some(given), None) => (given, one, other),
            (None, Some(given)) => (given, other, one),
        };
        self.notes
            .error(given.span(), format!("`{there}` without `{missing}`"))
            .help(format!("add `{missing}` beside it"));
        None
    }

    fn cache(&mut self, raw: RawCache) -> Cache {
        let mut max_size = 50 << 30;
        if let Some(text) = raw.max_size {
            match units::size(text.get_ref()) {
                Ok(0) => {
                    self.notes
                        .error(text.span(), "a cache of no size holds nothing")
                        .help("write `50GiB`");
                }
                Ok(size) => max_size = size,
                Err(problem) => {
                    self.notes
                        .error(text.span(), problem)
                        .help("write `50GiB` or `500MB`");
                }
            }
        }
        Cache {
            max_size,
            tag_freshness: self.time(raw.tag_freshness, Duration::from_secs(60)),
        }
    }

    fn hold(&mut self, raw: RawHold) -> Hold {
        let span = raw.per_exchange.as_ref().map(Spanned::span);
        let per_exchange = self.time(raw.per_exchange, Duration::from_secs(20));
        if let Some(span) = span
            && per_exchange > MAX_HOLD
        {
            self.notes
                .error(span, "clients do not wait that long for one answer")
                .help(format!("write at most `{}s`", MAX_HOLD.as_secs()));
        }
        let hops = raw
            .max_hops
            .as_ref()
            .map_or(MAX_HOPS, |hops| *hops.get_ref());
        if let Some(given) = raw.max_hops
            && hops > MAX_HOPS
        {
            self.notes
                .error(given.span(), "clients give up after ten redirects")
                .help(format!("write at most {MAX_HOPS}"));
        }
        Hold {
            per_exchange,
            max_hops: u8::try_from(hops).unwrap_or(u8::MAX),
        }
    }

    fn upstream(&mut self, raw: RawUpstream) -> UpstreamSettings {
        let proxy_span = raw.proxy.as_ref().map(Spanned::span);
        let proxy = self.url(raw.proxy, "http://proxy:3128");
        if let (Some(proxy), Some(span)) = (&proxy, proxy_span)
            && proxy.scheme() != "http"
        {
            self.notes
                .error(span, "the proxy must be spoken to over HTTP")
                .help("write `http://proxy:3128`");
        }
        UpstreamSettings {
            proxy,
            no_proxy: raw
                .no_proxy
                .unwrap_or_default()
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            ca_files: raw
                .ca_files
                .unwrap_or_default()
                .iter()
                .map(|path| self.resolve(path.get_ref()))
                .collect(),
            connect_timeout: self.time(raw.connect_timeout, Duration::from_secs(5)),
            read_timeout: self.time(raw.read_timeout, Duration::from_secs(30)),
            deadline: self.time(raw.deadline, Duration::from_secs(120)),
            docker_hub_api: self.url(raw.docker_hub_api, "https://hub.docker.com"),
            advisories: self.url(
                raw.advisories,
                "https://osv-vulnerabilities.storage.googleapis.com",
            ),
            known_exploited: self.url(
                raw.known_exploited,
                "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
            ),
            epss: self.url(
                raw.epss,
                "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
            ),
            fetch_advisories: raw.fetch_advisories.unwrap_or(true),
            refresh_roots: raw.refresh_roots.unwrap_or(true),
            include_defaults: raw.include_defaults.unwrap_or(true),
        }
    }

    pub(super) fn url(&mut self, text: Text, example: &str) -> Option<Url> {
        let text = text?;
        let problem = match Url::parse(text.get_ref()) {
            Err(_) => "this is not a URL",
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                "the URL must begin with `https://` or `http://`"
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "credentials do not belong into a URL"
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                "the URL must end with its path"
            }
            Ok(url) => return Some(url),
        };
        self.notes
            .error(text.span(), problem)
            .help(format!("write `{example}`"));
        None
    }

    pub(super) fn time(&mut self, text: Text, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        match units::duration(text.get_ref()) {
            Ok(Duration::ZERO) => {
                self.notes
                    .error(text.span(), "no time at all")
                    .help("write `20s`, `5m` or `400d`");
            }
            Ok(time) => return time,
            Err(problem) => {
                self.notes
                    .error(text.span(), problem)
                    .help("write `20s`, `5m` or `400d`");
            }
        }
        default
    }

    pub(super) fn path(&mut self, text: Text) -> Option<PathBuf> {
        let text = text?;
        if text.get_ref().is_empty() {
            self.notes
                .error(text.span(), "an empty path")
                .help("remove the key, or name a file");
            return None;
        }
        Some(self.resolve(text.get_ref()))
    }

    /// `~/` is the home directory; anything else relative starts at the file's folder.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => self.folder.join(path),
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
