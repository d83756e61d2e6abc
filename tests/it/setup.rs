//! `lazaret setup` and `lazaret doctor`, as a person or a fleet calls them, with programs of ours in the places of clients.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lazaret::canary::proof;
use tempfile::TempDir;

use crate::support::client::{Client, Outcome};
use crate::support::gate::CLASSIC_DOCKER;

pub(crate) struct Machine {
    folder: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root/etc", "bin"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Machine { folder }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder
            .path()
            .join("root")
            .join(path.trim_start_matches('/'))
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// A file with an authority in it.
    pub(crate) fn authority(&self) -> String {
        let now = lazaret::telemetry::now();
        let (pem, _) = lazaret::ca::Authority::make(&["ghcr.io".to_owned()], now).unwrap();
        let path = self.folder.path().join("ca.pem");
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    }

    /// A program of the name of a client.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.folder.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs lazaret with nothing on its path but our programs and a shell's own.
    pub(crate) fn run(&self, words: &[&str]) -> (i32, String, String) {
        let bin = self.folder.path().join("bin");
        for tool in ["sh", "grep", "cat", "cut", "sha256sum"] {
            let link = bin.join(tool);
            let real = ["/bin", "/usr/bin"].map(|at| Path::new(at).join(tool));
            let real = real.iter().find(|path| path.exists()).unwrap();
            let _ = std::os::unix::fs::symlink(real, link);
        }
        let mut all: Vec<&str> = words.to_vec();
        let root = self.path("/").display().to_string();
        all.extend(["--root", root.trim_end_matches('/')]);
        let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(&all)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", bin)
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

#[test]
fn a_newcomers_first_command_shows_and_changes_nothing() {
    let machine = Machine::new();
    machine.put(
        "/etc/docker/daemon.json",
        "{\n  \"log-level\": \"warn\"\n}\n",
    );
    let (code, out, err) = machine.run(&["setup", "docker"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        "--- /etc/docker/daemon.json\n+++ /etc/docker/daemon.json\n@@ -1,3 +1,4 @@\n {\n-  \"log-level\": \"warn\"\n+  \"log-level\": \"warn\",\n+  \"registry-mirrors\": [\"http://127.0.0.1:5050\"]\n }\n"
    );
    assert_eq!(
        err,
        "docker: 1 file would change (route mirror, http://127.0.0.1:5050); --apply writes them\n  note: a mirror covers Docker Hub alone, and Docker goes there by itself while Lazaret is down; --route proxy holds\nthen:\n  systemctl restart docker\n"
    );
    assert_eq!(
        machine.text("/etc/docker/daemon.json"),
        "{\n  \"log-level\": \"warn\"\n}\n"
    );
    assert!(!machine.path("/etc/lazaret").exists());
}

#[test]
fn applied_checked_and_undone() {
    let machine = Machine::new();
    let (code, _, err) = machine.run(&["setup", "docker", "--check"]);
    assert_eq!(
        (code, err.as_str()),
        (
            1,
            "docker: NOT in force (route mirror, http://127.0.0.1:5050)\n"
        )
    );
    let (code, _, err) = machine.run(&["setup", "docker", "--apply"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.starts_with("docker: 1 file written"), "{err}");
    assert_eq!(
        machine.text("/etc/docker/daemon.json"),
        "{\n  \"registry-mirrors\": [\"http://127.0.0.1:5050\"]\n}\n"
    );
    let (code, out, err) = machine.run(&["setup", "docker", "--check"]);
    assert_eq!(
        (code, err.as_str()),
        (
            0,
            "docker: in force (route mirror, http://127.0.0.1:5050)\n"
        )
    );
    assert!(
        out.contains(
            "limit[mirror-fails-open] /etc/docker/daemon.json: a mirror covers Docker Hub alone"
        ),
        "{out}"
    );
    let (_, out, _) = machine.run(&["setup", "docker", "--check", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&said["in_force"], &said["route"]),
        (&true.into(), &"mirror".into())
    );
    // Another route beside it would leave both.
    let proxy = [
        "setup",
        "docker",
        "--route",
        "hosts",
        "--gateway",
        "https://gw.example",
    ];
    let (code, _, err) = machine.run(&proxy);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: docker is set up by route mirror: take that back first (lazaret setup docker --undo)\n"
    );
    let (code, out, _) = machine.run(&["setup", "docker", "--undo"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "put back /etc/docker/daemon.json\n")
    );
    assert_eq!(fs::read_dir(machine.path("/etc")).unwrap().count(), 0);
    let (code, _, err) = machine.run(&["setup", "docker", "--undo"]);
    assert_eq!(
        (code, err.as_str()),
        (2, "error: docker was not set up here: nothing to undo\n")
    );
}

#[test]
fn what_is_missing_or_wrong_is_told_with_its_remedy() {
    let machine = Machine::new();
    machine.put("/no-certificate.pem", "nothing");
    let file = machine.path("/no-certificate.pem").display().to_string();
    for (words, said) in [
        (
            vec!["setup", "podman"],
            "error: where is Lazaret? podman needs [gateway] in lazaret.toml (name the file with --config), or --gateway https://lazaret.example:5443\n",
        ),
        (
            vec!["setup", "k3s", "--route", "mirror", "--mirror", "http://gw"],
            "error: k3s: it has no route mirror\n  help: take --route hosts\n",
        ),
        (
            vec!["setup", "docker", "--mirror", "gw/path"],
            "error: \"gw/path\" is no address of a listener; write https://lazaret.example:5443\n",
        ),
        (
            vec!["setup", "docker", "--direct", "../../etc"],
            "error: \"../../etc\" is no registry; write registry.corp.example or registry.corp.example:5000\n",
        ),
        (
            vec!["doctor", "--client", "rkt"],
            "error: --client: \"rkt\" is none of docker, docker-build, buildx, ctr, crictl, podman, skopeo, buildctl\n",
        ),
    ] {
        let (code, out, err) = machine.run(&words);
        assert_eq!(
            (code, out.as_str(), err.as_str()),
            (2, "", said),
            "{words:?}"
        );
    }
    let (code, _, err) = machine.run(&["setup", "docker", "--mirror", "https://gw", "--ca", &file]);
    assert!(code == 2 && err.contains("no-certificate.pem: "), "{err}");
    let proxy = [
        "setup",
        "docker",
        "--route",
        "proxy",
        "--proxy",
        "http://gw:3128",
    ];
    let (code, _, err) = machine.run(&proxy);
    assert!(code == 2 && err.contains("name it with --ca FILE"), "{err}");
}

#[test]
fn a_servers_file_says_where_lazaret_is() {
    let machine = Machine::new();
    let at = |toml: &str, words: &[&str]| {
        fs::write(machine.folder.path().join("lazaret.toml"), toml).unwrap();
        let mut all = words.to_vec();
        all.extend(["--config", "lazaret.toml"]);
        machine.run(&all)
    };
    let toml = "external_url = \"http://gw.example:5080\"\n[gateway]\nlisten = \"0.0.0.0:5443\"\nplain_http = true\n[[registry]]\nhost = \"registry.acme.example\"\n";
    let (code, out, err) = at(toml, &["setup", "podman"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("+prefix = \"registry.acme.example\"\n+location = \"gw.example:5443/registry.acme.example\"\n+insecure = true"),
        "{out}"
    );
    let (code, _, err) = at(
        "[gateway]\nlisten = \"0.0.0.0:5443\"\nplain_http = true\n",
        &["setup", "podman"],
    );
    assert!(
        code == 2 && err.contains("under which name do clients reach it?"),
        "{err}"
    );
}

/// A docker whose pulls go through a Lazaret: it prints what the server would have said.
fn docker(machine: &Machine, denied: &str) {
    machine.program(
        "docker",
        &format!(
            r#"case "$*" in
  "--version") echo "Docker version 28.5.2" ;;
  "info "*) echo '{{"ServerVersion":"28.5.2","DriverStatus":[],"RegistryConfig":{{"Mirrors":["http://127.0.0.1:5050/"]}},"HttpsProxy":"","NoProxy":""}}' ;;
  "version "*) echo 28.5.2 ;;
  "buildx ls") cat "$HOME/buildx" 2>/dev/null ;;
  "buildx "*) exit 1 ;;
  "pull "*allowed*) echo pulled; echo "$2" >> "$HOME/pulled" ;;
  "pull "*denied*) {denied} ;;
  "rmi -f "*) echo "$3" >> "$HOME/removed" ;;
  *) exit 9 ;;
