//! The program itself, with every kind of listener, as its file says.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::tls::{exchange, trusting};

/// Longest wait for what it says; files are looked at once a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `lazaret serve`; it ends when this is dropped.
pub(crate) struct Serving {
    child: Child,
    doors: Vec<(String, String)>,
    said: UnboundedReceiver<String>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// Starts it, and reads where it listens from what it says.
    pub(crate) fn start(config: &Path) -> Serving {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut doors = Vec::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((name, url)) = line.trim().split_once(char::is_whitespace)
                && let Some((_, address)) = url.trim().split_once("://")
            {
                doors.push((name.to_owned(), address.to_owned()));
            }
            if line.contains("admin ") {
                break;
            }
        }
        // Whoever says more must not wait for a reader.
        let (tell, said) = unbounded_channel();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| drop(tell.send(line)));
        });
        Serving { child, doors, said }
    }

    /// Waits until it says something.
    pub(crate) async fn says(&mut self, what: &str) {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.said.recv()).await;
            let line = line.unwrap_or_else(|_| panic!("it never said {what:?}"));
            let line = line.unwrap_or_else(|| panic!("it ended before it said {what:?}"));
            if line.contains(what) {
                break;
            }
        }
    }

    /// Lets it write down what it has counted, and end.
    pub(crate) fn stop(mut self) {
        let its = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(its, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) async fn connect(&self, door: &str) -> TcpStream {
        let found = self.doors.iter().find(|(name, _)| name == door);
        let (_, address) = found.unwrap_or_else(|| panic!("no {door} in {:?}", self.doors));
        TcpStream::connect(address).await.unwrap()
    }
}

pub(crate) fn lazaret(args: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(args)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_every_way_in_is_served_as_it_says() {
    let registry = FakeRegistry::start().await;
    registry.push_image("library/nginx", "1", &ImageSpec::default());
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lazaret.toml");
    let users = folder.path().join("users.toml");
    let token = lazaret(&[
        "proxy",
        "token",
        "team-a",
        "--file",
        users.to_str().unwrap(),
    ]);
    let token = token.trim();
    let kept = std::fs::read_to_string(&users).unwrap();
    assert!(token.starts_with("lzp_") && token.len() == 47, "{token}");
    assert!(
        kept.starts_with("\"team-a\" = ") && !kept.contains(token),
        "{kept}"
    );
    let url = registry.url();
    let text = format!(
        "data_dir = \"data\"\n[mirror]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [gateway]\nlisten = \"127.0.0.1:0\"\nregistry_names = true\n\
         [proxy]\nlisten = \"127.0.0.1:0\"\nusers = \"users.toml\"\n\
         [identity.addresses]\n\"127.0.0.0/8\" = \"here\"\n\
         [upstream]\ninclude_defaults = false\nfetch_advisories = false\nrefresh_roots = false\n\
         [[registry]]\nhost = \"docker.io\"\nurl = \"{url}\"\nplain_http = true\nallow_addresses = [\"127.0.0.0/8\"]\n"
    );
    std::fs::write(&config, text).unwrap();
    let serving = Serving::start(&config);
    let at = config.to_str().unwrap();
    let root = lazaret(&["ca", "export", "--config", at]);
    let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
    let host = "registry-1.docker.io";
    let name = ServerName::try_from(host).unwrap();
    let get = format!("GET /v2/library/nginx/manifests/1 HTTP/1.1\r\nhost: {host}\r\n\r\n");

    // By the registry's own name.
    let stream = serving.connect("gateway").await;
    let mut stream = trusting(&root, None)
        .connect(name.clone(), stream)
        .await
        .unwrap();
    let said = exchange(&mut stream, &get).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    // By the proxy, with the token and without.
    let mut stream = serving.connect("proxy").await;
    let connect = format!("CONNECT {host}:443 HTTP/1.1\r\nhost: {host}:443\r\n");
    let said = exchange(&mut stream, &format!("{connect}\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 407 "), "{said}");
    let login = STANDARD.encode(format!("team-a:{token}"));
    let mut stream = serving.connect("proxy").await;
    let connect = format!("{connect}proxy-authorization: Basic {login}\r\n\r\n");
    let said = exchange(&mut stream, &connect).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let mut stream = trusting(&root, None).connect(name, stream).await.unwrap();
    let said = exchange(&mut stream, &get).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    drop(stream);
    serving.stop();

    let told = lazaret(&["why", "docker.io/library/nginx:1", "--config", at]);
    assert!(told.contains("127.0.0.1 (address:here)"), "{told}");
    assert!(told.contains("127.0.0.1 (proxy:team-a)"), "{told}");
    let who = lazaret(&[
        "who-pulled",
        "docker.io/library/nginx:1",
        "--json",
        "--config",
        at,
    ]);
    assert!(who.contains("\"identity\":\"proxy:team-a\""), "{who}");
}
