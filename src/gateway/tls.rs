//! TLS: certificates from PEM files that may be renewed while we run, certificates for registries' own names that are
//! made on demand, and the certificates that clients show.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use crate::ca::{self, Authority, CaError, Clients, without_resumption};
use crate::ledger::{Identity, KnownBy};
use crate::telemetry;

use super::dialled::Dialled;

/// What a listener's TLS is made from.
#[derive(Clone, Default)]
pub struct TlsSource {
    /// Certificate chain and key, PEM, for every name that is not a registry's.
    pub files: Option<(PathBuf, PathBuf)>,
    /// Whose certificates clients show.
    pub clients: Option<ClientCertificates>,
    /// The registries under whose own names it answers, and who certifies it as them.
    pub registries: Option<(Arc<Authority>, Arc<Dialled>)>,
}

/// Which certificates clients show.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// A PEM file of the authorities that make them.
    pub authorities: PathBuf,
    /// A PEM file of the lists of those that they took back.
    pub revoked: Option<PathBuf>,
    /// Whether a client without one is refused.
    pub required: bool,
}

/// A listener's TLS; its files are read again on demand.
pub struct Tls {
    source: TlsSource,
    current: ArcSwap<Current>,
}

/// What was read.
struct Current {
    config: Arc<ServerConfig>,
    clients: Option<Arc<Clients>>,
}

impl Tls {
    /// Reads all files.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(source: TlsSource) -> Result<Tls, TlsError> {
        let current = ArcSwap::new(Arc::new(read(&source)?));
        Ok(Tls { source, current })
    }

    /// Reads all files again; what was read before stays where one is bad.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(read(&self.source)?));
        Ok(())
    }

    /// The file of lists of revoked certificates, which is to be followed.
    pub fn revoked(&self) -> Option<PathBuf> {
        let by = self.source.clients.as_ref()?;
        by.revoked.clone()
    }

    /// Takes these lists, or refuses all certificates where there are none to be had.
    ///
    /// # Errors
    /// [`TlsError`]: why all are refused from now on.
    pub fn revoke(&self, lists: Result<&str, String>) -> Result<(), TlsError> {
        match &self.current.load().clients {
            Some(clients) => clients.take(lists).map_err(TlsError::from),
            None => Ok(()),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load().config.clone())
    }
}

/// Who the client proved to be in this handshake.
pub fn identity(session: &ServerConnection) -> Option<Identity> {
    let shown = session.peer_certificates()?.first()?;
    Identity::new(KnownBy::Certificate, &ca::client_name(shown)?)
}

/// The certificate for the name that a client gives.
#[derive(Debug)]
struct ByName {
    own: Option<Arc<CertifiedKey>>,
    registries: Option<Registries>,
}

struct Registries(Arc<Authority>, Arc<Dialled>);

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registries")
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        if let (Some(Registries(authority, known)), Some(name)) = (&self.registries, &name)
            && known.knows(name)
        {
            let made = authority.leaf(name, telemetry::now());
            return made
                .inspect_err(|error| tracing::error!(name, %error, "no certificate could be made"))
                .ok();
        }
        self.own.clone()
    }
}

/// HTTP/1.1 only: the reason phrase of a refusal does not survive HTTP/2.
fn read(source: &TlsSource) -> Result<Current, TlsError> {
    let own = match &source.files {
        Some((certificate, key)) => Some(Arc::new(pair(certificate, key)?)),
        None => None,
    };
    let clients = source.clients.as_ref().map(|by| {
        let revoked = by.revoked.as_deref();
        Clients::load(&by.authorities, revoked, by.required).map(Arc::new)
    });
    let clients = clients.transpose()?;
    let registries = source.registries.clone();
    let by_name = ByName {
        own,
        registries: registries.map(|(authority, known)| Registries(authority, known)),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.to_string()))?;
    let mut config = match &clients {
        Some(clients) => without_resumption(
            builder
                .with_client_cert_verifier(clients.clone())
                .with_cert_resolver(Arc::new(by_name)),
        ),
        None => builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(by_name)),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Current {
        config: Arc::new(config),
        clients,
    })
}

fn pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let wrong = |file: &Path, why: String| TlsError(format!("{}: {why}", file.display()));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "no PEM certificate in it".to_owned()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, private, &provider)
        .map_err(|error| wrong(key, format!("does not fit the certificate: {error}")))
}

/// A certificate or key file that cannot be used; the sentence names it.
#[derive(Debug)]
pub struct TlsError(String);

impl From<CaError> for TlsError {
    fn from(error: CaError) -> TlsError {
        TlsError(error.to_string())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}
