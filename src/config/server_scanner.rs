//! `[scanner.NAME]`: scanners beside our own; `[inspection]`: where some of them fetch images.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::Listener;
use super::server_check::Check;
use super::server_raw::{RawListener, Text};

/// How long a scanner may take by default; layers of a gigabyte need a minute.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The longest: all that is learnt of an image must be there within three minutes.
const LONGEST: Duration = Duration::from_secs(170);
/// How long what it says is good: data changes every few hours.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);

/// A scanner beside our own.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannerServer {
    /// The table's name.
    pub name: String,
    /// How it is asked.
    pub kind: ScannerKind,
    /// How long it may take.
    pub timeout: Duration,
    /// How long what it says is good.
    pub good_for: Duration,
}

/// How a scanner is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum ScannerKind {
    /// A program.
    Exec {
        /// With its arguments.
        command: Vec<String>,
        /// What it sees of the environment.
        environment: BTreeMap<String, String>,
    },
    /// A server that answers with a report.
    Http(Url, ScannerLogin),
    /// An adapter of Harbor's.
    Harbor(Url, ScannerLogin),
}

/// Files with what proves who we are.
#[derive(Clone, Debug, PartialEq)]
pub enum ScannerLogin {
    /// Nothing is proved.
    None,
    /// `user:password`.
    Basic(PathBuf),
    /// A token.
    Token(PathBuf),
    /// A key for `X-ScannerAdapter-API-Key`.
    ApiKey(PathBuf),
}

/// Where adapters fetch images.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The listener.
    pub listener: Listener,
    /// What adapters are told that it is called.
    pub url: Url,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Exec,
    Http,
    Harbor,
}

/// A scanner beside our own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScanner {
    /// `exec` (a program), `http` (a server that answers with a report) or `harbor` (an adapter of the Pluggable Scanner
    /// API).
    kind: Kind,
    /// The program and its arguments; `{layout}` is a folder with the image (OCI image-layout), `{bill}` a file with the
    /// bill of its material (CycloneDX), `{image}`, `{digest}` and `{platform}` are what they say (exec).
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    command: Vec<Spanned<String>>,
    /// What the program sees of the environment, beside `PATH`, `HOME` and `TMPDIR` (exec).
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Where it is (http, harbor).
    #[schemars(with = "Option<String>")]
    url: Text,
    /// A file with `user:password` (http, harbor).
    #[schemars(with = "Option<String>")]
    basic_file: Text,
    /// A file with a token (http, harbor).
    #[schemars(with = "Option<String>")]
    token_file: Text,
    /// A file with a key for `X-ScannerAdapter-API-Key` (harbor).
    #[schemars(with = "Option<String>")]
    api_key_file: Text,
    /// How long it may take, at most `170s`. Default: `120s`.
    #[schemars(with = "Option<String>")]
    timeout: Text,
    /// How long what it says is good. Default: `24h`.
    #[schemars(with = "Option<String>")]
    good_for: Text,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInspection {
    /// Address and port. Default: `127.0.0.1:5070`.
    #[schemars(with = "Option<String>")]
    listen: Text,
    /// What adapters call it: `https://lazaret.internal:5070`. Default: `http://` and the address.
    #[schemars(with = "Option<String>")]
    url: Text,
    /// Certificate chain, PEM. Needs `tls_key`.
    #[schemars(with = "Option<String>")]
    tls_certificate: Text,
    /// Private key, PEM. Needs `tls_certificate`.
    #[schemars(with = "Option<String>")]
    tls_key: Text,
    /// Serve plain HTTP beyond the loopback interface.
    #[schemars(with = "Option<bool>")]
    plain_http: Option<Spanned<bool>>,
}

impl Check<'_> {
    pub(super) fn scanner(
        &mut self,
        name: &str,
        raw: Spanned<RawScanner>,
        shows: bool,
    ) -> Option<ScannerServer> {
        let whole = raw.span();
        let raw = raw.into_inner();
        self.strangers(&raw);
        let at = raw.timeout.as_ref().map(Spanned::span);
        let timeout = self.time(raw.timeout, TIMEOUT);
        if let Some(at) = at.filter(|_| timeout > LONGEST) {
            self.notes
                .error(at, "a pull does not wait so long")
                .help("170s at most");
        }
        let good_for = self.time(raw.good_for, GOOD_FOR);
        let login = match (raw.basic_file, raw.token_file, raw.api_key_file) {
            (None, None, None) => ScannerLogin::None,
            (Some(file), None, None) => ScannerLogin::Basic(self.resolve(file.get_ref())),
            (None, Some(file), None) => ScannerLogin::Token(self.resolve(file.get_ref())),
            (None, None, Some(file)) => ScannerLogin::ApiKey(self.resolve(file.get_ref())),
            _ => {
                self.notes
                    .error(whole, "a scanner takes one kind of credentials");
                return None;
            }
        };
        let kind = if matches!(raw.kind, Kind::Exec) {
            if raw.command.is_empty() {
                self.notes
                    .error(whole, "a scanner of kind \"exec\" needs `command`")
                    .help("as in command = [\"trivy\", \"image\", \"--input\", \"{layout}\", \"--format\", \"json\"]");
                return None;
            }
            ScannerKind::Exec {
                command: raw.command.into_iter().map(Spanned::into_inner).collect(),
                environment: raw.environment,
            }
        } else {
            if raw.url.is_none() {
                self.notes
                    .error(whole.clone(), "this kind of scanner needs `url`");
            }
            if matches!(raw.kind, Kind::Harbor) && !shows {
                self.notes
                    .error(whole, "this kind of scanner fetches images from here, and nothing listens for it")
                    .help("add a table [inspection] with `listen` and the `url` that the adapter can reach");
            }
            let url = self.url(raw.url, "https://scanner.example")?;
            match raw.kind {
                Kind::Harbor => ScannerKind::Harbor(url, login),
                _ => ScannerKind::Http(url, login),
            }
        };
        Some(ScannerServer {
            name: name.to_owned(),
            kind,
            timeout,
            good_for,
        })
    }

    /// Keys that mean nothing to a scanner of this kind.
    fn strangers(&mut self, raw: &RawScanner) {
        let exec = matches!(raw.kind, Kind::Exec);
        let harbor = matches!(raw.kind, Kind::Harbor);
        let span = |text: &Text| text.as_ref().map(Spanned::span);
        let strangers = [
            ("command", raw.command.first().map(Spanned::span), exec),
            ("url", span(&raw.url), !exec),
            ("basic_file", span(&raw.basic_file), !exec),
            ("token_file", span(&raw.token_file), !exec),
            ("api_key_file", span(&raw.api_key_file), harbor),
        ];
        for (key, span, fits) in strangers {
            if let (Some(span), false) = (span, fits) {
                let message = format!("`{key}` is not for this kind of scanner");
                self.notes.error(span, message);
            }
        }
    }

    /// Adapters need somewhere to fetch images from.
    pub(super) fn inspection(&mut self, raw: Option<RawInspection>) -> Option<Inspection> {
        let raw = raw?;
        let listener = RawListener {
            listen: raw.listen,
            tls_certificate: raw.tls_certificate,
            tls_key: raw.tls_key,
            plain_http: raw.plain_http,
            ..RawListener::default()
        };
        let listener = self.listener(listener, 5070, true);
        let scheme = if listener.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let usual = Url::parse(&format!("{scheme}://{}", listener.listen));
        let url = self.url(raw.url, "https://lazaret.example:5070");
        Some(Inspection {
            url: url.or(usual.ok())?,
            listener,
        })
    }
}
