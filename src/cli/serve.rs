//! `lazaret serve`.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::listeners::Listeners;
use super::roots::{self, Reloader};
use super::wire::{
    Built, Loaded, Trouble, about, beside, build, exit, offered, policy_with, runtime, server,
};
use super::{ServeArgs, db, listeners, output, pages, scanners};
use crate::admission::Admission;
use crate::config::reload::{Change, watch as watch_file};
use crate::config::{self, Server};
use crate::gateway::{self, Gateway, Hold, Limits, Listener, Side, Tls};
use crate::proxy;
use crate::telemetry;

/// Between two sweeps of what is older than the retention, and two looks at renewed certificates.
const CHORES: Duration = Duration::from_secs(600);

pub(super) fn serve(args: ServeArgs) -> ExitCode {
    let done = settings(args).and_then(|(server, loaded)| runtime()?.block_on(run(server, loaded)));
    exit(done.map(|()| 0))
}

/// Flags win over the file.
fn settings(args: ServeArgs) -> Result<(Server, Loaded), Trouble> {
    let mut server = server(args.config.as_deref())?;
    server.mirror.listen = args.mirror.unwrap_or(server.mirror.listen);
    server.admin.listen = args.admin.unwrap_or(server.admin.listen);
    if let Some(listen) = args.gateway {
        let unwritten = || config::Listener {
            listen,
            tls: None,
            clients: None,
            registry_names: false,
        };
        let mut gateway = server.gateway.take().unwrap_or_else(unwritten);
        gateway.listen = listen;
        let tls = gateway.tls.is_some() || gateway.registry_names;
        if !tls && !listen.ip().is_loopback() {
            let why = "a gateway that others reach needs TLS: give tls_certificate and tls_key in [gateway], or listen on 127.0.0.1";
            return Err(Trouble::Other(why.to_owned()));
        }
        server.gateway = Some(gateway);
    }
    server.data_dir = args.data_dir.unwrap_or(server.data_dir);
    let file = args.policy.or_else(|| server.policy.clone());
    let loaded = policy_with(file, &beside(&server))?;
    Ok((server, loaded))
}

async fn run(server: Server, loaded: Loaded) -> Result<(), Trouble> {
    telemetry::init(
        server.log.format == config::LogFormat::Json,
        server.log.level.as_str(),
    );
    raise_file_limit();
    // From the first moment: an untimely signal must not kill what listens to it only later.
    let mut signals = Signals::listen()?;
    std::fs::create_dir_all(&server.data_dir).map_err(about(&server.data_dir))?;
    let _lock = lock(&server)?;
    let built = build(&server, loaded.policy.clone(), &server.data_dir).await?;
    telemetry::metrics().set_upstreams(built.upstreams.hosts());
    telemetry::metrics().reloaded(true, telemetry::now());
    let listeners = listeners::bind(&server, &built).await?;
    let explain = explain_url(&server, &listeners.admin);
    let alarm = super::watch::start(&server, &built);
    super::notify::start(&server, &built.ledger, &explain, &alarm)?;
    greet(&server, &loaded, &listeners);
    let (mirror, admin, gateway) = (listeners.mirror, listeners.admin, listeners.gateway);
    let authority = listeners.authority.clone();
    let path = path(&server, &built, explain).await?;
    tokio::spawn(chores(
        server.retention,
        built.ledger.clone(),
        listeners.tls,
    ));
    stay_current(&server, loaded, &built.admission);
    let (stop, stopping) = watch::channel(false);
    let mut serving = tokio::task::JoinSet::new();
    let watching = (path.clone(), stopping.clone());
    serving.spawn(async move { watching.0.watch_for_bypass(watching.1).await });
    serving.spawn(pulls(mirror, Side::Mirror, path.clone(), stopping.clone()));
    gateway.into_iter().for_each(|listener| {
        drop(serving.spawn(pulls(
            listener,
            Side::Gateway,
            path.clone(),
            stopping.clone(),
        )))
    });
    if let Some((listener, shown)) = listeners.inspection.zip(built.shown.clone()) {
        serving.spawn(scanners::inspected(listener, shown, stopping.clone()));
    }
    if let (Some(settings), Some(listener), Some(authority)) =
        (&server.proxy, listeners.proxy, listeners.authority)
    {
        let proxy = listeners::proxy(settings, path.clone(), authority, stopping.clone())?;
        serving.spawn(proxy::serve(listener, Arc::new(proxy)));
    }
    let pages = pages::pages(admin, &server, &built, path, authority, stopping)?;
    serving.spawn(pages);
    signals.stop().await;
    tracing::info!("stopping: running exchanges may end");
    let _ = stop.send(true);
    while serving.join_next().await.is_some() {}
    built
        .ledger
        .flush()
        .await
        .map_err(|error| Trouble::Other(error.to_string()))
}

/// The path of every pull.
async fn path(server: &Server, built: &Built, explain: String) -> Result<Arc<Gateway>, Trouble> {
    let hold = Hold {
        exchange: server.hold.per_exchange,
        hops: u32::from(server.hold.max_hops),
    };
    let (admission, upstreams) = (built.admission.clone(), built.upstreams.clone());
    let path = Gateway::new(admission, upstreams, explain, hold);
    let path = path.identifying(listeners::identification(server));
    let voucher = super::vsa::voucher(server, built).await?;
    Ok(Arc::new(path.vouching(voucher)))
}