esac"#
        ),
    );
}

#[test]
fn a_client_that_goes_elsewhere_is_told_from_one_that_is_not_here() {
    let machine = Machine::new();
    let (code, out, err) = machine.run(&["doctor", "--no-egress-check"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (
            2,
            "no program that pulls images was found here\n",
            "not known of all\n"
        )
    );
    docker(&machine, "echo 'pull access denied' >&2; exit 1");
    machine.run(&["setup", "docker", "--apply"]);
    let (code, out, err) = machine.run(&[
        "doctor",
        "--no-egress-check",
        "--admin",
        "http://127.0.0.1:1",
    ]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.starts_with("docker (28.5.2)\n  docker.io            OPEN: Lazaret was asked, and somebody else after it\n                       the allowed image arrived; no reason of Lazaret's was shown; the server could not be asked\n                       it said: pull access denied\n"), "{out}");
    // What arrived is removed again.
    let read = |name: &str| fs::read_to_string(machine.folder.path().join(name)).unwrap();
    assert_eq!(read("pulled"), read("removed"));
    assert!(read("pulled").starts_with("docker.io/lazaret--canary/allowed:01"));
    docker(&machine, "exit 0");
    let (code, out, _) = machine.run(&[
        "doctor",
        "--no-egress-check",
        "--admin",
        "http://127.0.0.1:1",
    ]);
    assert!(
        code == 1 && out.contains("OPEN: the denied image arrived"),
        "{out}"
    );
    docker(&machine, "while :; do :; done");
    let (code, out, _) = machine.run(&[
        "doctor",
        "--no-egress-check",
        "--admin",
        "http://127.0.0.1:1",
        "--timeout",
        "1",
    ]);
    assert!(
        code == 2 && out.contains("not known: the program came to no end"),
        "{out}"
    );
}

#[test]
fn a_builder_in_a_container_is_open_and_metrics_say_so() {
    let machine = Machine::new();
    docker(&machine, "exit 1");
    fs::write(
        machine.folder.path().join("buildx"),
        "NAME/NODE DRIVER/ENDPOINT\nci* docker-container\n",
    )
    .unwrap();
    let file = machine.path("/lazaret.prom").display().to_string();
    let words = [
        "doctor",
        "--no-egress-check",
        "--admin",
        "http://127.0.0.1:1",
        "--json",
        "--textfile",
        &file,
    ];
    let (code, out, _) = machine.run(&words);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &said["exit_code"]), (1, &1.into()));
    assert_eq!(said["diagnoses"][0]["code"], "buildx-container");
    assert_eq!(said["checked"][0]["tried"][0]["outcome"], "went-on");
    let metrics = machine.text("/lazaret.prom");
    for line in [
        "lazaret_doctor_holds{program=\"docker\",registry=\"docker.io\"} 0",
        "lazaret_doctor_diagnoses{level=\"open\"} 1",
        "lazaret_doctor_exit_code 1",
    ] {
        assert!(
            metrics.lines().any(|known| known == line),
            "{line}: {metrics}"
        );
    }
}

