//! `lazaret setup machine`: the registries' names on one machine, and what a resolver is told for many.

use crate::setup::Machine;

const BEFORE: &str = "127.0.0.1 localhost\n::1 localhost # both\n";

/// The command, with the authority's certificate.
fn setup(ca: &str) -> [&str; 6] {
    let gateway = "https://192.0.2.10";
    ["setup", "machine", "--gateway", gateway, "--ca", ca]
}

#[test]
fn names_lead_here_until_it_is_undone() {
    let machine = Machine::new();
    machine.put("/etc/hosts", BEFORE);
    let ca = machine.authority();
    let setup = setup(&ca);
    let with = |words: &[&'static str]| [setup.as_slice(), words].concat();
    let (code, out, err) = machine.run(&setup);
    assert_eq!(code, 0, "{err}");
    for line in [
        " ::1 localhost # both\n",
        "+192.0.2.10  registry-1.docker.io\n",
        "+192.0.2.10  auth.docker.io\n",
        "+192.0.2.10  ghcr.io\n",
    ] {
        assert!(out.contains(line), "{line}{out}");
    }
    assert!(
        err.starts_with(
            "machine: 2 files would change (route dns, https://192.0.2.10); --apply writes them\n"
        ),
        "{err}"
    );
    assert_eq!(machine.text("/etc/hosts"), BEFORE);

    let (code, _, err) = machine.run(&with(&["--apply"]));
    assert_eq!(code, 0, "{err}");
    let after = machine.text("/etc/hosts");
    assert!(
        after.starts_with(BEFORE) && after.ends_with("# end lazaret\n"),
        "{after}"
    );
    let (code, out, err) = machine.run(&["setup", "machine", "--check"]);
    assert_eq!(
        (code, err.as_str()),
        (0, "machine: in force (route dns, https://192.0.2.10)\n")
    );
    assert!(
        out.starts_with("limit[names-of-one-machine] /etc/hosts: "),
        "{out}"
    );
    // Of two lines the first counts.
    machine.put("/etc/hosts", &format!("192.0.2.9 ghcr.io\n{after}"));
    let (code, out, err) = machine.run(&["setup", "machine", "--check"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(
        err.contains("/etc/hosts: line 1 leads ghcr.io to 192.0.2.9\n  help: take it out"),
        "{err}"
    );
    machine.put("/etc/hosts", &after.replace("192.0.2.10  ghcr.io\n", ""));
    let (code, out, _) = machine.run(&["setup", "machine", "--check"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("open[name-not-led] /etc/hosts: ghcr.io is not in it"),
        "{out}"
    );
    machine.put("/etc/hosts", &after);
    let (code, out, _) = machine.run(&["setup", "machine", "--undo"]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(machine.text("/etc/hosts"), BEFORE);
}

#[test]
fn a_resolver_is_told_the_same_names() {
    let machine = Machine::new();
    let ca = machine.authority();
    let setup = setup(&ca);
    let print = |program: &'static str| {
        let (code, out, err) = machine.run(&[setup.as_slice(), &["--print", program]].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    // What ships has the same names.
    for (program, shipped) in [
        ("hosts", include_str!("../../deploy/dns/hosts")),
        ("dnsmasq", include_str!("../../deploy/dns/dnsmasq.conf")),
        ("coredns", include_str!("../../deploy/dns/Corefile")),
    ] {
        let words = |text: &str| {
            let lines = text
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'));
            let all = lines.flat_map(|line| line.split([' ', ',', '=', '{']).map(str::to_owned));
            let mut names: Vec<String> = all
                .filter(|word| word.contains('.') && !word.contains('/'))
                .collect();
            names.sort();
            names.dedup();
            names
        };
        assert_eq!(words(&print(program)), words(shipped), "{program}");
    }
    assert!(print("dnsmasq").ends_with("filter-AAAA\n"));
    let (code, _, err) = machine.run(&["setup", "docker", "--print", "hosts"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("--print is for `lazaret setup machine`"),
        "{err}"
    );
    let (code, _, err) = machine.run(&["setup", "machine"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("machine needs [gateway] with registry_names = true in lazaret.toml"),
        "{err}"
    );
}
