//! Drop-ins of systemd units: the environment that a daemon starts with (systemd.exec(5), "Environment").

use std::collections::BTreeMap;

use super::disk::{CA_FOLDER, Disk, Seen};
use super::plan::{Format, Obstacle, Plan};
use super::{Route, Wanted};

/// The name of our drop-in: late, so that it wins over the usual ones.
const FILE: &str = "zz-lazaret.conf";

/// The folder of a service's drop-ins.
fn folder(service: &str) -> String {
    format!("/etc/systemd/system/{service}.service.d")
}

/// The path of our drop-in.
pub(super) fn path(service: &str) -> String {
    format!("{}/{FILE}", folder(service))
}

/// Our drop-in: the proxy where that is the route, and the folder with the authority's certificate. Go reads every file of
/// the folders in `SSL_CERT_DIR`, beside the system's bundle; the certificate is trusted by this daemon and nobody else.
pub(super) fn text(wanted: &Wanted) -> String {
    let mut lines = vec!["# By `lazaret setup`.".to_owned(), "[Service]".to_owned()];
    if wanted.route == Route::Proxy {
        // A percent sign begins a specifier (systemd.unit(5)).
        let (proxy, none) = (wanted.proxy_url().replace('%', "%%"), wanted.no_proxy());
        for (key, value) in [
            ("HTTPS_PROXY", proxy.clone()),
            ("HTTP_PROXY", proxy),
            ("NO_PROXY", none),
        ] {
            lines.push(format!("Environment=\"{key}={value}\""));
            // Programs prefer the one or the other spelling; an older setting must not win by it.
            lines.push(format!(
                "Environment=\"{}={value}\"",
                key.to_ascii_lowercase()
            ));
        }
    }
    if wanted.ca.is_some() {
        lines.push(format!(
            "Environment=\"SSL_CERT_DIR=/etc/ssl/certs:{CA_FOLDER}\""
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Plans the drop-in.
pub(super) fn plan(
    plan: &mut Plan,
    disk: &Disk,
    service: &str,
    wanted: &Wanted,
) -> Result<(), Obstacle> {
    plan.write(disk, &path(service), text(wanted), Format::Lines)?;
    plan.then.push("systemctl daemon-reload".to_owned());
    Ok(())
}

/// The environment that the drop-ins of a service add up to; later files win, as systemd reads them by name.
pub(super) fn environment(disk: &Disk, service: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let folder = folder(service);
    for (path, seen) in disk.below(&folder) {
        let Seen::Text(text) = seen else { continue };
        if !path.ends_with(".conf") {
            continue;
        }
        for line in text.lines() {
            let Some(rest) = line.trim().strip_prefix("Environment=") else {
                continue;
            };
            if rest.trim().is_empty() {
                found.clear();
            }
            found.extend(assignments(rest));
        }
    }
    found
}

/// `"A=b c" D=e` in words.
fn assignments(text: &str) -> Vec<(String, String)> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    words.push(word);
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.replace("%%", "%")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{Address, Client, Shown};

    #[test]
    fn environments_add_up_by_name() {
        let mut disk = Disk::default();
        let folder = "/etc/systemd/system/docker.service.d";
        let put = |disk: &mut Disk, name: &str, text: &str| {
            disk.files
                .insert(format!("{folder}/{name}"), Seen::Text(text.to_owned()));
        };
        put(
            &mut disk,
            "10.conf",
            "[Service]\nEnvironment=\"HTTPS_PROXY=http://old\" NO_PROXY=a,b 'X=y z'\n",
        );
        put(&mut disk, "README", "Environment=HTTPS_PROXY=http://no\n");
        let found = environment(&disk, "docker");
        assert_eq!(found["HTTPS_PROXY"], "http://old");
        assert_eq!(
            (found["NO_PROXY"].as_str(), found["X"].as_str()),
            ("a,b", "y z")
        );
        let wanted = Wanted {
            client: Client::Docker,
            route: Route::Proxy,
            address: Address::parse("http://gw:3128").unwrap(),
            login: None,
            ca: Some(String::new()),
            registries: Vec::new(),
            direct: vec!["registry.corp".to_owned()],
            shown: Shown::default(),
        };
        put(&mut disk, FILE, &text(&wanted));
        let found = environment(&disk, "docker");
        assert_eq!(found["HTTPS_PROXY"], "http://gw:3128");
        assert_eq!(found["no_proxy"], "localhost,127.0.0.1,::1,registry.corp");
        assert_eq!(found["SSL_CERT_DIR"], "/etc/ssl/certs:/etc/lazaret/trust");
        put(&mut disk, "zzz.conf", "[Service]\nEnvironment=\n");
        assert!(environment(&disk, "docker").is_empty());
    }
}
