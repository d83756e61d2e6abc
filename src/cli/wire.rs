//! From settings to rooms that work together: the only place that builds everything.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::{DataArgs, FAILED, db, output, roots, scanners};
use crate::admission::{Admission, Parts};
use crate::config::{self, Beside, ClamdAddress, Diagnostics, Offered, Server};
#[cfg(feature = "yara")]
use crate::evidence::Yara;
use crate::evidence::{
    Clamd, Content, Helpers, NameCollector, Reputations, Scanner, Shown, fetched_roots,
};
use crate::ledger::{Ledger, SqliteLedger};
use crate::names::Corpus;
use crate::policy::Policy;
use crate::store::Store;
use crate::upstream::{ProxySettings, RegistrySettings, Settings, Timeouts, Upstream, Upstreams};

/// What Docker Hub's API is called in messages.
const HUB_API: &str = "hub.docker.com";
/// How long figures may take with all retries: a pull waits for a part of it only.
const HUB_DEADLINE: Duration = Duration::from_secs(10);
/// The ledger's file in the data folder.
pub(super) const LEDGER: &str = "ledger.db";
/// The folder of facts of layers in the data folder.
const FACTS: &str = "facts";
/// The file of added names in the data folder.
pub(super) const NAMES: &str = "names.csv";

/// Why a command cannot begin.
pub(super) enum Trouble {
    /// A file has mistakes.
    Mistakes(Diagnostics),
    /// Anything else, in a sentence.
    Other(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Mistakes(mistakes) => write!(f, "{}", mistakes.to_string().trim_end()),
            Trouble::Other(why) => write!(f, "error: {why}"),
        }
    }
}

/// The exit code of what was done; trouble is told.
pub(super) fn exit(done: Result<u8, Trouble>) -> ExitCode {
    match done {
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            output::err(trouble);
            ExitCode::from(FAILED)
        }
    }
}

/// A sentence with the file in it.
pub(super) fn about(file: &Path) -> impl Fn(std::io::Error) -> Trouble + '_ {
    move |error| Trouble::Other(format!("{}: {error}", file.display()))
}

/// The server's settings: of the file, or the defaults.
pub(super) fn server(file: Option<&Path>) -> Result<Server, Trouble> {
    let (text, name) = match file {
        Some(file) => (
            config::reload::read(file).map_err(about(file))?,
            file.to_string_lossy().into_owned(),
        ),
        None => (String::new(), "lazaret.toml".to_owned()),
    };
    config::parse_server(&text, &name).map_err(Trouble::Mistakes)
}

/// The same, with the folder that flags name.
pub(super) fn settings(data: &DataArgs) -> Result<Server, Trouble> {
    let mut server = server(data.config.as_deref())?;
    if let Some(folder) = &data.data_dir {
        server.data_dir = folder.clone();
    }
    Ok(server)
}

/// Where clamd listens, in the words of who talks to it.
fn clamd(address: &ClamdAddress) -> Clamd {
    match address {
        ClamdAddress::Unix(path) => Clamd::Unix(path.clone()),
        ClamdAddress::Tcp(address) => Clamd::Tcp(*address),
    }
}

/// The folder of a server's data.
pub(super) fn data_dir(args: &DataArgs) -> Result<PathBuf, Trouble> {
    match &args.data_dir {
        Some(folder) => Ok(folder.clone()),
        None => Ok(server(args.config.as_deref())?.data_dir),
    }
}

/// The ledger of a server, running or not.
pub(super) fn ledger(args: &DataArgs) -> Result<SqliteLedger, Trouble> {
    let file = data_dir(args)?.join(LEDGER);
    if !file.exists() {
        return Err(Trouble::Other(format!(
            "{}: no ledger here; name the server's file with --config, or the folder with --data-dir",
            file.display()
        )));
    }
    SqliteLedger::open(&file)
        .map_err(|error| Trouble::Other(format!("{}: {error}", file.display())))
}

/// The well-known names: those built in and those that were added in the folder.
pub(super) fn corpus(folder: &Path) -> Result<&'static Corpus, Trouble> {
    let file = folder.join(NAMES);
    if !file.exists() {
        return Ok(Corpus::embedded());
    }
    let added = config::reload::read(&file).map_err(about(&file))?;
    let corpus = Corpus::extended(&added)
        .map_err(|error| Trouble::Other(format!("{}: {error}", file.display())))?;
    // It lives as long as the process, like the one that is built in.
    Ok(Box::leak(Box::new(corpus)))
}

