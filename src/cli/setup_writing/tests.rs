use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;
use crate::cli::setup_files::{disk, journal};
use crate::cli::setup_undo::undo;
use crate::clients::{Address, Client, Route, Shown, plan};

fn wanted(client: Client, route: Route) -> Wanted {
    Wanted {
        client,
        route,
        address: Address::parse("https://gw.example:5443").unwrap(),
        login: None,
        ca: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        registries: vec!["docker.io".to_owned(), "ghcr.io".to_owned()],
        direct: vec!["registry.corp:5000".to_owned()],
        shown: Shown::default(),
    }
}

fn put(root: &Path, path: &str, text: &str) {
    let path = below(root, path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every file and folder with its bytes and mode.
fn all(root: &Path) -> BTreeMap<PathBuf, (Option<Vec<u8>>, u32)> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = path.symlink_metadata().unwrap().permissions().mode();
            let bytes = path.is_file().then(|| fs::read(&path).unwrap());
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (bytes, mode));
        }
    }
    found
}

fn set_up(root: &Path, wanted: &Wanted) -> Result<(), String> {
    let said = |trouble: Trouble| trouble.to_string();
    let disk = disk(root, wanted.client).map_err(said)?;
    let plan = plan(wanted, &disk).map_err(|why| why.to_string())?;
    apply(
        root,
        wanted,
        &plan,
        journal(root, wanted.client).map_err(said)?,
    )
    .map_err(said)
}

fn take_back(root: &Path, client: Client, force: bool) -> Result<(), String> {
    let journal = journal(root, client).map_err(|trouble| trouble.to_string())?;
    undo(root, &journal.unwrap(), force).map_err(|trouble| trouble.to_string())
}

const WAYS: [(Client, Route); 10] = [
    (Client::Docker, Route::Mirror),
    (Client::Docker, Route::Hosts),
    (Client::Docker, Route::Proxy),
    (Client::Containerd, Route::Hosts),
    (Client::Containerd, Route::Proxy),
    (Client::K3s, Route::Hosts),
    (Client::Rke2, Route::Hosts),
    (Client::Podman, Route::Location),
    (Client::Buildkit, Route::Mirror),
    (Client::Buildkit, Route::Proxy),
];

/// What a machine may have before, and that nobody may lose.
const BEFORE: [(&str, &str); 8] = [
    (
        "/etc/docker/daemon.json",
        "{\n\t\"log-level\": \"warn\",\n\t\"registry-mirrors\": [\"https://old\"],  \"proxies\": {}\n}",
    ),
    ("/etc/docker/certs.d/ghcr.io/ca.crt", "certificate"),
    (
        "/etc/docker/certs.d/registry.corp:5000/hosts.toml",
        "server = \"https://registry.corp:5000\"\n",
    ),
    ("/etc/containerd/config.toml", "# ours\nversion = 2\n"),
    ("/etc/containerd/certs.d/_default/hosts.toml", "broken ["),
    (
        "/etc/containers/registries.conf.d/zz-lazaret.conf",
        "by hand",
    ),
    ("/etc/buildkit/buildkitd.toml", "debug = true # yes\n"),
    ("/etc/systemd/system/docker.service.d/zz-lazaret.conf", ""),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn undone_is_as_it_was(present in prop::collection::vec(any::<bool>(), BEFORE.len()), ways in prop::sample::subsequence(WAYS.to_vec(), 1..5), again in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        // Every machine has it, and no client alone would make it.
        fs::create_dir_all(below(root, "/etc/systemd/system")).unwrap();
        for ((path, text), present) in BEFORE.iter().zip(present) {
            if present {
                put(root, path, text);
                fs::set_permissions(below(root, path), fs::Permissions::from_mode(0o640)).unwrap();
            }
        }
        let before = all(root);
        let mut clients: Vec<Client> = Vec::new();
        for (client, route) in ways {
            if clients.contains(&client) {
                continue;
            }
            let wanted = wanted(client, route);
            set_up(root, &wanted).unwrap();
            let after = all(root);
            set_up(root, &wanted).unwrap();
            prop_assert_eq!(all(root), after, "a second time changes nothing");
            if again {
                // Another address: the backup stays that of the first time.
                set_up(root, &Wanted { address: Address::parse("https://other:1").unwrap(), ..wanted }).unwrap();
            }
            clients.push(client);
        }
        for client in clients {
            take_back(root, client, false).unwrap();
        }
        prop_assert_eq!(all(root), before);
    }
}

