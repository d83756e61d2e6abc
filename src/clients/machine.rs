//! What leads the registries' names to Lazaret on one machine: its own list (hosts(5)), which is read before any resolver is
//! asked.

use std::net::IpAddr;

use super::disk::Disk;
use super::plan::Format;
use super::plan::{Obstacle, Plan, existing};
use super::{Diagnosis, Wanted};

/// The machine's list of names.
pub(super) const HOSTS: &str = "/etc/hosts";
/// The lines around ours.
const BEGIN: &str = "# begin lazaret: these names lead to Lazaret (lazaret setup machine --undo)";
const END: &str = "# end lazaret";
const REMEDY: &str = "lazaret setup machine --apply";

fn obstacle(path: &str, why: String, remedy: &str) -> Obstacle {
    Obstacle {
        path: path.to_owned(),
        why,
        remedy: remedy.to_owned(),
    }
}

/// The address that the names are to have. Clients dial it at port 443 and speak TLS, as to the registries themselves.
fn address(wanted: &Wanted) -> Result<IpAddr, Obstacle> {
    let (at, gateway) = (wanted.address.to_string(), &wanted.address);
    let wrong = |why: &str, remedy: &str| Err(obstacle(&at, why.to_owned(), remedy));
    let Ok(ip) = gateway.host().trim_matches(['[', ']']).parse::<IpAddr>() else {
        return wrong(
            "a list of names needs an address, and this is a name",
            "take --gateway https://192.0.2.10, with Lazaret's own address",
        );
    };
    if !gateway.tls() || gateway.port() != 443 {
        return wrong(
            "clients dial registries at port 443 and speak TLS",
            "have [gateway] listen at port 443 with registry_names = true, and take --gateway https://ADDRESS",
        );
    }
    if ip.is_loopback() || ip.is_unspecified() {
        return wrong(
            "this would lead Lazaret to itself: it must find the registries under their names",
            "set up another machine than the one that Lazaret runs on, or take another route here",
        );
    }
    Ok(ip)
}

/// The lines that are not ours, with their numbers.
fn others(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut ours = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let (was, begins) = (ours, line.starts_with("# begin lazaret"));
        ours = begins || (ours && line != END);
        (!was && !begins).then_some((at + 1, line))
    })
}

/// The names of a line, and where they lead.
fn names(line: &str) -> Option<(IpAddr, impl Iterator<Item = &str>)> {
    let mut words = line.split('#').next()?.split_whitespace();
    Some((words.next()?.parse().ok()?, words))
}

/// Our lines: a name each, so that a diff tells what changes.
fn block(ip: IpAddr, wanted: &Wanted) -> String {
    let line = |name: &String| format!("{ip}  {name}\n");
    let lines: String = wanted.registries.iter().map(line).collect();
    format!("{BEGIN}\n{lines}{END}\n")
}

pub(super) fn dns(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    let ip = address(wanted)?;
    let before = existing(disk, HOSTS)?.unwrap_or_default();
    for (number, line) in others(before) {
        let Some((at, mut known)) = names(line) else {
            continue;
        };
        let same = |name: &&str| {
            wanted
                .registries
                .iter()
                .any(|own| own.eq_ignore_ascii_case(name))
        };
        if let Some(name) = known.find(same).filter(|_| at != ip) {
            return Err(obstacle(
                HOSTS,
                format!("line {number} leads {name} to {at}"),
                "take it out: of two lines the first counts",
            ));
        }
    }
    plan.trust(disk, wanted)?;
    let rest: String = others(before)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    plan.write(disk, HOSTS, rest + &block(ip, wanted), Format::Lines)?;
    if let Some(file) = wanted.ca_path() {
        plan.then.push(format!(
            "cp {file} /usr/local/share/ca-certificates/lazaret.crt && update-ca-certificates    # Fedora: /etc/pki/ca-trust/source/anchors, update-ca-trust"
        ));
    }
    plan.then
        .push("restart the daemons that pull: they read the authorities once".to_owned());
    plan.notes.push(
        "containers have a list of their own, and some programs ask a resolver all the same: change the resolver for those (--print dnsmasq, --print coredns)"
            .to_owned(),
    );
    Ok(plan)
}

