//! `lazaret setup` for a proxy that asks for a login: it is written for its owner alone, and shown to nobody.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::setup::Machine;

/// What nobody may read; the percent sign means something to systemd.
const SECRET: &str = "lzp_hush%2Fhush";

/// Runs it, and sees that nothing secret is said.
fn run(machine: &Machine, words: &[&str]) -> (i32, String, String) {
    let done = machine.run(words);
    let said = format!("{}{}", done.1, done.2);
    assert!(!said.contains("hush"), "{said}");
    done
}

fn mode(machine: &Machine, path: &str) -> u32 {
    let meta = fs::metadata(machine.path(path)).unwrap();
    meta.permissions().mode() & 0o777
}

#[test]
fn a_login_is_in_files_of_their_owner_and_nowhere_else() {
    let machine = Machine::new();
    let ca = machine.authority();
    let daemon = "/etc/docker/daemon.json";
    let drop_in = "/etc/systemd/system/docker.service.d/zz-lazaret.conf";
    machine.put(daemon, "{ \"proxies\": {} }\n");
    let url = format!("http://team-a:{SECRET}@gw.example:3128");
    let setup = [
        "setup", "docker", "--route", "proxy", "--proxy", &url, "--ca", &ca,
    ];
    let with = |word: &'static str| [setup.as_slice(), &[word]].concat();

    let (code, out, err) = run(&machine, &setup);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("+Environment=\"HTTPS_PROXY=http://team-a:…@gw.example:3128\""),
        "{out}"
    );
    assert!(
        out.contains("\"https-proxy\": \"http://team-a:…@gw.example:3128\""),
        "{out}"
    );
    let (_, out, _) = run(&machine, &with("--json"));
    assert!(out.contains("team-a:…@gw.example:3128"), "{out}");

    let (code, out, err) = run(&machine, &with("--apply"));
    assert_eq!(code, 0, "{out}{err}");
    let written = machine.text(drop_in);
    let doubled = SECRET.replace('%', "%%");
    let line = format!("Environment=\"HTTPS_PROXY=http://team-a:{doubled}@gw.example:3128\"\n");
    assert!(written.contains(&line), "{written}");
    assert!(
        machine
            .text(daemon)
            .contains(&format!("\"http://team-a:{SECRET}@gw.example:3128\""))
    );
    for path in [drop_in, daemon, "/etc/lazaret/setup/docker.json"] {
        assert_eq!(mode(&machine, path), 0o600, "{path}");
    }
    assert_eq!(mode(&machine, "/etc/lazaret/trust/docker.pem"), 0o644);

    // It is known from the journal, and another login is a difference.
    let (code, out, err) = run(&machine, &["setup", "docker", "--check"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        err.contains("docker: in force (route proxy, http://gw.example:3128)"),
        "{err}"
    );
    machine.put(drop_in, &written.replace("hush", "hushed"));
    let (code, out, _) = run(&machine, &["setup", "docker", "--check"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains(&format!("not as it should be: {drop_in}")),
        "{out}"
    );
    let (code, ..) = run(&machine, &["setup", "docker", "--apply"]);
    assert_eq!((code, machine.text(drop_in)), (0, written));

    let (code, ..) = run(&machine, &["setup", "docker", "--undo"]);
    assert_eq!(code, 0);
    assert_eq!(machine.text(daemon), "{ \"proxies\": {} }\n");
    assert_eq!(mode(&machine, daemon), 0o644);
    assert!(!machine.path(drop_in).exists() && !machine.path("/etc/lazaret").exists());
}

#[test]
fn a_login_that_cannot_be_written_safely_is_refused_unread() {
    let machine = Machine::new();
    for login in ["a:hush\"", "a:hu sh", ":hush", "a:hush$"] {
        let url = format!("http://{login}@gw.example:3128");
        let (code, _, err) = run(
            &machine,
            &["setup", "docker", "--route", "proxy", "--proxy", &url],
        );
        assert_eq!(code, 2);
        assert!(
            err.contains("the login for http://gw.example:3128 is none that a URL can have"),
            "{err}"
        );
    }
    // Only a proxy asks for one.
    let words = [
        "setup",
        "docker",
        "--mirror",
        "http://a:hush@gw.example:5050",
    ];
    let (code, _, err) = run(&machine, &words);
    assert_eq!(code, 2);
    assert!(err.contains("is no address of a listener"), "{err}");
}
