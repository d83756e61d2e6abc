//! `lazaret setup` and `lazaret doctor`, as a person or a fleet calls them, with programs of ours in the places of clients.

mod proofs;

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
