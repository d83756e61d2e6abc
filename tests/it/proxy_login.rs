//! Who may use the proxy.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazaret::config::{ProxyUsers, hashed_token, parse_proxy_users};

use crate::proxy::{Running, start_as};
use crate::support::tls::exchange;

const TOKEN: &str = "lzp_0123456789";

fn users(names: &[&str]) -> ProxyUsers {
    let line = |name: &&str| format!("{name} = {:?}\n", hashed_token("salt", TOKEN));
    let text: String = names.iter().map(line).collect();
    parse_proxy_users(&text, "users.toml").unwrap()
}

async fn start(known: Arc<ArcSwap<ProxyUsers>>) -> Running {
    start_as(&[], |_, proxy| proxy.for_users(known)).await
}

fn login(name: &str, token: &str) -> String {
    let basic = STANDARD.encode(format!("{name}:{token}"));
    format!("proxy-authorization: Basic {basic}\r\n")
}

#[tokio::test]
async fn only_who_logs_in_is_served_and_is_known_by_that() {
    let running = start(Arc::new(ArcSwap::from_pointee(users(&["team-a"])))).await;
    let good = login("team-a", TOKEN);
    for (header, why) in [
        (String::new(), "this proxy needs a name and a token"),
        (
            login("team-a", "wrong"),
            "does not know that name and token",
        ),
        (login("team-b", TOKEN), "does not know that name and token"),
        (login("", ""), "does not know that name and token"),
        (
            format!("{good}{good}"),
            "this proxy needs a name and a token",
        ),
        (
            "proxy-authorization: Bearer x\r\n".to_owned(),
            "does not know",
        ),
        ("authorization: Basic x\r\n".to_owned(), "needs a name"),
    ] {
        for request in [
            format!("CONNECT ghcr.io:443 HTTP/1.1\r\nhost: ghcr.io:443\r\n{header}\r\n"),
            format!("CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n{header}\r\n"),
            format!(
                "GET http://ghcr.io/v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\n{header}\r\n"
            ),
        ] {
            let said = running.plain(&request).await;
            let (line, rest) = said.split_once("\r\n").unwrap();
            assert!(
                line.starts_with("HTTP/1.1 407 Blocked by policy: "),
                "{request}: {line}"
            );
            assert!(line.contains(why), "{request}: {line}");
            assert!(
                rest.contains("proxy-authenticate: Basic realm=\"lazaret\""),
                "{rest}"
            );
        }
    }
    assert!(running.registry.requests().is_empty());

    let request = format!(
        "GET http://ghcr.io/v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\n{good}\r\n"
    );
    let said = running.plain(&request).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let request = format!("CONNECT ghcr.io:443 HTTP/1.1\r\nhost: ghcr.io:443\r\n{good}\r\n");
    let mut stream = running.inside_by(&request, "ghcr.io").await.unwrap();
    let said = exchange(
        &mut stream,
        "GET /v2/acme/denied/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\n\r\n",
    )
    .await;
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
    let decisions = running.gate.ledger.decisions(None, 9).await.unwrap();
    assert_eq!(decisions.len(), 2);
    for decision in decisions {
        assert_eq!(decision.client.who(), "127.0.0.1 (proxy:team-a)");
        assert_eq!(decision.client.listener, "proxy");
    }
    // Nothing of it goes any further.
    for by in running.registry.requests() {
        let all = format!("{by:?}").to_lowercase();
        assert!(
            !all.contains("authorization") && !all.contains("team-a"),
            "{all}"
        );
    }
}

#[tokio::test]
async fn a_login_that_is_taken_back_is_refused_from_then_on() {
    let known = Arc::new(ArcSwap::from_pointee(users(&["team-a", "team-b"])));
    let running = start(known.clone()).await;
    let ask = |name: &str| {
        let login = login(name, TOKEN);
        format!("CONNECT ghcr.io:443 HTTP/1.1\r\nhost: ghcr.io:443\r\n{login}\r\n")
    };
    assert!(
        running
            .plain(&ask("team-a"))
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    known.store(Arc::new(users(&["team-b"])));
    assert!(
        running
            .plain(&ask("team-a"))
            .await
            .starts_with("HTTP/1.1 407 ")
    );
    assert!(
        running
            .plain(&ask("team-b"))
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}
