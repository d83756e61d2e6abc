//! What leads programs to Lazaret beside their own files: k3s, which writes containerd's, and the machine's list of names.

use crate::setup::Machine;

const DOCTOR: [&str; 4] = [
    "doctor",
    "--no-egress-check",
    "--admin",
    "http://127.0.0.1:1",
];
const GATEWAY: [&str; 2] = ["--gateway", "https://192.0.2.10"];

/// A `ctr` that is refused by Lazaret where it is given the folder that k3s wrote, and a `crictl` that always is.
fn node(machine: &Machine) {
    // The proof of a nonce, as `lazaret::canary::proof` makes it.
    let proof = r#"printf 'lazaret canary %s' "${image##*:}" | sha256sum | cut -c1-12"#;
    machine.program(
        "ctr",
        &format!(
            r#"for image; do :; done
case "$*" in
  "--version"|"version") echo "ctr github.com/containerd/containerd v2.1.5" ;;
  *" fetch "*k3s/agent*allowed*) ;;
  *" fetch "*k3s/agent*denied*) echo "403 Blocked by policy (proof $({proof}))" >&2; exit 1 ;;
  *" fetch "*) echo 'went to the registry'; exit 1 ;;
esac"#
        ),
    );
}

fn setup(machine: &Machine, client: &str, ca: &str) {
    let words = [
        &["setup", client, "--apply", "--ca", ca],
        GATEWAY.as_slice(),
    ]
    .concat();
    let (code, _, err) = machine.run(&words);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn on_a_node_of_k3s_its_own_files_count() {
    let machine = Machine::new();
    let ca = machine.authority();
    node(&machine);
    setup(&machine, "k3s", &ca);
    let folder = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d";
    machine.put(&format!("{folder}/_default/hosts.toml"), "");
    let (code, out, err) = machine.run(&DOCTOR);
    assert!(
        out.starts_with("ctr (ctr github.com/containerd/containerd v2.1.5)\n  docker.io            holds: denied by Lazaret, and the client says so\n"),
        "{out}{err}"
    );
    assert_eq!(code, 0, "{out}{err}");
    // containerd shows the first refusal: that the registry was asked after it, only the files say.
    let drop_in = "/etc/rancher/k3s/config.yaml.d/lazaret.yaml";
    machine.put(drop_in, "disable-default-registry-endpoint: false\n");
    let (code, out, err) = machine.run(&DOCTOR);
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.contains(&format!(
            "open[default-endpoint] {drop_in}: disable-default-registry-endpoint is not set: after a refusal the registry itself is asked\n"
        )),
        "{out}"
    );
}

#[test]
fn names_that_do_not_lead_here_are_told_of_whichever_program_is_asked() {
    let machine = Machine::new();
    let ca = machine.authority();
    setup(&machine, "machine", &ca);
    let text = machine.text("/etc/hosts");
    for words in [
        DOCTOR.as_slice(),
        &[&DOCTOR[..], &["--client", "skopeo"]].concat(),
    ] {
        machine.put("/etc/hosts", &text);
        let (code, out, _) = machine.run(words);
        assert_eq!(code, 2, "{out}");
        assert!(
            out.contains("this machine\n  limit[names-of-one-machine] /etc/hosts: "),
            "{out}"
        );
        machine.put("/etc/hosts", &text.replace("192.0.2.10  ghcr.io\n", ""));
        let (code, out, _) = machine.run(words);
        assert_eq!(code, 1, "{out}");
        assert!(
            out.contains("open[name-not-led] /etc/hosts: ghcr.io is not in it: its pulls go to the registry\n  "),
            "{out}"
        );
    }
}

#[test]
fn what_a_client_shows_of_itself_is_written_and_remembered() {
    let machine = Machine::new();
    let shown = [
        "--client-certificate",
        "/etc/lazaret/node.pem",
        "--client-key",
        "/etc/lazaret/node.key",
        "--header",
        "X-Team: payments",
    ];
    let words = |client, more: &[&'static str]| {
        [&["setup", client], GATEWAY.as_slice(), &shown, more].concat()
    };
    let (code, _, err) = machine.run(&words("kubernetes", &["--apply"]));
    assert_eq!(code, 0, "{err}");
    let text = machine.text("/etc/containerd/certs.d/_default/hosts.toml");
    let read: toml::Table = text.parse().unwrap();
    for of in [
        &read,
        read["host"]["https://192.0.2.10"].as_table().unwrap(),
    ] {
        assert_eq!(of["header"]["X-Team"].as_str(), Some("payments"));
        assert_eq!(
            of["client"].to_string(),
            "[[\"/etc/lazaret/node.pem\", \"/etc/lazaret/node.key\"]]"
        );
    }
    let (code, _, err) = machine.run(&["setup", "kubernetes", "--check"]);
    assert_eq!(
        (code, err.as_str()),
        (
            0,
            "containerd: in force (route hosts, https://192.0.2.10)\n"
        )
    );
    machine.put(
        "/etc/containerd/certs.d/_default/hosts.toml",
        &text.replace("payments", "others"),
    );
    let (code, out, _) = machine.run(&["setup", "kubernetes", "--check"]);
    assert_eq!(
        (code, out.as_str()),
        (
            1,
            "not as it should be: /etc/containerd/certs.d/_default/hosts.toml\n"
        )
    );
    // Nobody else has words for them.
    let (code, _, err) = machine.run(&words("podman", &[]));
    assert_eq!(code, 2);
    assert!(
        err.contains("are written into hosts.toml: of docker and kubernetes, by --route hosts"),
        "{err}"
    );
    let (code, _, err) = machine.run(&["setup", "docker", "--header", "X Team"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("\"X Team\" is no header: write it as in HTTP"),
        "{err}"
    );
}
