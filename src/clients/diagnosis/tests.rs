mod running;

use super::*;
use crate::clients::{Address, Seen, Shown, plan};

const CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn wanted(client: Client, route: Route, address: &str, ca: bool) -> Wanted {
    Wanted {
        client,
        route,
        address: Address::parse(address).unwrap(),
        login: None,
        ca: ca.then(|| CA.to_owned()),
        registries: vec!["docker.io".to_owned(), "ghcr.io".to_owned()],
        direct: Vec::new(),
        shown: Shown::default(),
    }
}

fn put(disk: &mut Disk, path: &str, text: &str) {
    disk.files
        .insert(path.to_owned(), Seen::Text(text.to_owned()));
    let mut folder = path;
    while let Some((above, _)) = folder.rsplit_once('/') {
        if !above.is_empty() && !disk.folders.iter().any(|known| known == above) {
            disk.folders.push(above.to_owned());
        }
        folder = above;
    }
}

/// The disk after what was planned was written.
fn set_up(wanted: &Wanted, mut disk: Disk) -> Disk {
    for change in plan(wanted, &disk).unwrap().changes {
        put(&mut disk, &change.path, &change.after);
    }
    disk
}

/// What docker, podman and the others are after `lazaret setup`, for each way.
fn all() -> Vec<Wanted> {
    use Client::*;
    vec![
        wanted(Docker, Route::Mirror, "http://127.0.0.1:5050", false),
        wanted(Docker, Route::Mirror, "https://gw.example:5050", true),
        wanted(Docker, Route::Hosts, "https://gw.example:5443", true),
        wanted(Docker, Route::Proxy, "http://gw.example:3128", true),
        wanted(Containerd, Route::Hosts, "https://gw.example:5443", true),
        wanted(Containerd, Route::Proxy, "http://gw.example:3128", true),
        wanted(K3s, Route::Hosts, "https://gw.example:5443", true),
        wanted(Rke2, Route::Hosts, "https://gw.example:5443", false),
        wanted(Podman, Route::Location, "https://gw.example:5443", true),
        wanted(Podman, Route::Location, "http://127.0.0.1:5443", false),
        wanted(Buildkit, Route::Mirror, "http://127.0.0.1:5050", false),
        wanted(Buildkit, Route::Proxy, "http://gw.example:3128", true),
    ]
}

/// Docker of today, running with what is on disk.
fn facts(wanted: &Wanted) -> Facts {
    Facts {
        major: Some(29),
        containerd_store: Some(true),
        mirrors: Some(vec![format!("{}/", wanted.address)]),
        proxies: Some((wanted.address.to_string(), "localhost".to_owned())),
        own_registries: None,
        elsewhere: None,
    }
}

