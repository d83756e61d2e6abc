//! `[notify.NAME]`: who is told of what, when, and in which words.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::policy::{
    Code, EventKind, FIELDS, Pattern, Quiet, Scope, Template, TemplateError, Urgency,
};

use super::diagnostic::nearest;
use super::server_channel::{Channel, Kind};
use super::server_check::Check;
use super::server_raw::Text;
use super::server_team::RawHook;
use super::units::AddressRange;

/// Messages that a target hears one by one in a minute where nobody says otherwise: as many as somebody reads.
const MOST_PER_MINUTE: u32 = 10;
/// Most that may be said: chat services take about one a second.
const MAX_PER_MINUTE: u32 = 60;

type Tables<T> = Option<BTreeMap<String, Spanned<T>>>;
pub(super) type Words = Option<Vec<Spanned<String>>>;

/// Somebody to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct NotifyTarget {
    /// The table's name; of hooks, `hook:` and the table's name.
    pub name: String,
    /// How.
    pub channel: Channel,
    /// Of what.
    pub scope: Scope,
    /// When not.
    pub quiet: Option<Quiet>,
    /// Title and text in words of the operator's own.
    pub words: (Option<Template>, Option<Template>),
    /// Most messages in a minute; none: each event is told for itself.
    pub most_per_minute: Option<u32>,
    /// Private ranges in which it may lie.
    pub allow_addresses: Vec<AddressRange>,
    /// Its certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Somebody to be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotify {
    /// How.
    pub(super) kind: Kind,
    /// Where to, for those that are reached by HTTP.
    #[schemars(with = "Option<String>")]
    pub(super) url: Text,
    /// A file that holds the URL: those of chat services are secrets.
    #[schemars(with = "Option<String>")]
    pub(super) url_file: Text,
    /// A file with the secret that signs messages, `whsec_…` (webhook).
    #[schemars(with = "Option<String>")]
    pub(super) secret_file: Text,
    /// A file with the routing key (pagerduty) or the API's key (opsgenie).
    #[schemars(with = "Option<String>")]
    pub(super) key_file: Text,
    /// The file (file).
    #[schemars(with = "Option<String>")]
    pub(super) path: Text,
    /// Whose fields: `ecs` or `ocsf` (file). Default: `ecs`.
    #[schemars(with = "Option<String>")]
    pub(super) fields: Text,
    /// Host and port (mail), or `udp://`, `tcp://` or `tls://` before them (syslog).
    #[schemars(with = "Option<String>")]
    pub(super) server: Text,
    /// `starttls`, `tls` or `plain` (mail). Default: `starttls`.
    #[schemars(with = "Option<String>")]
    pub(super) security: Text,
    /// Whether `plain` may leave this machine (mail). Default: false.
    pub(super) allow_plain: Option<bool>,
    /// Who we are there (mail).
    #[schemars(with = "Option<String>")]
    pub(super) username: Text,
    /// A file with the password (mail).
    #[schemars(with = "Option<String>")]
    pub(super) password_file: Text,
    /// Whom letters are from (mail).
    #[schemars(with = "Option<String>")]
    pub(super) from: Text,
    /// To whom (mail).
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) to: Words,
    /// `local0` and so on (syslog). Default: `local0`.
    #[schemars(with = "Option<String>")]
    pub(super) facility: Text,
    /// Of what: `blocked`, `would-block`, `verdict-changed` and so on. Default: all but `waived` and `first-seen`.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) events: Words,
    /// Of which images, as in rules: `docker.io/acme/*`. Default: of all.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) images: Words,
    /// Only with one of these findings, as docs/findings.md has them.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) findings: Words,
    /// At least so urgent: `info`, `warning`, `error` or `critical`. Default: `info`.
    #[schemars(with = "Option<String>")]
    pub(super) at_least: Text,
    /// Only what belongs to one of these `[team.NAME]`.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) teams: Words,
    /// Not between these times: `22:00-07:00`. What happens then is told afterwards, in one message.
    #[schemars(with = "Option<String>")]
    pub(super) quiet: Text,
    /// Not on these days at all: `saturday`.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) quiet_days: Words,
    /// Whose clock: `Europe/Berlin`. Default: `UTC`.
    #[schemars(with = "Option<String>")]
    pub(super) time_zone: Text,
    /// What is so urgent is told in quiet hours too. Default: `critical`.
    #[schemars(with = "Option<String>")]
    pub(super) quiet_lets: Text,
    /// The title in your words, in which `{image}` and the like stand for what happened.
    #[schemars(with = "Option<String>")]
    pub(super) title: Text,
    /// The text in your words.
    #[schemars(with = "Option<String>")]
    pub(super) text: Text,
    /// Most messages in a minute; what is more becomes one. Default: 10.
    #[schemars(with = "Option<u32>")]
    pub(super) most_per_minute: Option<Spanned<u32>>,
    /// Private ranges in which its host may lie.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) allow_addresses: Words,
    /// Its certificate authority, PEM.
    #[schemars(with = "Option<String>")]
    pub(super) ca_file: Text,
}