/// What is wrong with the machine's list.
pub(super) fn faults(wanted: &Wanted, disk: &Disk) -> Vec<Diagnosis> {
    let text = disk.text(HOSTS).unwrap_or_default();
    let ip = wanted
        .address
        .host()
        .trim_matches(['[', ']'])
        .parse::<IpAddr>();
    let first = |name: &str| {
        let mut lines = text.lines().filter_map(names);
        lines.find_map(|(at, mut known)| {
            let here = known.any(|one| one.eq_ignore_ascii_case(name));
            here.then_some(at)
        })
    };
    let mut found = Vec::new();
    for name in &wanted.registries {
        match first(name) {
            None => found.push(Diagnosis::open(
                "name-not-led",
                HOSTS,
                format!("{name} is not in it: its pulls go to the registry"),
                REMEDY,
            )),
            Some(at) if Ok(at) != ip => found.push(Diagnosis::open(
                "name-elsewhere",
                HOSTS,
                format!("{name} leads to {at}: of two lines the first counts"),
                REMEDY,
            )),
            Some(_) => {}
        }
    }
    found.push(Diagnosis::limit(
        "names-of-one-machine",
        HOSTS,
        "containers have a list of their own, and what asks a resolver itself, or knows an address, goes round",
        "change the resolver (lazaret setup machine --print dnsmasq), and let only Lazaret reach registries: docs/enforcement.md",
    ));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{Address, Client, Route, Seen, Shown};

    fn wanted(address: &str) -> Wanted {
        Wanted {
            client: Client::Machine,
            route: Route::Dns,
            address: Address::parse(address).unwrap(),
            login: None,
            ca: None,
            registries: vec!["ghcr.io".to_owned(), "quay.io".to_owned()],
            direct: Vec::new(),
            shown: Shown::default(),
        }
    }

    fn disk(text: &str) -> Disk {
        let mut disk = Disk::default();
        disk.files
            .insert(HOSTS.to_owned(), Seen::Text(text.to_owned()));
        disk
    }

    const OURS: &str = "192.0.2.10  ghcr.io\n192.0.2.10  quay.io\n";

    #[test]
    fn other_lines_stay_and_ours_are_there_once() {
        let wanted = wanted("https://192.0.2.10");
        let block = format!("{BEGIN}\n{OURS}{END}\n");
        for (before, after) in [
            ("", block.clone()),
            (
                "127.0.0.1 localhost",
                format!("127.0.0.1 localhost\n{block}"),
            ),
            (
                &format!("# begin lazaret: older\n192.0.2.9 ghcr.io\n{END}\n::1 localhost\n"),
                format!("::1 localhost\n{block}"),
            ),
            (
                "192.0.2.10 ghcr.io # by hand\n",
                format!("192.0.2.10 ghcr.io # by hand\n{block}"),
            ),
        ] {
            let plan = dns(&wanted, &disk(before)).unwrap();
            assert_eq!(plan.changes[0].after, after);
            let again = dns(&wanted, &disk(&after)).unwrap();
            assert!(again.changes.is_empty(), "{before}");
            let found = faults(&wanted, &disk(&after));
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }

    #[test]
    fn what_would_not_hold_is_refused() {
        for (address, text, why) in [
            ("https://gw.example", "", "this is a name"),
            ("https://192.0.2.10:5443", "", "port 443"),
            ("http://192.0.2.10:443", "", "speak TLS"),
            ("https://127.0.0.1", "", "lead Lazaret to itself"),
            (
                "https://192.0.2.10",
                "# x\n192.0.2.9 a GHCR.io\n",
                "line 2 leads GHCR.io to 192.0.2.9",
            ),
        ] {
            let said = dns(&wanted(address), &disk(text)).unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("\n  help: "), "{said}");
        }
        assert!(dns(&wanted("https://[2001:db8::1]"), &disk("")).is_ok());
    }

    #[test]
    fn names_that_lead_elsewhere_are_seen() {
        let found = faults(
            &wanted("https://192.0.2.10"),
            &disk("192.0.2.9 ghcr.io\n192.0.2.10 ghcr.io\n"),
        );
        let codes: Vec<&str> = found.iter().map(|one| one.code).collect();
        assert_eq!(
            codes,
            ["name-elsewhere", "name-not-led", "names-of-one-machine"]
        );
    }
}
