//! The doctor, with a server that holds and with one that does not.

use super::*;

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
        "IMAGE=\"$2\" MIRROR={} exec {} --exact setup::proofs::as_docker_pulls --ignored --nocapture",
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
