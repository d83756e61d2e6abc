//! `[team.NAME]`: whose images and clients are; `[hook.NAME]`: what runs when something happens.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::policy::{Scope, Team, Urgency};

use super::server_channel::Channel;
use super::server_check::Check;
use super::server_notify::{NotifyTarget, Words};
use super::server_raw::Text;

/// How long a hook may run where nobody says otherwise.
const USUAL: Duration = Duration::from_secs(30);
/// How long one may: the next event waits for it.
const LONGEST: Duration = Duration::from_secs(600);

/// People who answer for images or clients.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTeam {
    /// Images that are theirs, as in rules; the most specific pattern of all teams decides.
    #[schemars(with = "Option<Vec<String>>")]
    images: Words,
    /// Clients that are theirs: names or addresses; `*` at the end stands for any end.
    #[schemars(with = "Option<Vec<String>>")]
    clients: Words,
    /// How to reach them, for messages: `#payments`, `@pay-oncall`.
    #[schemars(with = "Option<String>")]
    contact: Text,
}

/// `exec` (a program) or `webhook`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Exec,
    Webhook,
}

/// What runs when something happens: once for each event, until it has worked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHook {
    /// How.
    kind: Kind,
    /// The program and its arguments (exec). It reads the event as JSON from its standard input.
    #[schemars(with = "Option<Vec<String>>")]
    command: Words,
    /// How long it may run (exec). Default: `30s`.
    #[schemars(with = "Option<String>")]
    timeout: Text,
    /// Where to (webhook).
    #[schemars(with = "Option<String>")]
    url: Text,
    /// A file that holds the URL (webhook).
    #[schemars(with = "Option<String>")]
    url_file: Text,
    /// A file with the secret that signs messages, `whsec_…` (webhook).
    #[schemars(with = "Option<String>")]
    secret_file: Text,
    /// On what: `verdict-changed`, `revoked` and so on.
    #[schemars(with = "Option<Vec<String>>")]
    events: Words,
    /// For which images, as in rules. Default: for all.
    #[schemars(with = "Option<Vec<String>>")]
    images: Words,
    /// Only with one of these findings.
    #[schemars(with = "Option<Vec<String>>")]
    findings: Words,
    /// At least so urgent. Default: `info`.
    #[schemars(with = "Option<String>")]
    at_least: Text,
    /// Only for what belongs to one of these teams.
    #[schemars(with = "Option<Vec<String>>")]
    teams: Words,
    /// Private ranges in which its host may lie (webhook).
    #[schemars(with = "Option<Vec<String>>")]
    allow_addresses: Words,
    /// Its certificate authority, PEM (webhook).
    #[schemars(with = "Option<String>")]
    ca_file: Text,
}

impl Check<'_> {
    pub(super) fn team(&mut self, name: &str, raw: Spanned<RawTeam>) -> Team {
        let whole = raw.span();
        let raw = raw.into_inner();
        if raw.images.is_none() && raw.clients.is_none() {
            self.notes
                .error(whole, format!("nothing belongs to the team `{name}`"))
                .help("say images = [\"docker.io/acme/*\"] or clients = [\"build-*\"]");
        }
        for text in raw.clients.iter().flatten() {
            let name = text.get_ref().strip_suffix('*').unwrap_or(text.get_ref());
            if name.contains('*') || text.get_ref().is_empty() {
                self.notes
                    .error(text.span(), "a `*` stands at the end alone")
                    .help("as in `build-*`");
            }
        }
        Team {
            name: name.to_owned(),
            images: self.patterns(raw.images.as_ref()),
            clients: raw
                .clients
                .into_iter()
                .flatten()
                .map(Spanned::into_inner)
                .collect(),
            contact: raw.contact.map(Spanned::into_inner),
        }
    }

    pub(super) fn hook(&mut self, name: &str, raw: Spanned<RawHook>) -> Option<NotifyTarget> {
        let whole = raw.span();
        let raw = raw.into_inner();
        if raw.events.is_none() {
            self.notes
                .error(whole.clone(), "a hook needs `events`")
                .help("as in events = [\"verdict-changed\", \"revoked\"]");
        }
        let exec = matches!(raw.kind, Kind::Exec);
        let span = |text: &Text| text.as_ref().map(Spanned::span);
        let first = |words: &Words| words.iter().flatten().next().map(Spanned::span);
        for (key, written, fits) in [
            ("command", first(&raw.command), exec),
            ("timeout", span(&raw.timeout), exec),
            ("url", span(&raw.url), !exec),
            ("url_file", span(&raw.url_file), !exec),
            ("secret_file", span(&raw.secret_file), !exec),
            ("ca_file", span(&raw.ca_file), !exec),
        ] {
            if let (Some(span), false) = (written, fits) {
                self.notes
                    .error(span, format!("`{key}` is not for this kind of hook"));
            }
        }
        let channel = match raw.kind {
            Kind::Webhook => Channel::Webhook {
                url: self.url_or_file(whole, raw.url, &raw.url_file, None)?,
                secret_file: raw.secret_file.map(|file| self.resolve(file.get_ref())),
            },
            Kind::Exec => self.program(whole, raw.command, raw.timeout)?,
        };
        Some(NotifyTarget {
            name: format!("hook:{name}"),
            channel,
            scope: Scope {
                events: self.events(raw.events.as_ref()),
                images: self.patterns(raw.images.as_ref()),
                findings: self.codes(raw.findings.as_ref()),
                least: self.urgency(raw.at_least.as_ref(), Urgency::Info),
                teams: self.team_names(raw.teams.as_ref()),
            },
            quiet: None,
            words: (None, None),
            most_per_minute: None,
            allow_addresses: self.ranges(raw.allow_addresses),
            ca_file: self.path(raw.ca_file),
        })
    }

    fn program(
        &mut self,
        whole: std::ops::Range<usize>,
        command: Words,
        timeout: Text,
    ) -> Option<Channel> {
        let span = timeout.as_ref().map(Spanned::span);
        let timeout = self.time(timeout, USUAL);
        if let Some(span) = span.filter(|_| timeout > LONGEST) {
            self.notes
                .error(span, "other events wait for it that long")
                .help(format!("write at most `{}s`", LONGEST.as_secs()));
        }
        let command: Vec<Spanned<String>> = command.unwrap_or_default();
        let Some(program) = command.first() else {
            self.notes
                .error(whole, "a hook of kind \"exec\" needs `command`")
                .help("as in command = [\"/usr/local/bin/isolate\", \"--now\"]");
            return None;
        };
        if !program.get_ref().starts_with('/') {
            self.notes
                .error(program.span(), "the program needs its whole path")
                .help("as in `/usr/local/bin/isolate`");
        }
        Some(Channel::Program {
            command: command.into_iter().map(Spanned::into_inner).collect(),
            timeout,
        })
    }
}
