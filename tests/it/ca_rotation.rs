//! One authority after another, while a server runs.

use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::serving::{Serving, lazaret};
use crate::support::tls::{exchange, trusting};

const HOST: &str = "registry-1.docker.io";

fn exported(at: &str) -> Vec<CertificateDer<'static>> {
    let text = lazaret(&["ca", "export", "--config", at]);
    let read = CertificateDer::pem_slice_iter(text.as_bytes());
    read.collect::<Result<_, _>>().unwrap()
}

/// Whether a client that trusts this authority and no other is answered through the proxy.
async fn answers(serving: &Serving, root: &CertificateDer<'static>) -> bool {
    let mut stream = serving.connect("proxy").await;
    let connect = format!("CONNECT {HOST}:443 HTTP/1.1\r\nhost: {HOST}:443\r\n\r\n");
    let said = exchange(&mut stream, &connect).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let name = ServerName::try_from(HOST).unwrap();
    let Ok(mut stream) = trusting(root, None).connect(name, stream).await else {
        return false;
    };
    let ping = format!("GET /v2/ HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    exchange(&mut stream, &ping)
        .await
        .starts_with("HTTP/1.1 200 ")
}

/// What the admin listener tells of its authorities.
async fn served(serving: &Serving) -> serde_json::Value {
    let mut stream = serving.connect("admin").await;
    let ask = "GET /canary/x HTTP/1.1\r\nhost: a\r\naccept: application/json\r\n\r\n";
    let said = exchange(&mut stream, ask).await;
    let body = said.split_once("\r\n\r\n").unwrap().1;
    let answer: serde_json::Value = serde_json::from_str(body).unwrap();
    answer["authorities"].clone()
}

fn shown(at: &str) -> serde_json::Value {
    let said = lazaret(&["ca", "show", "--json", "--config", at]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    said["authorities"].clone()
}

fn configured(folder: &Path) -> String {
    let config = folder.join("lazaret.toml");
    std::fs::write(
        &config,
        "data_dir = \"data\"\n[mirror]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [proxy]\nlisten = \"127.0.0.1:0\"\n\
         [upstream]\ninclude_defaults = false\nfetch_advisories = false\nrefresh_roots = false\n\
         [[registry]]\nhost = \"docker.io\"\n",
    )
    .unwrap();
    config.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_takes_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let at = configured(folder.path());
    let mut serving = Serving::start(Path::new(&at));
    let old = exported(&at);
    assert!(old.len() == 1 && answers(&serving, &old[0]).await);

    let said = lazaret(&["ca", "rotate", "--config", &at]);
    assert!(said.contains("  state        signs\n"), "{said}");
    assert!(
        said.contains("  state        waits for lazaret ca rotate --finish\n"),
        "{said}"
    );
    serving.says("the authority was loaded").await;
    let both = exported(&at);
    assert!(both.len() == 2 && both[0] == old[0]);
    assert!(answers(&serving, &old[0]).await && !answers(&serving, &both[1]).await);
    let known = shown(&at);
    let fingerprints = [&known[0]["fingerprint"], &known[1]["fingerprint"]];
    assert_eq!(served(&serving).await, serde_json::json!(fingerprints));
    assert_eq!(known[1]["hosts"], known[0]["hosts"]);
    assert!(
        known[0]["hosts"]
            .to_string()
            .contains("registry-1.docker.io")
    );

    lazaret(&["ca", "rotate", "--finish", "--config", &at]);
    serving.says("the authority was loaded").await;
    assert_eq!(exported(&at), both[1..]);
    assert!(answers(&serving, &both[1]).await && !answers(&serving, &old[0]).await);
    assert_eq!(
        served(&serving).await,
        serde_json::json!([shown(&at)[0]["fingerprint"]])
    );
    serving.stop();
}

#[test]
fn steps_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = configured(folder.path());
    let refused = |words: &[&str]| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(["ca", "rotate", "--config", &at])
            .args(words)
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(2), "{done:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    assert!(refused(&[]).contains("there is no authority yet: lazaret ca init"));
    lazaret(&["ca", "init", "--config", &at]);
    assert!(refused(&["--finish"]).contains("no next authority is waiting: lazaret ca rotate"));
    assert!(refused(&["--on", "yesterday"]).contains("--on: \"yesterday\" is no time to come"));
    let said = lazaret(&["ca", "rotate", "--on", "2200-01-01", "--config", &at]);
    assert!(
        said.contains("  state        signs until 2200-01-01T00:00:00Z\n"),
        "{said}"
    );
    assert!(
        said.contains("  state        signs from 2200-01-01T00:00:00Z\n"),
        "{said}"
    );
    assert!(refused(&[]).contains("authority 2 is waiting already"));
    lazaret(&["ca", "rotate", "--cancel", "--config", &at]);
    assert_eq!(shown(&at).as_array().unwrap().len(), 1);
    std::fs::write(
        &at,
        "data_dir = \"data\"\n[proxy]\nca_certificate = \"c.pem\"\nca_key = \"c.key\"\n",
    )
    .unwrap();
    assert!(refused(&[]).contains("this authority is the company's"));
}
