//! What is on this machine: programs that pull, and ways out.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

use super::args::DoctorArgs;
use super::wire::Trouble;
use super::{doctor, programs, registries, setup_files};
use crate::clients::{Client, Diagnosis, Facts, Program, builders, major, of_builder};
use crate::config::Server;

/// How long a registry may take to accept a connection before the way counts as closed.
const CONNECT: Duration = Duration::from_secs(3);
/// Most registries that are tried: the built-in list has a dozen.
const MAX_TRIED: usize = 64;
/// Most builders that are looked at.
const MAX_BUILDERS: usize = 16;

/// A program with its version and what its daemon says.
pub(super) type Found = (Program, String, Facts);

/// What was found on this machine.
#[derive(Default)]
pub(super) struct Machine {
    /// Every program that can be asked to pull.
    pub(super) programs: Vec<Found>,
    /// Those that are here and cannot, and why.
    pub(super) skipped: Vec<(String, String)>,
    /// What is wrong with builders.
    pub(super) diagnoses: Vec<Diagnosis>,
}

/// What `--client` takes.
const IDS: [&str; 8] = [
    "docker",
    "docker-build",
    "buildx",
    "ctr",
    "crictl",
    "podman",
    "skopeo",
    "buildctl",
];

/// Looks for programs.
pub(super) async fn find(args: &DoctorArgs, known: &[String]) -> Result<Machine, Trouble> {
    if let Some(odd) = args.client.iter().find(|id| !IDS.contains(&id.as_str())) {
        return Err(Trouble::Other(format!(
            "--client: {odd:?} is none of {}",
            IDS.join(", ")
        )));
    }
    let mut machine = Machine::default();
    docker(args, known, &mut machine).await?;
    if here(&["ctr", "--version"]).await {
        match programs::ask(&["ctr", "version"]).await {
            Some(_) => machine.programs.push(containerd(args).await?),
            None => machine.skip("ctr", "containerd does not answer"),
        }
    }
    for (program, question) in [
        (Program::Crictl, ["crictl", "version"]),
        (Program::Podman, ["podman", "--version"]),
        (Program::Skopeo, ["skopeo", "--version"]),
    ] {
        if let Some(version) = programs::ask(&question).await {
            let facts = programs::learn(program.client()).await;
            machine
                .programs
                .push((program, first_line(&version), facts));
        }
    }
    if let Some(version) = programs::ask(&["buildctl", "--version"]).await {
        match programs::ask(&["buildctl", "debug", "workers"]).await {
            Some(_) => {
                let found = (Program::Buildctl, first_line(&version), Facts::default());
                machine.programs.push(found);
            }
            None => machine.skip("buildctl", "buildkitd does not answer"),
        }
    }
    machine.only(&args.client);
    Ok(machine)
}

impl Machine {
    fn skip(&mut self, name: &str, why: &str) {
        self.skipped.push((name.to_owned(), why.to_owned()));
    }

    /// Keeps what was asked for; what was and is not here is told.
    fn only(&mut self, wanted: &[String]) {
        if wanted.is_empty() {
            return;
        }
        let asked = |id: &str| wanted.iter().any(|wanted| wanted == id);
        self.programs.retain(|(program, ..)| asked(program.id()));
        self.skipped.retain(|(name, _)| asked(name));
        for id in wanted {
            let mut found = self.programs.iter().map(|(program, ..)| program.id());
            let skipped = self.skipped.iter().any(|(name, _)| name == id);
            if !skipped && !found.any(|found| found == id) {
                self.skip(id, "it is not here");
            }
        }
    }
}

