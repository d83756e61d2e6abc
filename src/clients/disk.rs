//! What is on disk, as far as a client reads it.

use std::collections::BTreeMap;

use super::Client;

/// Where certificates of authorities go. The folder is named to daemons as a whole, so it holds nothing else.
pub const CA_FOLDER: &str = "/etc/lazaret/trust";

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A file, and what is in it.
    Text(String),
    /// Something that is not to be touched, and why.
    Other(String),
}

/// Files and folders by their absolute path on the machine that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// What is there.
    pub files: BTreeMap<String, Seen>,
    /// Folders that are there.
    pub folders: Vec<String>,
}

impl Disk {
    /// The text of a file; none where there is none, or none that can be read.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.files.get(path) {
            Some(Seen::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Files below a folder, at any depth, with their paths.
    pub(super) fn below<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Seen)> {
        let inside = move |path: &str| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let files = self.files.iter().filter(move |(path, _)| inside(path));
        files.map(|(path, seen)| (path.as_str(), seen))
    }

    /// Where containerd looks for `hosts.toml` files.
    pub fn hosts_folder(&self) -> String {
        let own = self.elsewhere();
        own.unwrap_or_else(|| super::containerd::CERTS.to_owned())
    }

    /// The folder of `hosts.toml` files, if it is not the usual one, that containerd's configuration names.
    pub fn elsewhere(&self) -> Option<String> {
        let config = self.text(super::containerd::CONFIG)?;
        let path = super::containerd::config_path(config)?;
        (path != super::containerd::CERTS).then_some(path)
    }

    /// The names of the folders that lie in a folder.
    pub(super) fn folders_in<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.folders.iter().filter_map(move |path| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/')).then_some(name)
        })
    }
}

/// What must be looked at for a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Single files.
    pub files: Vec<String>,
    /// Folders, with what is in them and in the folders in them.
    pub folders: Vec<String>,
}

/// What must be looked at to plan for a client and to diagnose it.
pub fn look(client: Client) -> Look {
    let (files, folders): (&[&str], &[&str]) = match client {
        Client::Docker => (
            &["/etc/docker/daemon.json"],
            &[
                "/etc/docker/certs.d",
                "/etc/systemd/system/docker.service.d",
            ],
        ),
        Client::Containerd => (
            &["/etc/containerd/config.toml"],
            &[
                "/etc/containerd/certs.d",
                "/etc/systemd/system/containerd.service.d",
            ],
        ),
        Client::K3s => (
            &[
                "/etc/rancher/k3s/registries.yaml",
                "/etc/rancher/k3s/config.yaml",
            ],
            &["/etc/rancher/k3s/config.yaml.d"],
        ),
        Client::Rke2 => (
            &[
                "/etc/rancher/rke2/registries.yaml",
                "/etc/rancher/rke2/config.yaml",
            ],
            &["/etc/rancher/rke2/config.yaml.d"],
        ),
        Client::Podman => (
            &["/etc/containers/registries.conf"],
            &[
                "/etc/containers/registries.conf.d",
                "/etc/containers/certs.d",
            ],
        ),
        Client::Buildkit => (
            &["/etc/buildkit/buildkitd.toml"],
            &["/etc/systemd/system/buildkit.service.d"],
        ),
        Client::Machine => (&["/etc/hosts"], &[]),
    };
    let owned = |all: &[&str]| all.iter().map(|&path| path.to_owned()).collect();
    let mut look = Look {
        files: owned(files),
        folders: owned(folders),
    };
    look.folders.push(CA_FOLDER.to_owned());
    look
}
