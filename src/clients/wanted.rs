//! What is asked of a client's configuration.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::disk::CA_FOLDER;
use super::{Address, Login, Shown};

/// A program that pulls.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// dockerd, and the BuildKit inside of it.
    Docker,
    /// containerd, and the kubelet whose runtime it is.
    #[value(alias = "kubernetes")]
    Containerd,
    /// k3s, which writes containerd's configuration itself.
    K3s,
    /// RKE2, likewise.
    Rke2,
    /// podman, Buildah, CRI-O and skopeo: they read the same files.
    #[value(aliases = ["skopeo", "buildah", "crio", "cri-o"])]
    Podman,
    /// buildkitd by itself, and builders of `docker buildx` in containers of their own.
    #[value(alias = "buildx")]
    Buildkit,
    /// All that asks this machine for a name.
    #[value(alias = "dns")]
    Machine,
}

impl Client {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Client::Docker => "docker",
            Client::Containerd => "containerd",
            Client::K3s => "k3s",
            Client::Rke2 => "rke2",
            Client::Podman => "podman",
            Client::Buildkit => "buildkit",
            Client::Machine => "machine",
        }
    }

    /// The routes that it can take, the one that holds best first.
    pub fn routes(self) -> &'static [Route] {
        match self {
            Client::Docker => &[Route::Proxy, Route::Hosts, Route::Mirror],
            Client::Containerd => &[Route::Hosts, Route::Proxy],
            Client::K3s | Client::Rke2 => &[Route::Hosts],
            Client::Podman => &[Route::Location],
            Client::Buildkit => &[Route::Proxy, Route::Mirror],
            Client::Machine => &[Route::Dns],
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a client reaches Lazaret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// As a mirror of Docker Hub.
    Mirror,
    /// By `hosts.toml`: the gateway is the only endpoint of every registry.
    Hosts,
    /// Through the HTTPS proxy.
    Proxy,
    /// By `location` in `registries.conf`: the gateway stands for the registries that are listed.
    Location,
    /// By the registries' own names, which lead to the gateway.
    Dns,
}

impl Route {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Route::Mirror => "mirror",
            Route::Hosts => "hosts",
            Route::Proxy => "proxy",
            Route::Location => "location",
            Route::Dns => "dns",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client is to be pointed at, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which program.
    pub client: Client,
    /// Which way.
    pub route: Route,
    /// The listener of that way.
    pub address: Address,
    /// What the proxy is to be shown.
    pub login: Option<Login>,
    /// The authority that certified it, or certifies for the proxy, in PEM; none: one that the system trusts.
    pub ca: Option<String>,
    /// Registries that Lazaret knows; of a machine, the names that clients dial.
    pub registries: Vec<String>,
    /// Registries that are reached without Lazaret: internal ones.
    pub direct: Vec<String>,
    /// What it shows of itself, by `hosts.toml`.
    pub shown: Shown,
}

impl Wanted {
    /// Where the authority's certificate goes: a file for each client, so that undoing one leaves the others'.
    pub(super) fn ca_file(&self) -> String {
        format!("{CA_FOLDER}/{}.pem", self.client)
    }

    /// The same, where there is an authority.
    pub(super) fn ca_path(&self) -> Option<String> {
        self.ca.as_ref().map(|_| self.ca_file())
    }

    /// The proxy's URL with the login, if there is one: for files alone.
    pub(super) fn proxy_url(&self) -> String {
        match &self.login {
            Some(login) => login.url(&self.address),
            None => self.address.to_string(),
        }
    }

    /// Whether a text of a configuration file means this proxy, with this login.
    pub(super) fn is_proxy(&self, text: &str) -> bool {
        Login::split(text).is_ok_and(|(at, login)| at == self.address && login == self.login)
    }

    /// Whether a daemon that hides logins runs with this proxy.
    pub(super) fn runs_by(&self, text: &str) -> bool {
        Login::split(text).is_ok_and(|(at, _)| at == self.address)
    }

    /// What `NO_PROXY` must be.
    pub(super) fn no_proxy(&self) -> String {
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut all: Vec<String> = own.into_iter().chain(self.direct.iter().cloned()).collect();
        all.dedup();
        all.join(",")
    }
}