/// One server per data folder: two would not know of each other's blobs.
fn lock(server: &Server) -> Result<File, Trouble> {
    let path = server.data_dir.join("lock");
    let file = File::create(&path).map_err(about(&path))?;
    file.try_lock().map_err(|_| {
        Trouble::Other(format!(
            "{}: another lazaret serves from this folder",
            server.data_dir.display()
        ))
    })?;
    Ok(file)
}

/// Where explain links point.
fn explain_url(server: &Server, admin: &Listener) -> String {
    if let Some(url) = &server.external_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    if admin.address().is_ok_and(|at| at.ip().is_unspecified()) {
        tracing::warn!(
            "external_url is not set: explain links name 127.0.0.1, which is another machine to most clients"
        );
    }
    url(admin)
}

/// What a person opens. A listener on all addresses is at this machine's own, as far as anybody knows.
fn url(listener: &Listener) -> String {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let bound = listener.address().unwrap_or(SocketAddr::new(here, 0));
    let ip = if bound.ip().is_unspecified() {
        here
    } else {
        bound.ip()
    };
    format!(
        "{}://{}",
        listener.scheme(),
        SocketAddr::new(ip, bound.port())
    )
}

fn greet(server: &Server, loaded: &Loaded, listeners: &Listeners) {
    let policy = &loaded.policy;
    let shipped = if loaded.file.is_none() {
        ", as shipped"
    } else {
        ""
    };
    let mode = match policy.mode() {
        crate::policy::Mode::Enforce => "enforce",
        crate::policy::Mode::Audit => "audit: nothing is blocked",
        crate::policy::Mode::Lockdown => "lockdown: nothing new is let in",
    };
    let rules = match policy.rules().len() {
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    output::err(format_args!("lazaret {}", env!("CARGO_PKG_VERSION")));
    let doors = [
        ("mirror", Some(&listeners.mirror)),
        ("gateway", listeners.gateway.as_ref()),
        ("proxy", listeners.proxy.as_ref()),
        ("admin", Some(&listeners.admin)),
    ];
    for (name, door) in doors {
        if let Some(door) = door {
            output::err(format_args!("  {name:<8} {}", url(door)));
        }
    }
    output::err(format_args!(
        "  policy   {}{shipped} ({mode}, {rules})",
        policy.source()
    ));
    output::err(format_args!("  data     {}", server.data_dir.display()));
    output::err("\nPoint Docker at it, and have it proven:");
    output::err(format_args!(
        "  sudo lazaret setup docker --mirror {} --apply",
        url(&listeners.mirror)
    ));
    output::err("  sudo systemctl restart docker && sudo lazaret doctor\n");
}

async fn pulls(
    listener: Listener,
    side: Side,
    path: Arc<Gateway>,
    stopping: watch::Receiver<bool>,
) {
    gateway::serve(
        listener,
        Limits::default(),
        stopping,
        move |request, peer| path.clone().pull(side, request, peer),
    )
    .await;
}

/// As many open files as the system lets us have: every client and every download is one, and 1,024, which most
/// services start with, are few.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn chores(retention: Duration, ledger: Arc<dyn crate::ledger::Ledger>, tls: Vec<Arc<Tls>>) {
    let keep = jiff::SignedDuration::try_from(retention).unwrap_or(jiff::SignedDuration::MAX);
    loop {
        tokio::time::sleep(CHORES).await;
        for files in &tls {
            if let Err(error) = files.reload() {
                tracing::error!(%error, "the certificate stays as it was");
            }
        }
        if let Ok(before) = telemetry::now().checked_sub(keep)
            && let Err(error) = ledger.sweep(before).await
        {
            tracing::error!(%error, "old decisions are not removed");
        }
    }
}

/// Follows the policy's file, and refreshes trusted roots and advisories.
fn stay_current(server: &Server, loaded: Loaded, admission: &Arc<Admission>) {
    let reloader = Arc::new(Reloader {
        file: loaded.file,
        text: Mutex::new(loaded.text.clone()),
        data_dir: server.data_dir.clone(),
        offered: offered(server),
        admission: admission.clone(),
    });
    if let Some(file) = reloader.file.clone() {
        tokio::spawn(follow(file, loaded.text, reloader.clone()));
    }
    tokio::spawn(admission.clone().follow_revocations());
    tokio::spawn(admission.clone().follow_changes());
    let advisories = admission.scanner().advisories().clone();
    tokio::spawn(db::keep_fresh(advisories, server.upstream.fetch_advisories));
    if server.upstream.refresh_roots {
        tokio::spawn(roots::keep_fresh(server.clone(), reloader));
    }
}

/// Puts every good text of the policy's file in force; a bad one changes nothing and is told loudly.
async fn follow(file: std::path::PathBuf, text: String, reloader: Arc<Reloader>) {
    watch_file(file.clone(), &text, |change| {
        let read = match change {
            Change::Text(text) => reloader.load(Some(text)),
            Change::Unreadable(error) => Err(error.to_string()),
        };
        telemetry::metrics().reloaded(read.is_ok(), telemetry::now());
        match read {
            Ok(policy) => {
                tracing::info!(file = %file.display(), rules = policy.rules().len(), "policy loaded");
            }
            Err(why) => tracing::error!(file = %file.display(), "the policy is not loaded, the old one stays:\n{why}"),
        }
    })
    .await;
}

/// The signals that a server lives by. SIGHUP is heard by whoever watches a file, and must kill nobody.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    _hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Signals, Trouble> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|error| Trouble::Other(format!("signals: {error}")));
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            _hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
