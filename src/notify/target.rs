//! Somebody to be told, and how.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Mailer, Program, Secret, SyslogServer};
use crate::ledger::Event;
use crate::policy::{Quiet, Scope, Teams, Template};
use crate::upstream::Upstream;

/// A path of a server.
#[derive(Clone, Debug)]
pub struct Place {
    /// The server.
    pub upstream: Arc<Upstream>,
    /// The path there, with its query.
    pub path: String,
}

/// How a target is reached.
#[derive(Debug)]
pub enum Way {
    /// CloudEvents by HTTP, signed where there is a secret.
    Webhook(Place, Option<Box<Secret>>),
    /// Slack, or what understands its incoming webhooks.
    Slack(Place),
    /// Microsoft Teams.
    Teams(Place),
    /// PagerDuty, with the routing key of an integration.
    PagerDuty(Place, crate::upstream::Secret),
    /// Opsgenie, or what has its API, with a key.
    Opsgenie(Place, crate::upstream::Secret),
    /// Letters.
    Mail(Box<Mailer>),
    /// A server of syslog.
    Syslog(Box<SyslogServer>),
    /// A file that grows.
    File(PathBuf, Fields),
    /// A program of this machine.
    Program(Program),
}

/// The fields of lines in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// The Elastic Common Schema.
    Ecs,
    /// The Open Cybersecurity Schema Framework.
    Ocsf,
}

/// Somebody to be told.
#[derive(Debug)]
pub struct Target {
    /// What it is called in the ledger.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// What it wants to hear of.
    pub scope: Scope,
    /// When it is not disturbed.
    pub quiet: Option<Quiet>,
    /// Most messages in a minute; what is more becomes one digest. None: everything is told for itself.
    pub most_per_minute: Option<u32>,
    /// Words of the operator's own: the title, the text.
    pub words: (Option<Template>, Option<Template>),
    /// Whose images are.
    pub teams: Arc<Teams>,
    /// What messages say that they come from: where explain pages are.
    pub source: String,
}

impl Target {
    /// Whether it wants to hear of this.
    pub fn wants(&self, event: &Event) -> bool {
        let reference = event.image();
        let repository = reference.as_ref().map(|image| image.repository());
        let team = self.teams.of(repository, &event.called());
        self.scope.wants(event.kind, &event.codes, repository, team)
    }
}