/// A policy with the text that it was read from.
pub(super) struct Loaded {
    pub(super) policy: Arc<Policy>,
    pub(super) text: String,
    /// None for the shipped one.
    pub(super) file: Option<PathBuf>,
}

/// The policy of a file, or the shipped one.
pub(super) fn policy(file: Option<PathBuf>) -> Result<Loaded, Trouble> {
    policy_with(file, &Beside::default())
}

/// What a server's policy is read beside.
pub(super) fn beside(server: &Server) -> Beside {
    Beside {
        offered: Some(offered(server)),
        ..known_roots(&server.data_dir)
    }
}

/// What policies may ask.
pub(super) fn offered(server: &Server) -> Offered {
    let scanners = server.scanners.iter();
    Offered {
        scanners: scanners.map(|scanner| scanner.name.clone()).collect(),
        clamd: server.clamd.is_some(),
        yara: !server.yara.is_empty(),
    }
}

/// The trusted roots that are built in or were fetched into the data folder.
pub(super) fn known_roots(data_dir: &Path) -> Beside {
    let (roots, wrong) = fetched_roots(&roots::folder(data_dir));
    for why in wrong {
        output::err(format_args!(
            "warning: {why}; fetch it again: lazaret trust update"
        ));
    }
    Beside {
        roots,
        offered: None,
    }
}

/// The same beside what is there.
pub(super) fn policy_with(file: Option<PathBuf>, beside: &Beside) -> Result<Loaded, Trouble> {
    let (text, name) = match &file {
        Some(file) => (
            config::reload::read(file).map_err(about(file))?,
            file_name(file),
        ),
        None => (
            config::SHIPPED_POLICY.to_owned(),
            config::SHIPPED_POLICY_NAME.to_owned(),
        ),
    };
    let folder = file.as_deref().and_then(Path::parent);
    let policy =
        config::parse_policy_with(&text, &name, folder, beside).map_err(Trouble::Mistakes)?;
    Ok(Loaded {
        policy: Arc::new(policy),
        text,
        file,
    })
}

/// What verdicts call a policy file: its name without the folder, which is of no use to who reads the verdict.
pub(super) fn file_name(file: &Path) -> String {
    file.file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// The registry client for these settings.
pub(super) fn upstreams(server: &Server) -> Result<Upstreams, Trouble> {
    let settings = dialling(server, super::registries::registries(server)?);
    Upstreams::new(settings).map_err(|error| Trouble::Other(error.to_string()))
}

/// Docker Hub's own API, which is asked for figures and is no registry.
fn hub(server: &Server) -> Result<Arc<Upstream>, Trouble> {
    let written = server.upstream.docker_hub_api.as_ref();
    let url = written.map_or("https://hub.docker.com", Url::as_str);
    outside(server, HUB_API, url, HUB_DEADLINE)
}

/// A server that the operator names and that is no registry. It may have a private address.
pub(super) fn outside(
    server: &Server,
    name: &str,
    url: &str,
    deadline: Duration,
) -> Result<Arc<Upstream>, Trouble> {
    let wrong = |error: &dyn std::fmt::Display| Trouble::Other(format!("{name}: {error}"));
    let url = Url::parse(url).map_err(|error| wrong(&error))?;
    let mut registry = RegistrySettings::new(name, &url.origin().ascii_serialization());
    registry.plain_http = url.scheme() == "http";
    registry.redirect_hosts = url.host_str().into_iter().map(str::to_owned).collect();
    let mut settings = dialling(server, vec![registry]);
    settings.timeouts.deadline = deadline;
    let built = Upstreams::new(settings).map_err(|error| wrong(&error))?;
    built
        .get(name)
        .cloned()
        .ok_or_else(|| wrong(&"cannot be asked"))
}

/// How the Internet is reached.
pub(super) fn dialling(server: &Server, registries: Vec<RegistrySettings>) -> Settings {
    let settings = &server.upstream;
    Settings {
        registries,
        proxy: settings.proxy.as_ref().map(|url| ProxySettings {
            url: url.to_string(),
            no_proxy: settings.no_proxy.clone(),
        }),
        ca_files: settings.ca_files.clone(),
        timeouts: Timeouts {
            connect: settings.connect_timeout,
            read: settings.read_timeout,
            deadline: settings.deadline,
        },
    }
}

/// The gate's mind and what it stands on, in `folder`.
pub(super) struct Built {
    pub(super) admission: Arc<Admission>,
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) store: Store,
    pub(super) ledger: Arc<dyn Ledger>,
    /// What scanners may fetch, where they may.
    pub(super) shown: Option<Arc<Shown>>,
}

