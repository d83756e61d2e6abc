//! Names that lead elsewhere each time that they are looked up, and what is dialled then.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderMap;

use super::fake::{Fake, answer};
use crate::upstream::{Kind, Peer, RegistrySettings, Settings, Timeouts, Upstream};

/// The answers of our name service that are still to come, by name; the last one stays.
static NAMES: Mutex<Option<HashMap<String, VecDeque<IpAddr>>>> = Mutex::new(None);

/// Where a name leads this time; none for names that are not of these tests.
pub(in crate::upstream) fn next(host: &str) -> Option<IpAddr> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let left = names.as_mut()?.get_mut(host)?;
    match left.len() {
        1 => left.front().copied(),
        _ => left.pop_front(),
    }
}

fn leads(host: &str, to: &[&str]) {
    let mut names = NAMES.lock().unwrap();
    let to = to.iter().map(|ip| ip.parse().unwrap()).collect();
    names.get_or_insert_default().insert(host.to_owned(), to);
}

/// A server for messages, as `[notify.NAME]` makes it, at a name.
fn target(host: &str, port: u16, ranges: &[&str]) -> Upstream {
    let mut settings = RegistrySettings::new(host, &format!("http://{host}:{port}"));
    settings.plain_http = true;
    settings.never_link_local = true;
    settings.allow_addresses = ranges.iter().map(|range| range.parse().unwrap()).collect();
    let all = Settings {
        registries: Vec::new(),
        timeouts: Timeouts::default(),
        ..Settings::default()
    };
    Upstream::new(&settings, &all).unwrap()
}

async fn post(target: &Upstream) -> Result<(), Kind> {
    let body = Bytes::from_static(b"{}");
    let posted = target.post("/hook", "application/json", HeaderMap::new(), body);
    posted.await.map_err(|error| error.kind())
}

#[tokio::test]
async fn no_message_goes_to_a_name_that_leads_inside() {
    let inside = Fake::start(|_| answer(204, &[], "")).await;
    for ip in [
        "127.0.0.1",
        "10.1.2.3",
        "::1",
        "::ffff:192.168.0.1",
        "169.254.169.254",
    ] {
        leads("inside.test", &[ip]);
        let posted = post(&target("inside.test", inside.port, &[])).await;
        assert_eq!(posted, Err(Kind::NotAllowed), "{ip}");
    }
    // Where credentials of clouds are handed out, not even a listed range leads.
    leads("inside.test", &["169.254.169.254"]);
    let posted = post(&target("inside.test", inside.port, &["169.254.0.0/16"])).await;
    assert_eq!(posted, Err(Kind::NotAllowed));
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_later_is_judged_anew() {
    let server = Fake::start(|_| answer(204, &[("connection", "close")], "")).await;
    leads("rebound.test", &["127.0.0.1", "127.0.0.2"]);
    let target = target("rebound.test", server.port, &["127.0.0.1/32"]);
    assert_eq!(post(&target).await, Ok(()));
    assert_eq!(post(&target).await, Err(Kind::NotAllowed));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_message_is_not_carried_on_to_where_a_redirect_leads() {
    let inside = Fake::start(|_| answer(204, &[], "")).await;
    for (status, host) in [
        (302, "127.0.0.1"),
        (307, "inside-by-redirect.test"),
        (308, "localhost"),
    ] {
        leads("inside-by-redirect.test", &["127.0.0.1"]);
        let to = format!("http://{host}:{}/hook", inside.port);
        let server = Fake::start(move |_| answer(status, &[("location", &to)], "")).await;
        leads("outside.test", &["127.0.0.1"]);
        let posted = post(&target("outside.test", server.port, &["127.0.0.1/32"])).await;
        assert!(posted.is_err(), "{status}");
        assert_eq!(server.seen().len(), 1);
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn mail_and_logs_go_no_other_way() {
    let patience = Duration::from_secs(20);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = |ranges: &[&str]| {
        let ranges = ranges.iter().map(|range| range.parse().unwrap()).collect();
        Peer::new("mail.test", port, ranges, &[], patience).unwrap()
    };
    leads("mail.test", &["127.0.0.1"]);
    let refused =
        format!("mail.test:{port}: mail.test (127.0.0.1) is not a public address and not listed");
    assert_eq!(peer(&[]).connect().await.unwrap_err(), refused);
    assert_eq!(peer(&[]).datagram(b"x").await.unwrap_err(), refused);
    // Once to where it may lead, and then elsewhere.
    leads("mail.test", &["127.0.0.1", "127.0.0.2"]);
    let once = peer(&["127.0.0.1/32"]);
    assert!(once.connect().await.is_ok());
    assert_eq!(
        once.connect().await.unwrap_err(),
        refused.replace("(127.0.0.1)", "(127.0.0.2)")
    );
}