/// dockerd, and every builder of `docker buildx`.
async fn docker(args: &DoctorArgs, known: &[String], machine: &mut Machine) -> Result<(), Trouble> {
    let Some((facts, version)) = programs::docker().await else {
        if here(&["docker", "--version"]).await {
            machine.skip("docker", "its daemon does not answer");
        }
        return Ok(());
    };
    machine
        .programs
        .push((Program::Docker, version.clone(), facts.clone()));
    if builds().await {
        machine
            .programs
            .push((Program::DockerBuild, version, facts));
    }
    let wanted = doctor::wanted(args, Client::Docker, known)?;
    let listed = programs::ask(&["docker", "buildx", "ls"]).await;
    let listed = builders(&listed.unwrap_or_default());
    for (name, driver) in listed.into_iter().take(MAX_BUILDERS) {
        let said = programs::ask(&["docker", "buildx", "inspect", &name]).await;
        let said = said.unwrap_or_default();
        let found = of_builder(&name, &driver, &said, wanted.as_ref());
        machine.diagnoses.extend(found);
        // One that does not run would be started by asking it.
        if driver != "docker" && said.contains("running") {
            machine
                .programs
                .push((Program::Buildx(name), driver, Facts::default()));
        }
    }
    Ok(())
}

async fn here(words: &[&str]) -> bool {
    programs::ask(words).await.is_some()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Whether `docker build` speaks with BuildKit here: commands since 23 need a plugin for that.
async fn builds() -> bool {
    let version = programs::ask(&["docker", "version", "--format", "{{.Client.Version}}"]).await;
    match version.as_deref().and_then(major) {
        Some(..=22) => true,
        _ => here(&["docker", "buildx", "version"]).await,
    }
}

/// Where k3s and RKE2 put the files that they write for their containerd.
const OF_K3S: [&str; 2] = [
    "/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
    "/var/lib/rancher/rke2/agent/etc/containerd/certs.d",
];

/// `ctr` reads no configuration; it is given the folder that the kubelet's pulls read.
async fn containerd(args: &DoctorArgs) -> Result<Found, Trouble> {
    let facts = programs::learn(Client::Containerd).await;
    let version = programs::ask(&["ctr", "--version"])
        .await
        .unwrap_or_default();
    let disk = setup_files::disk(&args.root, Client::Containerd)?;
    let own = disk.hosts_folder();
    let own = Some(own).filter(|folder| disk.folders.contains(folder));
    let below = |folder: &str| setup_files::below(&args.root, folder);
    let k3s = OF_K3S.iter().find(|folder| below(folder).is_dir());
    let folder = own.or_else(|| k3s.map(|&folder| folder.to_owned()));
    let folder = folder.map(|folder| below(&folder).to_string_lossy().into_owned());
    let program = Program::Ctr(folder);
    Ok((program, first_line(&version), facts))
}

/// The registries to which this machine connects by itself. `ours`: where Lazaret is; an address of it is none.
pub(super) async fn egress(
    server: &Server,
    known: &[String],
    ours: &[(String, u16)],
) -> Result<Vec<String>, Trouble> {
    let mut own: Vec<IpAddr> = Vec::new();
    for (host, port) in ours {
        let host = host.trim_matches(['[', ']']).to_owned();
        own.extend(
            resolved(&host, *port)
                .await
                .iter()
                .map(|address| address.ip()),
        );
    }
    let mut tries = JoinSet::new();
    for (name, host, port) in registries::dialled(server, known)?
        .into_iter()
        .take(MAX_TRIED)
    {
        let own = own.clone();
        tries.spawn(async move {
            let addresses = resolved(&host, port).await;
            for address in addresses
                .into_iter()
                .filter(|address| !own.contains(&address.ip()))
            {
                let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
                if matches!(connected, Ok(Ok(_))) {
                    return Some(name);
                }
            }
            None
        });
    }
    let mut reached = Vec::new();
    while let Some(done) = tries.join_next().await {
        reached.extend(done.ok().flatten());
    }
    reached.sort();
    Ok(reached)
}

/// The first addresses of a name: where one is closed the others are, too.
async fn resolved(host: &str, port: u16) -> Vec<std::net::SocketAddr> {
    let found = tokio::time::timeout(CONNECT, lookup_host((host, port))).await;
    match found {
        Ok(Ok(addresses)) => addresses.take(2).collect(),
        _ => Vec::new(),
    }
}