impl Check<'_> {
    pub(super) fn told(
        &mut self,
        notify: Tables<RawNotify>,
        hooks: Tables<RawHook>,
    ) -> Vec<NotifyTarget> {
        let notify = notify.into_iter().flatten();
        let mut targets: Vec<NotifyTarget> = notify
            .filter_map(|(name, raw)| self.notify(&name, raw))
            .collect();
        let hooks = hooks.into_iter().flatten();
        targets.extend(hooks.filter_map(|(name, raw)| self.hook(&name, raw)));
        targets
    }

    fn notify(&mut self, name: &str, raw: Spanned<RawNotify>) -> Option<NotifyTarget> {
        let whole = raw.span();
        let raw = raw.into_inner();
        let channel = self.channel(whole, &raw)?;
        let scope = Scope {
            events: self.events(raw.events.as_ref()),
            images: self.patterns(raw.images.as_ref()),
            findings: self.codes(raw.findings.as_ref()),
            least: self.urgency(raw.at_least.as_ref(), Urgency::Info),
            teams: self.team_names(raw.teams.as_ref()),
        };
        // Machines read every line; what is more than people read becomes one message for them.
        let machine = matches!(
            channel,
            Channel::Webhook { .. } | Channel::File { .. } | Channel::Syslog { .. }
        );
        let most_per_minute = raw.most_per_minute.as_ref().map(|most| *most.get_ref());
        if let Some(most) = &raw.most_per_minute
            && !(1..=MAX_PER_MINUTE).contains(most.get_ref())
        {
            self.notes
                .error(most.span(), "that is not how fast people read")
                .help(format!("write a number from 1 to {MAX_PER_MINUTE}"));
        }
        Some(NotifyTarget {
            name: name.to_owned(),
            scope,
            quiet: self.quiet(&raw),
            words: (
                self.template(raw.title.as_ref()),
                self.template(raw.text.as_ref()),
            ),
            most_per_minute: most_per_minute.or((!machine).then_some(MOST_PER_MINUTE)),
            allow_addresses: self.ranges(raw.allow_addresses),
            ca_file: self.path(raw.ca_file),
            channel,
        })
    }

    /// A word of a list, or a mistake that names the nearest.
    pub(super) fn word<T>(
        &mut self,
        written: &Spanned<String>,
        what: &str,
        known: impl Iterator<Item = &'static str> + Clone,
        find: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let word = written.get_ref();
        let found = find(word);
        if found.is_none() {
            let help = nearest(word, known.clone()).map_or_else(
                || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.notes
                .error(written.span(), format!("unknown {what} `{word}`"))
                .help(help);
        }
        found
    }

    pub(super) fn events(&mut self, written: Option<&Vec<Spanned<String>>>) -> Vec<EventKind> {
        let Some(written) = written else {
            return Scope::usual().events;
        };
        let known = EventKind::ALL.iter().map(|(_, word)| *word);
        let words = written.iter();
        words
            .filter_map(|word| self.word(word, "event", known.clone(), EventKind::parse))
            .collect()
    }

    pub(super) fn codes(&mut self, written: Option<&Vec<Spanned<String>>>) -> Vec<Code> {
        let known = Code::ALL.iter().map(|code| code.as_str());
        let find = |word: &str| Code::ALL.iter().copied().find(|code| code.as_str() == word);
        let words = written.into_iter().flatten();
        words
            .filter_map(|word| self.word(word, "finding", known.clone(), find))
            .collect()
    }

    pub(super) fn urgency(&mut self, written: Option<&Spanned<String>>, usual: Urgency) -> Urgency {
        let known = Urgency::ALL.iter().map(|(_, word)| *word);
        let found = written.and_then(|word| self.word(word, "urgency", known, Urgency::parse));
        found.unwrap_or(usual)
    }

    pub(super) fn patterns(&mut self, written: Option<&Vec<Spanned<String>>>) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for text in written.into_iter().flatten() {
            match Pattern::parse(text.get_ref()) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => drop(self.notes.error(text.span(), why)),
            }
        }
        patterns
    }

    pub(super) fn team_names(&mut self, written: Option<&Vec<Spanned<String>>>) -> Vec<String> {
        let mut names = Vec::new();
        for word in written.into_iter().flatten() {
            let name = word.get_ref();
            if self.teams.iter().any(|known| known == name) {
                names.push(name.clone());
                continue;
            }
            let near = nearest(name, self.teams.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add [team.{name}]"),
            };
            self.notes
                .error(word.span(), format!("there is no team `{name}`"))
                .help(help);
        }
        names
    }

    fn template(&mut self, written: Option<&Spanned<String>>) -> Option<Template> {
        let written = written?;
        match Template::parse(written.get_ref()) {
            Ok(template) => Some(template),
            Err(error) => {
                let help = match &error {
                    TemplateError::Unknown(name) => match nearest(name, FIELDS.iter().copied()) {
                        Some(near) => format!("did you mean `{{{near}}}`?"),
                        None => format!("known are {}", FIELDS.join(", ")),
                    },
                    TemplateError::Brace => "write {{ or }} for a brace".to_owned(),
                    TemplateError::TooLong => "send less, and link to {why}".to_owned(),
                };
                self.notes
                    .error(written.span(), error.to_string())
                    .help(help);
                None
            }
        }
    }

    fn quiet(&mut self, raw: &RawNotify) -> Option<Quiet> {
        let hours = raw.quiet.as_ref().and_then(|text| self.hours(text));
        let mut days = Vec::new();
        let known = WEEKDAYS.iter().map(|(_, word)| *word);
        let find = |word: &str| {
            let found = WEEKDAYS.iter().find(|(_, known)| *known == word);
            found.map(|(day, _)| *day)
        };
        for word in raw.quiet_days.iter().flatten() {
            days.extend(self.word(word, "day", known.clone(), find));
        }
        if let Some(word) = raw.quiet_days.iter().flatten().last()
            && WEEKDAYS.iter().all(|(day, _)| days.contains(day))
        {
            self.notes
                .error(word.span(), "quiet on all days: nobody would ever be told")
                .help("remove the target, or a day");
        }
        let zone = match &raw.time_zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name.get_ref()).unwrap_or_else(|_| {
                let wrong = format!("`{}` is no time zone", name.get_ref());
                self.notes
                    .error(name.span(), wrong)
                    .help("write one of the IANA's names, as in `Europe/Berlin`");
                TimeZone::UTC
            }),
        };
        let lets = self.urgency(raw.quiet_lets.as_ref(), Urgency::Critical);
        let some = hours.is_some() || !days.is_empty();
        self.needs(some, &raw.time_zone, "time_zone");
        self.needs(some, &raw.quiet_lets, "quiet_lets");
        some.then_some(Quiet {
            hours,
            days,
            zone,
            lets: Some(lets),
        })
    }

    fn needs(&mut self, quiet: bool, written: &Text, key: &str) {
        if let (false, Some(written)) = (quiet, written) {
            self.notes
                .error(written.span(), format!("`{key}` without quiet hours"))
                .help("add quiet = \"22:00-07:00\" or quiet_days");
        }
    }

    fn hours(&mut self, text: &Spanned<String>) -> Option<(Time, Time)> {
        let read = || {
            let (from, to) = text.get_ref().split_once('-')?;
            let time = |text: &str| text.trim().parse::<Time>().ok();
            time(from).zip(time(to)).filter(|(from, to)| from != to)
        };
        let hours = read();
        if hours.is_none() {
            let span: Range<usize> = text.span();
            self.notes
                .error(span, format!("`{}` are no hours", text.get_ref()))
                .help("write `22:00-07:00`");
        }
        hours
    }
}

const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "monday"),
    (Weekday::Tuesday, "tuesday"),
    (Weekday::Wednesday, "wednesday"),
    (Weekday::Thursday, "thursday"),
    (Weekday::Friday, "friday"),
    (Weekday::Saturday, "saturday"),
    (Weekday::Sunday, "sunday"),
];

#[cfg(test)]
#[path = "server_notify_tests.rs"]
mod tests;
