//! `[notify.NAME]`: who is told of what.

use std::ops::Range;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use crate::policy::{EventKind, Pattern};

use super::diagnostic::nearest;
use super::server_check::Check;
use super::server_raw::Text;

/// Somebody to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct NotifyTarget {
    /// The table's name.
    pub name: String,
    /// How.
    pub channel: Channel,
    /// Of what.
    pub events: Vec<EventKind>,
    /// Of which images; none: of all.
    pub images: Vec<Pattern>,
}

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
    /// A line of JSON in the fields of the Elastic Common Schema, for a SIEM.
    File(PathBuf),
}

/// A URL, or the file that holds it: those of chat services are secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// As written.
    Url(Url),
    /// In a file.
    File(PathBuf),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Webhook,
    Slack,
    Teams,
    File,
}

/// Somebody to be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotify {
    /// `webhook` (CloudEvents), `slack`, `teams` or `file` (a line of JSON each).
    kind: Kind,
    /// Where to (not for files).
    #[schemars(with = "Option<String>")]
    url: Text,
    /// A file that holds the URL: those of chat services are secrets.
    #[schemars(with = "Option<String>")]
    url_file: Text,
    /// A file with the secret that signs messages, `whsec_…` (webhook).
    #[schemars(with = "Option<String>")]
    secret_file: Text,
    /// The file (file).
    #[schemars(with = "Option<String>")]
    path: Text,
    /// Of what: `blocked`, `would-block`, `verdict-changed` and so on. Default: all but `waived` and `first-seen`.
    #[schemars(with = "Option<Vec<String>>")]
    events: Option<Vec<Spanned<String>>>,
    /// Of which images, as in rules: `docker.io/acme/*`. Default: of all.
    #[schemars(with = "Option<Vec<String>>")]
    images: Option<Vec<Spanned<String>>>,
}

impl Check<'_> {
    pub(super) fn notify(&mut self, name: &str, raw: Spanned<RawNotify>) -> Option<NotifyTarget> {
        let whole = raw.span();
        let raw = raw.into_inner();
        let channel = self.channel(whole, &raw)?;
        let mut events = Vec::new();
        for word in raw.events.iter().flatten() {
            match EventKind::parse(word.get_ref()) {
                Some(kind) => events.push(kind),
                None => {
                    let known = EventKind::ALL.iter().map(|(_, word)| *word);
                    let near = nearest(word.get_ref(), known.clone());
                    let help = near.map_or_else(
                        || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.notes
                        .error(word.span(), format!("unknown event `{}`", word.get_ref()))
                        .help(help);
                }
            }
        }
        if raw.events.is_none() {
            let usual = EventKind::ALL.iter().map(|(kind, _)| *kind);
            events.extend(usual.filter(|kind| kind.is_usual()));
        }
        let mut images = Vec::new();
        for text in raw.images.iter().flatten() {
            match Pattern::parse(text.get_ref()) {
                Ok(pattern) => images.push(pattern),
                Err(why) => drop(self.notes.error(text.span(), why)),
            }
        }
        Some(NotifyTarget {
            name: name.to_owned(),
            channel,
            events,
            images,
        })
    }

    fn channel(&mut self, whole: Range<usize>, raw: &RawNotify) -> Option<Channel> {
        let wants_url = !matches!(raw.kind, Kind::File);
        let strangers = [
            ("url", &raw.url, wants_url),
            ("url_file", &raw.url_file, wants_url),
            ("path", &raw.path, !wants_url),
            (
                "secret_file",
                &raw.secret_file,
                matches!(raw.kind, Kind::Webhook),
            ),
        ];
        for (key, written, fits) in strangers {
            if let (Some(text), false) = (written, fits) {
                self.notes.error(
                    text.span(),
                    format!("`{key}` is not for this kind of target"),
                );
            }
        }
        let file = |text: &Text| text.as_ref().map(|text| self.resolve(text.get_ref()));
        let (path, url_file, secret_file) =
            (file(&raw.path), file(&raw.url_file), file(&raw.secret_file));
        if !wants_url {
            if path.is_none() {
                self.notes
                    .error(whole, "a target of kind \"file\" needs `path`");
            }
            return path.map(Channel::File);
        }
        let url = raw.url.clone();
        let url = self.url(url, "https://hooks.example/T000/B000");
        let address = match (url, url_file) {
            (Some(url), None) => Address::Url(url),
            (None, Some(file)) => Address::File(file),
            _ => {
                self.notes
                    .error(whole, "a target needs either `url` or `url_file`");
                return None;
            }
        };
        Some(match raw.kind {
            Kind::Slack => Channel::Slack(address),
            Kind::Teams => Channel::Teams(address),
            Kind::Webhook | Kind::File => Channel::Webhook {
                url: address,
                secret_file,
            },
        })
    }
}
