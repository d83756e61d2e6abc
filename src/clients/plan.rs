//! What would be changed, and what stands in the way.

use std::fmt;

use super::disk::{CA_FOLDER, Disk, Seen};
use super::{Client, Route, Wanted, buildkit, containerd, docker, k3s, machine, podman};

/// How a file is read by the program that it is for: what was written is read back by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, an object.
    Json,
    /// TOML.
    Toml,
    /// Certificates in PEM.
    Pem,
    /// Lines that this program writes whole.
    Lines,
}

impl Format {
    /// Whether a text is of this format.
    ///
    /// # Errors
    /// Where and what is wrong.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Format::Json => super::json_edit::object(text).map(|_| ()),
            Format::Toml => {
                let read: Result<toml::Table, _> = text.parse();
                read.map(|_| ()).map_err(|error| one_line(text, &error))
            }
            Format::Pem => match text.contains("-----BEGIN CERTIFICATE-----") {
                true => Ok(()),
                false => Err("no certificate in PEM".to_owned()),
            },
            Format::Lines => Ok(()),
        }
    }
}

/// `line 3: invalid string`.
pub(super) fn one_line(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// A file that would be other than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Absolute.
    pub path: String,
    /// What is there; none: no file.
    pub before: Option<String>,
    /// What is to be there.
    pub after: String,
    /// What reads it.
    pub format: Format,
    /// Whether there is a password in it, and nobody but its owner may read it.
    pub secret: bool,
}

/// All that a client needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files to write, in this order; empty where all is as it should be.
    pub changes: Vec<Change>,
    /// Commands to run then, a line each.
    pub then: Vec<String>,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// Why nothing is changed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  help: {}", self.path, self.why, self.remedy)
    }
}

impl Plan {
    /// Wants a file to be `after`; an error where what is there must not be touched.
    pub(super) fn write(
        &mut self,
        disk: &Disk,
        path: &str,
        after: String,
        format: Format,
    ) -> Result<(), Obstacle> {
        let before = existing(disk, path)?;
        if before != Some(after.as_str()) {
            let path = path.to_owned();
            let before = before.map(str::to_owned);
            self.changes.push(Change {
                path,
                before,
                after,
                format,
                secret: false,
            });
        }
        Ok(())
    }

    /// The authority's certificate in a folder of its own.
    pub(super) fn trust(&mut self, disk: &Disk, wanted: &Wanted) -> Result<(), Obstacle> {
        match &wanted.ca {
            Some(pem) => self.write(disk, &wanted.ca_file(), pem.clone(), Format::Pem),
            None => Ok(()),
        }
    }
}

/// The text of a file that may be edited.
pub(super) fn existing<'a>(disk: &'a Disk, path: &str) -> Result<Option<&'a str>, Obstacle> {
    match disk.files.get(path) {
        None => Ok(None),
        Some(Seen::Text(text)) => Ok(Some(text)),
        Some(Seen::Other(why)) => Err(Obstacle {
            path: path.to_owned(),
            why: why.clone(),
            remedy: "whatever manages this file must make the change; `lazaret setup` without --apply shows it for a plain file".to_owned(),
        }),
    }
}

/// What must change so that the client pulls as is wanted.
///
/// # Errors
/// [`Obstacle`]: nothing may be changed, as it cannot be changed as a whole.
pub fn plan(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = match (wanted.client, wanted.route) {
        (Client::Docker, Route::Mirror) => docker::mirror(wanted, disk)?,
        (Client::Docker, Route::Hosts) => docker::hosts(wanted, disk)?,
        (Client::Docker, Route::Proxy) => docker::proxy(wanted, disk)?,
        (Client::Containerd, Route::Hosts) => containerd::hosts(wanted, disk)?,
        (Client::Containerd, Route::Proxy) => containerd::proxy(wanted, disk)?,
        (Client::K3s, Route::Hosts) => k3s::hosts("k3s", wanted, disk)?,
        (Client::Rke2, Route::Hosts) => k3s::hosts("rke2", wanted, disk)?,
        (Client::Podman, Route::Location) => podman::location(wanted, disk)?,
        (Client::Buildkit, Route::Mirror) => buildkit::mirror(wanted, disk)?,
        (Client::Buildkit, Route::Proxy) => buildkit::proxy(wanted, disk)?,
        (Client::Machine, Route::Dns) => machine::dns(wanted, disk)?,
        (client, route) => {
            return Err(Obstacle {
                path: client.to_string(),
                why: format!("it has no route {route}"),
                remedy: format!("take --route {}", names(client.routes())),
            });
        }
    };
    for change in &mut plan.changes {
        let login = wanted.login.as_ref();
        change.secret = login.is_some_and(|login| login.is_in(&change.after));
    }
    // Written first, as whatever names it fails without it.
    plan.changes
        .sort_by_key(|change| !change.path.starts_with(CA_FOLDER));
    if plan.changes.is_empty() {
        plan.then.clear();
    }
    Ok(plan)
}

fn names(routes: &[Route]) -> String {
    let names: Vec<&str> = routes.iter().map(|route| route.name()).collect();
    names.join(" or ")
}