/// Opens store and ledger in `folder` and joins all rooms.
pub(super) async fn build(
    server: &Server,
    policy: Arc<Policy>,
    folder: &Path,
) -> Result<Built, Trouble> {
    std::fs::create_dir_all(folder).map_err(about(folder))?;
    let upstreams = Arc::new(upstreams(server)?);
    let store = Store::open(folder, server.cache.max_size)
        .await
        .map_err(about(folder))?;
    let file = folder.join(LEDGER);
    let ledger = SqliteLedger::open(&file)
        .map_err(|error| Trouble::Other(format!("{}: {error}", file.display())))?;
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let inspection = server.inspection.as_ref();
    let shown = inspection.map(|one| Shown::new(one.url.as_str().trim_end_matches('/').to_owned()));
    let admission = Admission::new(Parts {
        policy,
        names: NameCollector::new(corpus(&server.data_dir)?),
        reputations: Some(Reputations::new(hub(server)?)),
        content: Arc::new(Content::new(store.clone(), upstreams.clone())),
        scanner: scanner(server, folder, shown.as_ref())?,
        ledger: ledger.clone(),
        tag_freshness: server.cache.tag_freshness,
    });
    let read = admission.reread_revocations().await;
    read.map_err(|error| Trouble::Other(format!("{}: {error}", file.display())))?;
    Ok(Built {
        admission,
        upstreams,
        store,
        ledger,
        shown,
    })
}

/// All who help to look into images. `shown`: where other scanners find them.
fn helpers(server: &Server, shown: Option<&Arc<Shown>>) -> Result<Helpers, Trouble> {
    Ok(Helpers {
        clamd: server.clamd.as_ref().map(clamd),
        #[cfg(feature = "yara")]
        yara: yara(server)?,
        others: scanners::others(server, shown)?,
    })
}

/// The operator's rules, understood; none where there are none.
#[cfg(feature = "yara")]
pub(super) fn yara(server: &Server) -> Result<Option<Yara>, Trouble> {
    let rules = Some(&server.yara).filter(|rules| !rules.is_empty());
    let read = rules.map(|rules| Yara::read(rules)).transpose();
    read.map_err(|why| Trouble::Other(format!("[yara]: {why}")))
}

/// What looks into layers, and keeps what it learns of them in `folder`.
/// `shown`: where other scanners find images.
pub(super) fn scanner(
    server: &Server,
    folder: &Path,
    shown: Option<&Arc<Shown>>,
) -> Result<Arc<Scanner>, Trouble> {
    Ok(Scanner::with(
        &folder.join(FACTS),
        db::advisories(server, false)?,
        helpers(server, shown)?,
    ))
}

/// A gate's mind that knows what a server kept, asks nobody and has nothing to serve; the server may run.
pub(super) async fn kept_admission(
    server: &Server,
    policy: Arc<Policy>,
    scratch: &Path,
) -> Result<Arc<Admission>, Trouble> {
    let data = &server.data_dir;
    let ledger = ledger(&DataArgs {
        config: None,
        data_dir: Some(data.clone()),
    })?;
    let store = Store::open(scratch, 0).await.map_err(about(scratch))?;
    let nobody = Arc::new(Upstreams::nobody());
    let admission = Admission::new(Parts {
        policy,
        names: NameCollector::new(corpus(data)?),
        reputations: None,
        content: Arc::new(Content::in_folder(store, nobody, data)),
        scanner: Scanner::with(&data.join(FACTS), db::opened(data), helpers(server, None)?),
        ledger: Arc::new(ledger),
        tag_freshness: server.cache.tag_freshness,
    });
    let read = admission.reread_revocations().await;
    read.map_err(|error| Trouble::Other(error.to_string()))?;
    Ok(admission)
}

/// A runtime for a command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Trouble> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    built.map_err(|error| Trouble::Other(format!("no runtime: {error}")))
}