/// A server of its own, on ports of its own.
struct Server {
    child: Child,
    mirror: String,
    admin: String,
}

impl Server {
    fn start(machine: &Machine) -> Server {
        let file = machine.folder.path().join("server.toml");
        let text =
            "data_dir = \"data\"\n[upstream]\nrefresh_roots = false\nfetch_advisories = false\n";
        fs::write(&file, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args([
                "serve",
                "--mirror",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--config",
            ])
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut after = |word: &str| loop {
            let line = lines.next().unwrap().unwrap();
            if let Some(url) = line.trim().strip_prefix(word) {
                break url.trim().to_owned();
            }
        };
        let (mirror, admin) = (after("mirror "), after("admin "));
        // Whoever writes to a pipe that nobody reads stops.
        std::thread::spawn(move || lines.for_each(drop));
        Server {
            child,
            mirror,
            admin,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: the client that `docker` is in the next one. It pulls as Docker does, and prints what it is told.
#[test]
#[ignore = "run by the program that stands for docker"]
fn as_docker_pulls() {
    let (Ok(image), Ok(mirror)) = (std::env::var("IMAGE"), std::env::var("MIRROR")) else {
        return;
    };
    let (name, tag) = image
        .strip_prefix("docker.io/")
        .unwrap()
        .split_once(':')
        .unwrap();
    let address = mirror.strip_prefix("http://").unwrap().parse().unwrap();
    let client = Client::new(address, CLASSIC_DOCKER);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Outcome::Pulled(_) = runtime.block_on(client.pull(name, tag)) {
        std::process::exit(0);
    }
    // Docker shows the words of the tombstone.
    let said = runtime.block_on(client.get(&format!("/v2/{name}/manifests/{tag}")));
    println!("{}", said.text());
    std::process::exit(1);
}

#[test]
fn a_route_that_holds_is_proven_by_the_server_itself() {
    let machine = Machine::new();
    let server = Server::start(&machine);
    let pull = format!(
        "IMAGE=\"$2\" MIRROR={} exec {} --exact setup::as_docker_pulls --ignored --nocapture",
        server.mirror,
        std::env::current_exe().unwrap().display()
    );
    docker(&machine, &pull);
    let script = fs::read_to_string(machine.folder.path().join("bin/docker")).unwrap();
    let both = script.replace("echo pulled; echo \"$2\" >> \"$HOME/pulled\"", &pull);
    fs::write(
        machine.folder.path().join("bin/docker"),
        both.replace("http://127.0.0.1:5050/", &server.mirror),
    )
    .unwrap();
    machine.run(&["setup", "docker", "--mirror", &server.mirror, "--apply"]);
    let doctor = ["doctor", "--no-egress-check", "--admin", &server.admin];
    let (code, out, err) = machine.run(&doctor);
    assert_eq!((code, err.as_str()), (0, "all hold\n"), "{out}");
    assert!(
        out.starts_with("docker (28.5.2)\n  docker.io            holds: denied by Lazaret, and the client says so\n                       the allowed image arrived; the reason was shown; the server saw it at its mirror listener\n"),
        "{out}"
    );
    // The mirror is one, and its limits are told; whoever minds them says so.
    assert!(out.contains("limit[mirror-fails-open]"), "{out}");
    let (code, ..) = machine.run(&[&doctor[..], &["--strict"]].concat());
    assert_eq!(code, 1);
    // Nothing of it is a decision.
    let ledger = machine.folder.path().join("data");
    let why = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(["why", "docker.io/lazaret--canary/denied", "--data-dir"])
        .arg(ledger)
        .output()
        .unwrap();
    assert_eq!(why.status.code(), Some(2));
    let (_, out, _) = machine.run(&[
        "doctor",
        "--no-egress-check",
        "--admin",
        &server.admin,
        "--json",
    ]);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    let tried = &said["checked"][0]["tried"][0];
    assert_eq!(
        (&tried["reached"], &tried["listener"], &tried["outcome"]),
        (&true.into(), &"mirror".into(), &"holds".into())
    );
    assert!(proof(tried["nonce"].as_str().unwrap()).len() == 12);
}
