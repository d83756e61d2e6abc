//! `lazaret setup` and `lazaret doctor`: what may be said.

use std::path::PathBuf;

use crate::clients::{Client, Route, Zone};

/// Where Lazaret is, if `lazaret.toml` is not here or does not say.
#[derive(clap::Args, Debug, Default)]
pub struct Whereabouts {
    /// The server's file, for its addresses and registries.
    #[arg(long, env = "LAZARET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The mirror, as clients reach it: `https://lazaret.example:5050`.
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// The gateway, as clients reach it.
    #[arg(long, value_name = "URL")]
    pub gateway: Option<String>,
    /// The HTTPS proxy, as clients reach it; with a login where it asks for one: `http://NAME:TOKEN@host:3128`. It is
    /// written to files for their owner alone and never printed. In the environment other users do not see it.
    #[arg(
        long,
        env = "LAZARET_PROXY",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub proxy: Option<String>,
    /// The authority behind its certificate, or that of the proxy (`lazaret ca export`), PEM. Default: what the system trusts.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Registries that must go through Lazaret, beside those of the server's file.
    #[arg(long, value_name = "HOST")]
    pub registry: Vec<String>,
}

/// `lazaret setup`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  lazaret setup docker                           show what would change, as a diff
  sudo lazaret setup docker --apply              change it; what was there is kept beside each file
  sudo lazaret setup docker --check              is it in force? Exits with 1 when not
  sudo lazaret setup docker --undo               put back exactly what was there
  lazaret setup docker --route proxy --proxy http://lazaret.example:3128 --ca lazaret-ca.pem
  lazaret setup kubernetes --gateway https://lazaret.example:5443 --ca lazaret-ca.pem
  lazaret setup kubernetes --gateway https://lazaret.example:5443 --client-certificate /etc/lazaret/node.pem --client-key /etc/lazaret/node.key
  lazaret setup podman --gateway https://lazaret.example:5443 --direct registry.corp.example
  LAZARET_PROXY=http://team-a:lzp_…@lazaret.example:3128 lazaret setup docker --route proxy --ca lazaret-ca.pem
  lazaret setup machine --gateway https://192.0.2.10 --ca lazaret-ca.pem    the registries' names, in /etc/hosts
  lazaret setup machine --gateway https://192.0.2.10 --ca lazaret-ca.pem --print dnsmasq

Without --route the widest of the listeners that are known is taken: the proxy, then the gateway, then the mirror.
A file that cannot be changed safely is left alone, and so are all others. No daemon is restarted: the commands for that
are printed. lazaret doctor proves that it holds.")]
pub struct SetupArgs {
    /// What pulls. `kubernetes` is containerd; `skopeo`, `buildah` and `cri-o` are podman; `buildx` is buildkit; `machine` is
    /// all that asks this machine for a name.
    #[arg(value_name = "CLIENT")]
    pub client: Client,
    /// How it is to reach Lazaret.
    #[arg(long)]
    pub route: Option<Route>,
    /// Where Lazaret is.
    #[command(flatten)]
    pub at: Whereabouts,
    /// Of `machine`: print what the resolver of many machines is to be told, and change nothing.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["apply", "undo", "check", "json"])]
    pub print: Option<Zone>,
    /// Internal registries that are to be reached without Lazaret.
    #[arg(long, value_name = "HOST")]
    pub direct: Vec<String>,
    /// The certificate that the client shows to the gateway (`client_ca`), and its key, PEM: whole paths, as the client
    /// finds them. By hosts.toml: of `docker` and `kubernetes`.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// The key of --client-certificate.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
    /// A header that goes with every request (`[identity] header`): `X-Team: payments`. By hosts.toml.
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// Write the files.
    #[arg(long, conflicts_with_all = ["undo", "check"])]
    pub apply: bool,
    /// Put back what was there before --apply.
    #[arg(long, conflicts_with = "check")]
    pub undo: bool,
    /// Say whether it is in force, and what is wrong with it.
    #[arg(long)]
    pub check: bool,
    /// With --undo: also put back files that somebody changed since.
    #[arg(long, requires = "undo")]
    pub force: bool,
    /// Files are below this folder: to try it, or for the file system of another machine.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    pub root: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `lazaret doctor`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  sudo lazaret doctor                                       every program that is found here, at Docker Hub
  sudo lazaret doctor --client docker --registry ghcr.io    one program, another registry
  lazaret doctor --json --textfile /var/lib/node_exporter/lazaret.prom --admin http://lazaret.example:5080

It pulls two images that Lazaret itself serves under every registry, one allowed and one denied, and removes them again.
Exits with 0 when all hold, 1 when something does not, 2 when that is not known. Limits of a route (level \"limit\") count
with --strict only.")]
pub struct DoctorArgs {
    /// Only these programs: docker, docker-build, buildx, ctr, crictl, podman, skopeo, buildctl.
    #[arg(long, value_name = "PROGRAM")]
    pub client: Vec<String>,
    /// At which registries. Default: docker.io.
    #[arg(long, value_name = "HOST")]
    pub registry: Vec<String>,
    /// The admin listener, to ask whether the pulls arrived. Default: that of the server's file.
    #[arg(long, value_name = "URL")]
    pub admin: Option<String>,
    /// The server's file, for its addresses and registries.
    #[arg(long, env = "LAZARET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Do not try to connect to registries.
    #[arg(long)]
    pub no_egress_check: bool,
    /// Limits of a route count as well.
    #[arg(long)]
    pub strict: bool,
    /// Longest time of one pull, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub timeout: u16,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Also write metrics for Prometheus' node_exporter.
    #[arg(long, value_name = "FILE.prom")]
    pub textfile: Option<PathBuf>,
    /// Configuration files are below this folder.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    pub root: PathBuf,
}
