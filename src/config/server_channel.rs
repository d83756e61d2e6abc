//! How somebody is told: the keys of `[notify.NAME]` that differ by its kind.

use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::server_check::Check;
use super::server_notify::RawNotify;
use super::server_raw::Text;

const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
const OPSGENIE: &str = "https://api.opsgenie.com/v2/alerts";

/// How somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Channel {
    /// CloudEvents by HTTP, signed as in Standard Webhooks where there is a secret.
    Webhook {
        /// Where to.
        url: Address,
        /// A file with `whsec_…`.
        secret_file: Option<PathBuf>,
    },
    /// A message for Slack, or what understands its incoming webhooks.
    Slack(Address),
    /// A card for a workflow of Microsoft Teams.
    Teams(Address),
    /// An event for PagerDuty.
    PagerDuty {
        /// Where to.
        url: Address,
        /// A file with the routing key.
        key_file: PathBuf,
    },
    /// An alert for Opsgenie, or what has its API.
    Opsgenie {
        /// Where to.
        url: Address,
        /// A file with the key.
        key_file: PathBuf,
    },
    /// A letter.
    Mail(Mail),
    /// A line for a log server.
    Syslog {
        /// How.
        transport: Transport,
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The facility's number.
        facility: u8,
    },
    /// A line of JSON, for a SIEM.
    File {
        /// The file.
        path: PathBuf,
        /// Whether in the fields of OCSF rather than ECS.
        ocsf: bool,
    },
    /// A program of this machine.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may run.
        timeout: Duration,
    },
}

/// A mail server, and whom it is to deliver to.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is kept secret.
    pub security: MailSecurity,
    /// A name, and a file with the password.
    pub login: Option<(String, PathBuf)>,
    /// Whom letters are from.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// How a connection to a mail server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the start.
    Tls,
    /// TLS before anything is said that matters.
    StartTls,
    /// Not at all.
    Plain,
}

/// How lines reach a log server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// TCP.
    Tcp,
    /// TLS.
    Tls,
}

/// A URL, or the file that holds it: those of chat services are secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// As written.
    Url(Url),
    /// In a file.
    File(PathBuf),
}

/// `webhook` (CloudEvents), `slack`, `teams`, `pagerduty`, `opsgenie`, `mail`, `syslog` or `file` (a line of JSON each).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Webhook,
    Slack,
    Teams,
    Pagerduty,
    Opsgenie,
    Mail,
    Syslog,
    File,
}

