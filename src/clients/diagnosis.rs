//! What is wrong with a client's way to Lazaret, or limits it, and what to do about it.

use serde::Serialize;

use super::{
    Client, Disk, Obstacle, Route, Wanted, buildkit, docker_faults, hosts_faults, k3s, machine,
    masked, podman_faults,
};

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Denied images can arrive, now.
    Open,
    /// The route is like that: something is not covered, or is not when Lazaret is down.
    Limit,
    /// Good to know.
    Note,
}

impl Level {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Level::Open => "open",
            Level::Limit => "limit",
            Level::Note => "note",
        }
    }
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Stable, in kebab-case: docs/doctor.md has a line for each.
    pub code: &'static str,
    /// How bad.
    pub level: Level,
    /// The file or program that it is about.
    pub at: String,
    /// What is so.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

impl Diagnosis {
    fn new(level: Level, code: &'static str, at: &str, text: String, remedy: &str) -> Diagnosis {
        Diagnosis {
            code,
            level,
            at: at.to_owned(),
            // What programs and files say may have a proxy's login in it.
            text: masked(&text),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn open(
        code: &'static str,
        at: &str,
        text: impl Into<String>,
        remedy: &str,
    ) -> Diagnosis {
        Diagnosis::new(Level::Open, code, at, text.into(), remedy)
    }

    pub(super) fn limit(
        code: &'static str,
        at: &str,
        text: impl Into<String>,
        remedy: &str,
    ) -> Diagnosis {
        Diagnosis::new(Level::Limit, code, at, text.into(), remedy)
    }

    pub(super) fn note(
        code: &'static str,
        at: &str,
        text: impl Into<String>,
        remedy: &str,
    ) -> Diagnosis {
        Diagnosis::new(Level::Note, code, at, text.into(), remedy)
    }
}

/// What programs say of themselves; nothing where they were not asked or did not answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Major version of the daemon.
    pub major: Option<u32>,
    /// Whether Docker keeps images in the containerd store.
    pub containerd_store: Option<bool>,
    /// The mirrors that dockerd runs with.
    pub mirrors: Option<Vec<String>>,
    /// The proxy that dockerd runs with, and what goes past it.
    pub proxies: Option<(String, String)>,
    /// The user's own `registries.conf` or a folder beside it, where there is one.
    pub own_registries: Option<String>,
    /// Why this dockerd reads other files than `/etc/docker`, if it does.
    pub elsewhere: Option<&'static str>,
}

/// What is wrong with a client's configuration, the worst first.
pub fn diagnose(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Vec<Diagnosis> {
    let mut found = match (wanted.client, wanted.route) {
        (Client::Docker, _) if facts.elsewhere.is_some() => docker_faults::elsewhere(facts),
        (Client::Docker, Route::Hosts) => {
            let mut found = docker_faults::hosts(disk, facts);
            found.extend(hosts_faults::of_docker(wanted, disk));
            found
        }
        (Client::Docker, Route::Proxy) => docker_faults::proxy(wanted, disk, facts),
        (Client::Docker, _) => docker_faults::mirror(wanted, disk, facts),
        (Client::Containerd, Route::Proxy) => {
            docker_faults::environment(wanted, disk, "containerd")
        }
        (Client::Containerd, _) => hosts_faults::of_containerd(wanted, disk, facts),
        (Client::K3s, _) => k3s::faults("k3s", wanted, disk),
        (Client::Rke2, _) => k3s::faults("rke2", wanted, disk),
        (Client::Podman, _) => podman_faults::faults(wanted, disk, facts),
        (Client::Buildkit, Route::Proxy) => docker_faults::environment(wanted, disk, "buildkit"),
        (Client::Buildkit, _) => buildkit::faults(wanted, disk),
        (Client::Machine, _) => machine::faults(wanted, disk),
    };
    found.sort_by_key(|one| one.level);
    found
}

/// Why what is planned for a client would not hold with the daemon that runs here, if it would not.
pub fn hindrance(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Option<Obstacle> {
    match wanted.client {
        Client::Docker => docker_faults::hindrance(wanted, disk, facts),
        _ => None,
    }
}

/// What is so of a builder of `docker buildx` that runs in a container of its own: it inherits nothing of the daemon.
/// `options`: what `docker buildx inspect` says of it.
pub fn of_builder(
    name: &str,
    driver: &str,
    options: &str,
    wanted: Option<&Wanted>,
) -> Option<Diagnosis> {
    if !matches!(driver, "docker-container" | "kubernetes" | "remote") {
        return None;
    }
    let proxied = wanted.is_some_and(|wanted| {
        let mut values = options.split(['"', '\'', ' ', '\n', ',']);
        wanted.route == Route::Proxy
            && values.any(|word| {
                let value = word.rsplit_once("HTTPS_PROXY=");
                value.is_some_and(|(_, url)| wanted.is_proxy(url))
            })
    });
    let at = format!("buildx builder {name}");
    Some(match proxied {
        true => Diagnosis::note(
            "buildx-container",
            &at,
            "it runs in a container of its own, and has the proxy from its own options",
            "nothing; it must be made anew when the proxy's address changes",
        ),
        false => Diagnosis::open(
            "buildx-container",
            &at,
            format!(
                "its driver is {driver}: it inherits neither mirrors nor proxy of the daemon, and pulls by itself"
            ),
            "make it anew with the proxy: docker buildx create --driver-opt env.HTTPS_PROXY=http://LAZARET:3128 --buildkitd-config FILE …, or remove it: docker buildx rm NAME; an egress rule stops the next one",
        ),
    })
}

/// What is so where a registry can be reached from here without Lazaret.
pub fn of_egress(reached: &[String]) -> Option<Diagnosis> {
    let hosts = match reached {
        [] => return None,
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} more registries", rest.len()),
    };
    Some(Diagnosis::limit(
        "egress-open",
        "network",
        format!(
            "this machine reaches {hosts} directly: any program that is not set up goes round Lazaret"
        ),
        "let only Lazaret reach registries: docs/enforcement.md; --no-egress-check leaves this out",
    ))
}

/// What is so where a mirror's pulls came to another kind of listener: its refusals do not end them.
pub fn of_listener(wanted: &Wanted, listener: &str) -> Option<Diagnosis> {
    let astray = wanted.route == Route::Mirror && listener == "gateway";
    astray.then(|| {
        Diagnosis::open(
            "mirror-at-gateway",
            &wanted.address.to_string(),
            "pulls of a mirror come to the gateway's listener: its refusal is an ordinary 403, after which the registry is asked",
            "name the mirror's listener: lazaret setup CLIENT --route mirror --mirror URL --apply",
        )
    })
}

/// What is so where Lazaret answers by several authorities, `served`, and the client was given some of them: those that it
/// does not know it will not know when they sign. Both by their fingerprints.
pub fn of_authorities(wanted: &Wanted, trusted: &[String], served: &[String]) -> Option<Diagnosis> {
    let known = served.iter().filter(|one| trusted.contains(one)).count();
    // None at all: what it was given is for something else, a company's certificate.
    let some = known > 0 && known < served.len();
    some.then(|| {
        Diagnosis::note(
            "authority-next-unseen",
            &wanted.ca_file(),
            format!("it has {known} of the {} authorities by which Lazaret answers: pulls fail once the other one signs", served.len()),
            "give it both: lazaret ca export on the server, then lazaret setup CLIENT --ca FILE --apply, before lazaret ca rotate --finish",
        )
    })
}

/// What is so of the mode of the server's policy.
pub fn of_mode(mode: &str) -> Option<Diagnosis> {
    (mode == "audit").then(|| {
        Diagnosis::open(
            "audit-mode",
            "policy",
            "the policy is in audit mode: the way holds, and no image is blocked",
            "mode = \"enforce\" in policy.toml",
        )
    })
}

#[cfg(test)]
mod tests;