fn codes(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Vec<String> {
    let found = diagnose(wanted, disk, facts);
    let open = found.iter().filter(|one| one.level != Level::Limit);
    open.map(|one| format!("{}[{}]", one.level.name(), one.code))
        .collect()
}

#[test]
fn what_setup_writes_is_without_fault_and_planned_once() {
    for wanted in all() {
        let disk = set_up(&wanted, Disk::default());
        let found = codes(&wanted, &disk, &facts(&wanted));
        assert!(found.is_empty(), "{wanted:?}: {found:?}");
        assert!(
            plan(&wanted, &disk).unwrap().changes.is_empty(),
            "{wanted:?}"
        );
        for (path, seen) in &disk.files {
            let Seen::Text(text) = seen else { panic!() };
            assert!(!text.is_empty() && text.ends_with('\n'), "{path}");
        }
    }
}

#[test]
fn what_was_not_set_up_is_open_for_every_client() {
    for wanted in all() {
        let found = diagnose(&wanted, &Disk::default(), &facts(&wanted));
        assert_eq!(found[0].level, Level::Open, "{wanted:?}: {found:?}");
    }
}

/// Each mistake of clients.md, made on purpose: who, a file, what was in it, what is in it now, what is said of it.
#[test]
fn every_pitfall_is_seen() {
    let docker = |route, address, ca| wanted(Client::Docker, route, address, ca);
    let mirror = docker(Route::Mirror, "http://127.0.0.1:5050", false);
    let tls = docker(Route::Mirror, "https://gw.example:5050", true);
    let hosts = docker(Route::Hosts, "https://gw.example:5443", true);
    let proxy = docker(Route::Proxy, "http://gw.example:3128", true);
    let node = wanted(
        Client::Containerd,
        Route::Hosts,
        "https://gw.example:5443",
        true,
    );
    let podman = wanted(
        Client::Podman,
        Route::Location,
        "https://gw.example:5443",
        true,
    );
    let k3s = wanted(Client::K3s, Route::Hosts, "https://gw.example:5443", true);
    let kit = wanted(
        Client::Buildkit,
        Route::Mirror,
        "http://127.0.0.1:5050",
        false,
    );
    let certs = "/etc/docker/certs.d";
    let cri = "/etc/containerd/certs.d";
    let default = format!("{certs}/_default/hosts.toml");
    let node_default = format!("{cri}/_default/hosts.toml");
    let unit = "/etc/systemd/system/docker.service.d";
    let dropins = "/etc/containers/registries.conf.d";
    let server = "server = \"https://gw.example:5443\"\n";
    type Case<'a> = (&'a Wanted, String, String, &'a str);
    let table: Vec<Case<'_>> = vec![
        (&tls, format!("{unit}/zz-lazaret.conf"), String::new(), "open[mirror-ca-unseen]"),
        (&mirror, "/etc/docker/daemon.json".into(), "{".into(), "open[daemon-json-broken]"),
        (&mirror, "/etc/docker/daemon.json".into(), r#"{"registry-mirrors":["https://m","http://127.0.0.1:5050"]}"#.into(), "open[mirror-others]"),
        (&mirror, "/etc/docker/daemon.json".into(), "{}".into(), "open[mirror-not-set]"),
        (&hosts, default.clone(), "server = \n".into(), "open[hosts-broken]"),
        (&hosts, default.clone(), "[host.\"https://gw.example:5443\"]\n".into(), "open[hosts-no-server]"),
        (&hosts, default.clone(), "server = \"https://registry-1.docker.io\"\n".into(), "open[hosts-elsewhere]"),
        (&hosts, default.clone(), format!("{server}[host.\"https://mirror.example\"]\n"), "open[hosts-elsewhere]"),
        (&hosts, format!("{certs}/ghcr.io/ca.crt"), CA.into(), "open[hosts-shadowed]"),
        (&hosts, default, format!("{server}ca = \"absent.pem\"\n"), "note[hosts-ca-missing]"),
        (&hosts, "/etc/docker/daemon.json".into(), r#"{"registry-mirrors":["https://gw.example:5443"]}"#.into(), "open[mirrors-beside-hosts]"),
        (&hosts, "/etc/docker/daemon.json".into(), r#"{"insecure-registries":["localhost:5000"]}"#.into(), "note[default-catches-internal]"),
        (&proxy, "/etc/docker/daemon.json".into(), r#"{"proxies":{"https-proxy":"http://other:3128"}}"#.into(), "open[proxy-overridden]"),
        (&proxy, format!("{unit}/zzz.conf"), "[Service]\nEnvironment=NO_PROXY=.docker.io,corp\n".into(), "open[no-proxy-registry]"),
        (&proxy, format!("{unit}/zzz.conf"), "[Service]\nEnvironment=HTTPS_PROXY=http://other:3128\n".into(), "open[proxy-not-set]"),
        (&proxy, format!("{unit}/zzz.conf"), "[Service]\nEnvironment=SSL_CERT_DIR=/etc/ssl/certs\n".into(), "note[proxy-ca-unseen]"),
        (&node, "/etc/containerd/config.toml".into(), "version = 2\n".into(), "open[config-path-missing]"),
        (&node, node_default, server.into(), "open[hosts-no-table]"),
        (&node, format!("{cri}/docker.io/ca.crt"), CA.into(), "open[hosts-shadowed]"),
        (&k3s, "/etc/rancher/k3s/config.yaml.d/lazaret.yaml".into(), String::new(), "open[default-endpoint]"),
        (&k3s, "/etc/rancher/k3s/registries.yaml".into(), "mirrors:\n".into(), "open[registries-yaml-other]"),
        (&podman, format!("{dropins}/zz-lazaret.conf"), String::new(), "open[location-missing]"),
        (&podman, format!("{dropins}/zzz.conf"), "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n".into(), "open[location-elsewhere]"),
        (&podman, format!("{dropins}/zzz.conf"), "[[registry]]\nprefix = \"ghcr.io\"\nlocation = \"gw.example:5443/ghcr.io\"\n[[registry.mirror]]\nlocation = \"m\"\n".into(), "open[location-mirrors]"),
        (&podman, format!("{dropins}/00.conf"), "[[registry]]\nprefix = \"docker.io/library\"\nlocation = \"docker.io/library\"\n".into(), "open[location-shadowed]"),
        (&podman, format!("{dropins}/00.conf"), "[[".into(), "note[registries-broken]"),
        (&kit, "/etc/buildkit/buildkitd.toml".into(), String::new(), "open[buildkit-not-set]"),
        (&kit, "/etc/buildkit/buildkitd.toml".into(), "[".into(), "open[buildkit-broken]"),
    ];
    for (wanted, path, text, code) in table {
        let mut disk = set_up(wanted, Disk::default());
        put(&mut disk, &path, &text);
        let mut facts = facts(wanted);
        if wanted.client == Client::Containerd {
            facts.major = Some(1);
        }
        let found = diagnose(wanted, &disk, &facts);
        let said = codes(wanted, &disk, &facts);
        assert!(
            said.iter().any(|one| one == code),
            "{path} {text:?}: {code}, {said:?}"
        );
        for one in found {
            assert!(
                !one.remedy.is_empty() && !one.at.is_empty() && !one.text.is_empty(),
                "{one:?}"
            );
        }
    }
}

#[test]
fn builders_networks_and_modes_are_diagnosed() {
    let proxy = wanted(
        Client::Docker,
        Route::Proxy,
        "http://gw.example:3128",
        false,
    );
    assert_eq!(of_builder("default", "docker", "", Some(&proxy)), None);
    let level = |said: &str, wanted| {
        of_builder("ci", "docker-container", said, wanted)
            .unwrap()
            .level
    };
    assert_eq!(level("", Some(&proxy)), Level::Open);
    let options = "Driver Options: env.HTTPS_PROXY=\"http://gw.example:3128\"";
    assert_eq!(
        level(
            "Driver Options: env.HTTPS_PROXY=http://gw.example:3128",
            Some(&proxy)
        ),
        Level::Note
    );
    assert_eq!(level(&options.replace('"', ""), None), Level::Open);
    assert_eq!(
        level("env.HTTPS_PROXY=http://other:3128", Some(&proxy)),
        Level::Open
    );
    assert_eq!(of_egress(&[]), None);
    let text = |hosts: &[&str]| {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        of_egress(&hosts).unwrap().text
    };
    assert_eq!(
        text(&["docker.io", "ghcr.io", "quay.io"]),
        "this machine reaches docker.io and 2 more registries directly: any program that is not set up goes round Lazaret"
    );
    assert!(text(&["a", "b"]).contains("a and b directly"));
    let mirror = wanted(
        Client::Docker,
        Route::Mirror,
        "http://gw.example:5443",
        false,
    );
    assert_eq!(of_listener(&mirror, "mirror"), None);
    assert_eq!(of_listener(&proxy, "gateway"), None);
    assert_eq!(of_listener(&mirror, "gateway").unwrap().level, Level::Open);
    assert_eq!(of_mode("enforce"), None);
    assert_eq!(of_mode("audit").unwrap().level, Level::Open);
}

#[test]
fn a_client_that_lacks_the_next_authority_is_told_of() {
    let proxy = wanted(Client::Docker, Route::Proxy, "http://gw.example:3128", true);
    let names =
        |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
    let said =
        |trusted: &[&str], served: &[&str]| of_authorities(&proxy, &names(trusted), &names(served));
    let found = said(&["old"], &["old", "new"]).unwrap();
    assert_eq!(
        (found.code, found.level, found.at.as_str()),
        (
            "authority-next-unseen",
            Level::Note,
            "/etc/lazaret/trust/docker.pem"
        )
    );
    assert_eq!(
        found.text,
        "it has 1 of the 2 authorities by which Lazaret answers: pulls fail once the other one signs"
    );
    for (trusted, served) in [
        (["old", "new"].as_slice(), ["old", "new"].as_slice()),
        (&["old", "new"], &["new"]),
        (&["company"], &["old", "new"]),
        (&[], &["old"]),
        (&["old"], &[]),
    ] {
        assert_eq!(said(trusted, served), None);
    }
}

#[test]
fn what_somebody_wrote_by_hand_is_understood() {
    use crate::clients::infer;
    for wanted in all() {
        let disk = set_up(&wanted, Disk::default());
        let found = infer(wanted.client, &disk, &wanted.registries);
        if matches!(wanted.client, Client::K3s | Client::Rke2) {
            assert_eq!(found, None);
            continue;
        }
        let found = found.unwrap();
        assert_eq!(
            (found.route, found.address),
            (wanted.route, wanted.address.clone())
        );
        assert_eq!(infer(wanted.client, &Disk::default(), &[]), None);
    }
}

#[test]
fn the_page_has_every_code() {
    let page = include_str!("../../../docs/doctor.md");
    let files = [
        include_str!("../docker_faults.rs"),
        include_str!("../hosts_faults.rs"),
        include_str!("../podman_faults.rs"),
        include_str!("../buildkit.rs"),
        include_str!("../k3s.rs"),
        include_str!("../diagnosis.rs"),
    ];
    let mut codes: Vec<&str> = Vec::new();
    for text in files
        .iter()
        .flat_map(|text| text.split("Diagnosis::").skip(1))
    {
        let made = ["open(", "limit(", "note("]
            .iter()
            .any(|call| text.starts_with(call));
        let quoted = text.split('"').nth(1).filter(|_| made);
        codes.extend(quoted.filter(|code| code.contains('-') && !code.contains(' ')));
    }
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() > 25, "{codes:?}");
    for code in codes {
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/doctor.md lacks {code}"
        );
    }
}