impl Check<'_> {
    pub(super) fn channel(&mut self, whole: Range<usize>, raw: &RawNotify) -> Option<Channel> {
        self.out_of_place(raw);
        let file = |text: &Text| text.as_ref().map(|text| self.resolve(text.get_ref()));
        let (path, key_file, secret_file) =
            (file(&raw.path), file(&raw.key_file), file(&raw.secret_file));
        Some(match raw.kind {
            Kind::Slack => Channel::Slack(self.address(whole, raw, None)?),
            Kind::Teams => Channel::Teams(self.address(whole, raw, None)?),
            Kind::Webhook => Channel::Webhook {
                url: self.address(whole, raw, None)?,
                secret_file,
            },
            Kind::Pagerduty => Channel::PagerDuty {
                key_file: self.wanted(key_file, &whole, "key_file")?,
                url: self.address(whole, raw, Some(PAGERDUTY))?,
            },
            Kind::Opsgenie => Channel::Opsgenie {
                key_file: self.wanted(key_file, &whole, "key_file")?,
                url: self.address(whole, raw, Some(OPSGENIE))?,
            },
            Kind::Mail => Channel::Mail(self.mail(whole, raw)?),
            Kind::Syslog => self.syslog(whole, raw)?,
            Kind::File => {
                let known = ["ecs", "ocsf"];
                let find = |word: &str| known.contains(&word).then(|| word == "ocsf");
                let ocsf = raw
                    .fields
                    .as_ref()
                    .and_then(|word| self.word(word, "set of fields", known.into_iter(), find));
                Channel::File {
                    path: self.wanted(path, &whole, "path")?,
                    ocsf: ocsf.unwrap_or(false),
                }
            }
        })
    }

    pub(super) fn wanted<T>(
        &mut self,
        written: Option<T>,
        whole: &Range<usize>,
        key: &str,
    ) -> Option<T> {
        if written.is_none() {
            self.notes.error(
                whole.clone(),
                format!("a target of this kind needs `{key}`"),
            );
        }
        written
    }

    /// Keys that are for other kinds.
    fn out_of_place(&mut self, raw: &RawNotify) {
        let kind = raw.kind;
        let url = !matches!(kind, Kind::File | Kind::Mail | Kind::Syslog);
        let key = matches!(kind, Kind::Pagerduty | Kind::Opsgenie);
        let mail = kind == Kind::Mail;
        let reads = matches!(kind, Kind::Webhook | Kind::File);
        let span = |text: &Text| text.as_ref().map(Spanned::span);
        let list = |words: &Option<Vec<Spanned<String>>>| {
            words
                .as_ref()
                .and_then(|words| words.first().map(Spanned::span))
        };
        let server = mail || kind == Kind::Syslog;
        for (key, written, fits) in [
            ("url", span(&raw.url), url),
            ("url_file", span(&raw.url_file), url),
            ("path", span(&raw.path), kind == Kind::File),
            ("fields", span(&raw.fields), kind == Kind::File),
            ("secret_file", span(&raw.secret_file), kind == Kind::Webhook),
            ("key_file", span(&raw.key_file), key),
            ("server", span(&raw.server), server),
            ("security", span(&raw.security), mail),
            ("username", span(&raw.username), mail),
            ("password_file", span(&raw.password_file), mail),
            ("from", span(&raw.from), mail),
            ("to", list(&raw.to), mail),
            ("facility", span(&raw.facility), kind == Kind::Syslog),
            ("title", span(&raw.title), !reads),
            ("text", span(&raw.text), !reads),
        ] {
            if let (Some(span), false) = (written, fits) {
                self.notes
                    .error(span, format!("`{key}` is not for this kind of target"));
            }
        }
    }

    pub(super) fn address(
        &mut self,
        whole: Range<usize>,
        raw: &RawNotify,
        usual: Option<&str>,
    ) -> Option<Address> {
        self.url_or_file(whole, raw.url.clone(), &raw.url_file, usual)
    }

    pub(super) fn url_or_file(
        &mut self,
        whole: Range<usize>,
        url: Text,
        url_file: &Text,
        usual: Option<&str>,
    ) -> Option<Address> {
        let span = url.as_ref().map(Spanned::span);
        let url = self.url(url, "https://hooks.example/T000/B000");
        let file = url_file.as_ref().map(|text| self.resolve(text.get_ref()));
        if let (Some(url), Some(span)) = (&url, &span) {
            let host = url.host_str().unwrap_or_default();
            self.literal(host, span);
        }
        match (url, file, usual) {
            (Some(url), None, _) => Some(Address::Url(url)),
            (None, Some(file), _) => Some(Address::File(file)),
            (None, None, Some(usual)) if span.is_none() => Url::parse(usual).ok().map(Address::Url),
            (None, None, _) if span.is_some() => None,
            _ => {
                self.notes
                    .error(whole, "a target needs either `url` or `url_file`");
                None
            }
        }
    }

    /// Clouds hand out credentials at link-local addresses: no message goes there.
    pub(super) fn literal(&mut self, host: &str, span: &Range<usize>) {
        let forbidden = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => ip.is_link_local() || ip.is_unspecified() || ip.is_multicast(),
            Ok(IpAddr::V6(ip)) => {
                ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast()
            }
            Err(_) => false,
        };
        if forbidden {
            self.notes
                .error(span.clone(), format!("{host} is never sent anything"))
                .help("link-local addresses are where clouds keep credentials; name a host");
        }
    }
}
