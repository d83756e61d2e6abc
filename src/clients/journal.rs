//! What `lazaret setup` did to a client, so that it can be taken back, and checked without saying it all again.

use serde::{Deserialize, Serialize};

use super::{Address, Client, Login, Route, Shown, Wanted};

/// Where journals lie, one a client.
pub const FOLDER: &str = "/etc/lazaret/setup";
/// The version of the format that is written and read.
const VERSION: u32 = 1;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Absolute.
    pub path: String,
    /// Where what was there before lies; none: there was no file.
    pub backup: Option<String>,
    /// SHA-256 of what was written, in hexadecimal digits.
    pub written: String,
}

/// All that was done to a client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    version: u32,
    /// The client.
    pub client: Client,
    /// The route.
    pub route: Route,
    address: String,
    // The journal is for its owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<Login>,
    ca: bool,
    registries: Vec<String>,
    direct: Vec<String>,
    #[serde(default, skip_serializing_if = "Shown::is_empty")]
    shown: Shown,
    /// Files in the order in which they were written.
    pub entries: Vec<Entry>,
    /// Folders that were made, outermost first.
    pub folders: Vec<String>,
}

impl Journal {
    /// One in which nothing is done yet.
    pub fn new(wanted: &Wanted) -> Journal {
        Journal {
            version: VERSION,
            client: wanted.client,
            route: wanted.route,
            address: wanted.address.to_string(),
            login: wanted.login.clone(),
            ca: wanted.ca.is_some(),
            registries: wanted.registries.clone(),
            direct: wanted.direct.clone(),
            shown: wanted.shown.clone(),
            entries: Vec::new(),
            folders: Vec::new(),
        }
    }

    /// The same files, for what is wanted now.
    #[must_use]
    pub fn renewed(self, wanted: &Wanted) -> Journal {
        Journal {
            entries: self.entries,
            folders: self.folders,
            ..Journal::new(wanted)
        }
    }

    /// The journal's own path.
    pub fn path(client: Client) -> String {
        format!("{FOLDER}/{client}.json")
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Journal, String> {
        let journal: Journal = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match journal.version {
            VERSION => Ok(journal),
            other => Err(format!("it is of version {other}, by a newer lazaret")),
        }
    }

    /// Its text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What was wanted. `ca`: the certificate that was put down, as it is there now.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn wanted(&self, ca: Option<&str>) -> Result<Wanted, String> {
        Ok(Wanted {
            client: self.client,
            route: self.route,
            address: Address::parse(&self.address)?,
            login: self.login.clone(),
            // Gone, it is still wanted: what is compared with the disk must differ from it.
            ca: self.ca.then(|| ca.unwrap_or_default().to_owned()),
            registries: self.registries.clone(),
            direct: self.direct.clone(),
            shown: self.shown.clone(),
        })
    }

    /// Where the certificate was put, if there is one.
    pub fn ca_path(&self) -> Option<&str> {
        let pem = self.entries.iter().find(|entry| {
            let path = entry.path.as_str();
            path.ends_with(".pem") || path.ends_with("/ca.crt")
        });
        pem.map(|entry| entry.path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let wanted = Wanted {
            client: Client::Docker,
            route: Route::Mirror,
            address: Address::parse("http://127.0.0.1:5050").unwrap(),
            login: None,
            ca: None,
            registries: vec!["docker.io".to_owned()],
            direct: vec!["registry.corp".to_owned()],
            shown: Shown::default(),
        };
        let mut journal = Journal::new(&wanted);
        journal.folders.push("/etc/docker".to_owned());
        let path = "/etc/docker/daemon.json".to_owned();
        journal.entries.push(Entry {
            path,
            backup: None,
            written: "00".to_owned(),
        });
        assert_eq!(Journal::read(&journal.text()).unwrap(), journal);
        assert_eq!(journal.wanted(None).unwrap(), wanted);
        let newer = journal.text().replace("\"version\": 1", "\"version\": 2");
        assert_eq!(
            Journal::read(&newer).unwrap_err(),
            "it is of version 2, by a newer lazaret"
        );
        assert!(Journal::read("{}").is_err());
    }
}
