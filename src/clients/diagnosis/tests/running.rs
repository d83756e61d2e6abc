//! What the daemon that runs here says, against what is on disk.

use super::*;

#[test]
fn files_that_a_dockerd_does_not_read_prove_nothing() {
    for wanted in all() {
        let disk = set_up(&wanted, Disk::default());
        let facts = Facts {
            elsewhere: Some("it runs rootless"),
            ..facts(&wanted)
        };
        let found = diagnose(&wanted, &disk, &facts);
        let said = found.iter().any(|one| one.code == "docker-elsewhere");
        assert_eq!(
            said,
            wanted.client == Client::Docker,
            "{wanted:?}: {found:?}"
        );
        assert_eq!(said, found.iter().any(|one| one.level == Level::Open));
    }
}

/// What would open the way while it closes another is not written.
#[test]
fn what_a_running_dockerd_would_not_heed_is_not_applied() {
    let hosts = wanted(
        Client::Docker,
        Route::Hosts,
        "https://gw.example:5443",
        true,
    );
    let proxy = wanted(Client::Docker, Route::Proxy, "http://gw.example:3128", true);
    let mut switched = Disk::default();
    put(
        &mut switched,
        "/etc/docker/daemon.json",
        r#"{"features":{"containerd-snapshotter":true}}"#,
    );
    let (plain, unknown) = (Disk::default(), Facts::default());
    let classic = Facts {
        major: Some(28),
        containerd_store: Some(false),
        ..Facts::default()
    };
    let old = Facts {
        major: Some(27),
        containerd_store: Some(true),
        ..Facts::default()
    };
    let rootless = Facts {
        elsewhere: Some("it runs rootless"),
        ..Facts::default()
    };
    for (wanted, disk, facts, why) in [
        (&hosts, &plain, &unknown, None),
        (&hosts, &plain, &facts(&hosts), None),
        (
            &hosts,
            &plain,
            &classic,
            Some("classic image store ignores hosts.toml"),
        ),
        // The same restart that reads the file switches the store.
        (&hosts, &switched, &classic, None),
        (
            &hosts,
            &switched,
            &old,
            Some("Docker before 28 does not read hosts.toml"),
        ),
        (&proxy, &plain, &classic, None),
        (&proxy, &plain, &old, None),
        (&proxy, &plain, &rootless, Some("it runs rootless: ")),
    ] {
        let said = hindrance(wanted, disk, facts).map(|why| why.to_string());
        match why {
            None => assert_eq!(said, None),
            Some(why) => assert!(
                said.as_ref().is_some_and(|said| said.contains(why)),
                "{said:?}"
            ),
        }
    }
    let disk = set_up(&hosts, Disk::default());
    assert_eq!(codes(&hosts, &disk, &old), ["open[hosts-unread]"]);
}

#[test]
fn what_daemons_run_with_counts_too() {
    let mirror = wanted(
        Client::Docker,
        Route::Mirror,
        "http://127.0.0.1:5050",
        false,
    );
    let proxy = wanted(
        Client::Docker,
        Route::Proxy,
        "http://gw.example:3128",
        false,
    );
    let hosts = wanted(
        Client::Docker,
        Route::Hosts,
        "https://gw.example:5443",
        false,
    );
    let podman = wanted(
        Client::Podman,
        Route::Location,
        "https://gw.example:5443",
        false,
    );
    let change = |wanted: &Wanted, change: &dyn Fn(&mut Facts)| {
        let mut facts = facts(wanted);
        change(&mut facts);
        codes(wanted, &set_up(wanted, Disk::default()), &facts)
    };
    let none = |facts: &mut Facts| facts.mirrors = Some(Vec::new());
    assert_eq!(change(&mirror, &none), ["open[mirror-not-loaded]"]);
    assert_eq!(
        change(&mirror, &|facts| facts.major = Some(20)),
        ["open[mirror-plain-http]"]
    );
    assert!(change(&mirror, &|facts| facts.major = Some(28)).is_empty());
    let other = |facts: &mut Facts| facts.proxies = Some((String::new(), String::new()));
    assert_eq!(change(&proxy, &other), ["open[proxy-not-loaded]"]);
    let past = |facts: &mut Facts| {
        facts.proxies = Some(("http://gw.example:3128".to_owned(), "*".to_owned()));
    };
    assert_eq!(change(&proxy, &past), ["open[no-proxy-registry]"]);
    assert_eq!(
        change(&hosts, &|facts| facts.containerd_store = Some(false)),
        ["open[classic-store]"]
    );
    let own = |facts: &mut Facts| {
        facts.own_registries = Some("/home/u/.config/containers/registries.conf".to_owned())
    };
    assert_eq!(change(&podman, &own), ["open[user-registries]"]);
}
