//! A whole gate in this process: store, ledger, registry client, admission and both listeners, on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lazaret::admission::{Admission, Parts};
use lazaret::config::parse_policy;
use lazaret::evidence::{
    AdvisoryData, Content, Helpers, NameCollector, OtherScanner, Reputations, Scanner,
};
use lazaret::gateway::{self, Gateway, Hold, Limits, Listener, Side, Voucher};
use lazaret::ledger::{Ledger, SqliteLedger};
use lazaret::names::Corpus;
use lazaret::policy::Policy;
use lazaret::scan;
use lazaret::store::Store;
use lazaret::upstream::{RegistrySettings, Settings, Timeouts, Upstreams};
use lazaret::vsa::VsaSigner;
use tempfile::TempDir;
use tokio::sync::watch;

use super::client::Client;
use super::fake_registry::FakeRegistry;

/// Lets everything pass that the rules do not name.
pub(crate) const LENIENT: &str = r#"
version = 1
platforms = ["linux/amd64", "linux/arm64"]
[names]
registries = ["docker.io", "ghcr.io"]
[config.standard]
root_user = "warn"
[default]
unsigned = "allow"
config = "standard"
"#;

/// How User-Agents of real clients begin.
pub(crate) const CLASSIC_DOCKER: &str =
    "docker/28.5.2 go/go1.24 UpstreamClient(Docker-Client/28.2.2)";
pub(crate) const CONTAINERD: &str = "containerd/1.6.20";

/// How a gate is set up.
pub(crate) struct Setup {
    pub(crate) policy: String,
    pub(crate) hold: Hold,
    pub(crate) tag_freshness: Duration,
    /// Scanners beside our own.
    pub(crate) scanners: Vec<OtherScanner>,
    /// Who looks at files of layers.
    pub(crate) helpers: Helpers,
    /// Bounds of the pass over a layer.
    pub(crate) pass: scan::Limits,
    /// Whether its verdicts lie beside the images as attestations.
    pub(crate) vouches: bool,
    /// What its ledger is put into.
    pub(crate) wrap: Box<dyn Fn(SqliteLedger) -> Arc<dyn Ledger> + Send + Sync>,
}

impl Setup {
    pub(crate) fn new(policy: &str) -> Setup {
        let hold = Hold {
            exchange: Duration::from_secs(20),
            hops: 9,
        };
        Setup {
            vouches: false,
            wrap: Box::new(|ledger| Arc::new(ledger)),
            policy: policy.to_owned(),
            hold,
            tag_freshness: Duration::from_secs(3600),
            scanners: Vec::new(),
            helpers: Helpers::default(),
            pass: scan::Limits::default(),
        }
    }

    /// A gate before `registry`, which stands for Docker Hub and ghcr.io.
    pub(crate) async fn start(self, registry: &FakeRegistry) -> Gate {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        self.start_in(folder, registry).await
    }

    /// The same in a folder that may have been another gate's.
    pub(crate) async fn start_in(self, folder: Arc<TempDir>, registry: &FakeRegistry) -> Gate {
        self.start_at(folder, &registry.url()).await
    }

    /// The same before a registry that another process has.
    pub(crate) async fn start_at(self, folder: Arc<TempDir>, url: &str) -> Gate {
        let store = Store::open(folder.path(), 1 << 30).await.unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let ledger = (self.wrap)(ledger);
        let upstreams = Arc::new(upstreams(url));
        let admission = Admission::new(Parts {
            policy: policy(&self.policy),
            names: NameCollector::new(Corpus::embedded()),
            // The registry stands for Docker Hub's own API too; without a policy that asks, it is not asked.
            reputations: self::upstreams(url)
                .get("docker.io")
                .cloned()
                .map(Reputations::new),
            content: Arc::new(Content::new(store.clone(), upstreams.clone())),
            scanner: Scanner::bounded(
                &folder.path().join("facts"),
                AdvisoryData::open(&folder.path().join("advisories"), None),
                Helpers {
                    others: self.scanners,
                    ..self.helpers
                },
                self.pass,
            ),
            ledger: ledger.clone(),
            tag_freshness: self.tag_freshness,
        });
        let explain = "http://explain.test".to_owned();
        let path = Gateway::new(admission.clone(), upstreams, explain, self.hold);
        let voucher = match self.vouches {
            true => {
                let signer = VsaSigner::open(&folder.path().join("vsa.key")).unwrap();
                let verifier = "https://lazaret.test".to_owned();
                let voucher = Voucher::new(signer, verifier, ledger.as_ref()).await;
                Some(Arc::new(voucher.unwrap()))
            }
            false => None,
        };
        let path = Arc::new(path.vouching(voucher));
        let (stop, stopping) = watch::channel(false);
        let mirror = listen(path.clone(), Side::Mirror, stopping.clone()).await;
        let gateway = listen(path, Side::Gateway, stopping).await;
        Gate {
            admission,
            store,
            ledger,
            mirror,
            gateway,
            folder,
            _stop: stop,
        }
    }
}

/// A policy that must be good.
pub(crate) fn policy(text: &str) -> Arc<Policy> {
    Arc::new(
        parse_policy(text, "policy.toml", None).unwrap_or_else(|mistakes| panic!("{mistakes}")),
    )
}

/// A running gate; it stops when it is dropped.
pub(crate) struct Gate {
    pub(crate) admission: Arc<Admission>,
    pub(crate) store: Store,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) mirror: SocketAddr,
    pub(crate) gateway: SocketAddr,
    pub(crate) folder: Arc<TempDir>,
    _stop: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn at_mirror(&self, user_agent: &str) -> Client {
        Client::new(self.mirror, user_agent)
    }

    pub(crate) fn at_gateway(&self) -> Client {
        Client::new(self.gateway, CONTAINERD)
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self._stop.send(true);
    }
}

/// A mirror listener of a gateway; it lives as long as the test.
pub(crate) async fn listen_mirror(path: Arc<Gateway>) -> SocketAddr {
    let (stop, stopping) = watch::channel(false);
    // Nobody says stop: the runtime ends with the test.
    std::mem::forget(stop);
    listen(path, Side::Mirror, stopping).await
}

async fn listen(path: Arc<Gateway>, side: Side, stopping: watch::Receiver<bool>) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let address = listener.address().unwrap();
    let handle = move |request, peer| path.clone().pull(side, request, peer);
    tokio::spawn(gateway::serve(
        listener,
        Limits::default(),
        stopping,
        handle,
    ));
    address
}

pub(crate) fn upstreams(url: &str) -> Upstreams {
    let registry = |host: &str| {
        let mut registry = RegistrySettings::new(host, url);
        registry.plain_http = true;
        registry
    };
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        read: Duration::from_secs(10),
        deadline: Duration::from_secs(20),
    };
    let registries = ["docker.io", "ghcr.io", "corp.example:5000"].map(registry);
    Upstreams::new(Settings {
        registries: registries.to_vec(),
        proxy: None,
        ca_files: Vec::new(),
        timeouts,
    })
    .unwrap()
}