#[test]
fn what_is_broken_stays_and_stops_all() {
    for (path, text, way, said) in [
        (
            "/etc/docker/daemon.json",
            "{\n  oops\n}\n",
            (Client::Docker, Route::Mirror),
            "/etc/docker/daemon.json: is no JSON object: line 2, column 3: key must be a string",
        ),
        (
            "/etc/containerd/config.toml",
            "version = 2\n[",
            (Client::Containerd, Route::Hosts),
            "/etc/containerd/config.toml: line 2: ",
        ),
        (
            "/etc/buildkit/buildkitd.toml",
            "[",
            (Client::Buildkit, Route::Mirror),
            "/etc/buildkit/buildkitd.toml: line 1: ",
        ),
        (
            "/etc/rancher/k3s/registries.yaml",
            "mirrors: {}\n",
            (Client::K3s, Route::Hosts),
            "/etc/rancher/k3s/registries.yaml: it has registries already, and is not edited",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), path, text);
        let before = all(folder.path());
        let why = set_up(folder.path(), &wanted(way.0, way.1)).unwrap_err();
        assert!(why.starts_with(said) && why.contains("\n  help: "), "{why}");
        assert_eq!(all(folder.path()), before);
    }
}

#[test]
fn a_link_is_left_to_who_made_it() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "/nix/daemon.json", "{}");
    fs::create_dir_all(below(folder.path(), "/etc/docker")).unwrap();
    symlink(
        "/nix/daemon.json",
        below(folder.path(), "/etc/docker/daemon.json"),
    )
    .unwrap();
    let why = set_up(folder.path(), &wanted(Client::Docker, Route::Mirror)).unwrap_err();
    assert!(
        why.starts_with("/etc/docker/daemon.json: it is a symbolic link to /nix/daemon.json\n"),
        "{why}"
    );
}

#[test]
fn what_somebody_changed_since_is_not_thrown_away_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "/etc/docker/daemon.json", "{}");
    let before = all(root);
    set_up(root, &wanted(Client::Docker, Route::Mirror)).unwrap();
    put(root, "/etc/docker/daemon.json", "{\"debug\": true}");
    let after = all(root);
    let why = take_back(root, Client::Docker, false).unwrap_err();
    assert!(
        why.contains("somebody changed it since it was set up; nothing was put back"),
        "{why}"
    );
    assert_eq!(all(root), after);
    take_back(root, Client::Docker, true).unwrap();
    assert_eq!(all(root), before);
}

#[test]
fn a_run_that_was_cut_off_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "/etc/docker/daemon.json", "{\"debug\": true}\n");
    let before = all(root);
    let wanted = wanted(Client::Docker, Route::Mirror);
    let disk = disk(root, Client::Docker).ok().unwrap();
    let mut plan = plan(&wanted, &disk).unwrap();
    // As if somebody wrote the file between the look and the write.
    plan.changes.last_mut().unwrap().before = Some("{\"debug\": false}\n".to_owned());
    let why = apply(root, &wanted, &plan, None).err().unwrap().to_string();
    assert!(
        why.contains("it changed in the meantime") && why.contains("lazaret setup docker --undo"),
        "{why}"
    );
    take_back(root, Client::Docker, true).unwrap();
    assert_eq!(all(root), before);
}

#[test]
fn a_lost_backup_stops_the_undoing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "/etc/docker/daemon.json", "{}");
    set_up(root, &wanted(Client::Docker, Route::Mirror)).unwrap();
    fs::remove_file(below(root, "/etc/docker/daemon.json.before-lazaret")).unwrap();
    let why = take_back(root, Client::Docker, false).unwrap_err();
    assert!(why.contains("what was there before is gone"), "{why}");
}

#[test]
fn what_is_not_read_back_is_not_put_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daemon.json");
    fs::write(&path, "{}").unwrap();
    let why = replace(&path, "{", Readers::All, |text| {
        crate::clients::Format::Json.check(text)
    });
    assert!(
        why.err()
            .unwrap()
            .to_string()
            .contains("cannot be read back")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
