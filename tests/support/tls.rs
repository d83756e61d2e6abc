//! TLS as clients speak it, an authority that certifies clients, and doors that a gate is reached through.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lazaret::ca::Authority;
use lazaret::gateway::{
    self, Dialled, Gateway, Hold, Identification, Limits, Listener, Side, Tls, TlsSource,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fake_registry::FakeRegistry;
use super::gate::{Gate, upstreams};

/// Writes, and reads until the answer is complete or the other side has nothing more to say.
pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    text: &str,
) -> String {
    let _ = stream.write_all(text.as_bytes()).await;
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    let patience = Duration::from_secs(20);
    loop {
        let read = tokio::time::timeout(patience, stream.read(&mut buffer))
            .await
            .expect("an answer");
        match read {
            Ok(0) | Err(_) => break,
            Ok(count) => said.extend_from_slice(&buffer[..count]),
        }
        let text = String::from_utf8_lossy(&said);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break;
        }
    }
    String::from_utf8(said).unwrap()
}

/// A certificate with its key.
pub(crate) type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A client that trusts one authority, with a certificate or without.
pub(crate) fn trusting(root: &CertificateDer<'static>, shown: Option<&Shown>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        Some((certificate, key)) => config
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
            .unwrap(),
        None => config.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

/// An authority for whatever a test needs: servers' files, clients' certificates.
pub(crate) struct Office {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) root: CertificateDer<'static>,
    pem: String,
}

impl Office {
    pub(crate) fn new() -> Office {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "office");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Office {
            root: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate as a file.
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        let file = folder.join("office.pem");
        std::fs::write(&file, &self.pem).unwrap();
        file
    }

    /// A certificate for a client of this name.
    pub(crate) fn client(&self, name: &str) -> Shown {
        self.client_numbered(name, 7)
    }

    /// The same with a serial number.
    pub(crate) fn client_numbered(&self, name: &str, serial: u64) -> Shown {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name.push(DnType::CommonName, "client");
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (certificate.der().clone(), key)
    }

    /// A list of revoked certificates, by their serial numbers, PEM; good between two years.
    pub(crate) fn revoked(&self, serials: &[u64], (from, until): (i32, i32)) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(from, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(from, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// Certificate and key for a server, as files.
    pub(crate) fn server(&self, name: &str, folder: &Path) -> (PathBuf, PathBuf) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (folder.join("server.pem"), folder.join("server.key"));
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

/// A gateway listener with TLS; it stops when it is dropped.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// Of the authority that certifies it as registries.
    pub(crate) authority: CertificateDer<'static>,
    /// To give it other lists of revoked certificates.
    pub(crate) tls: Arc<Tls>,
    _stop: watch::Sender<bool>,
}

/// Opens a gateway listener of `gate`. `make` is given the authority for registries' names.
pub(crate) async fn open(
    gate: &Gate,
    registry: &FakeRegistry,
    identification: Identification,
    make: impl FnOnce(Arc<Authority>, Arc<Dialled>) -> TlsSource,
) -> Door {
    let upstreams = Arc::new(upstreams(&registry.url()));
    let explain = "http://why".to_owned();
    let path = Gateway::new(gate.admission.clone(), upstreams, explain, Hold::default());
    let path = Arc::new(path.identifying(identification));
    let now = lazaret::telemetry::now();
    let (certificate, key) = Authority::make(&path.dialled().hosts(), now).unwrap();
    let authority = Arc::new(Authority::read(&certificate, &key).unwrap());
    let root = authority.certificate(now);
    let tls = Arc::new(Tls::load(make(authority, path.dialled().clone())).unwrap());
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(any, Some(tls.clone())).await.unwrap();
    let address = listener.address().unwrap();
    let (stop, stopping) = watch::channel(false);
    let handle = move |request, peer| path.clone().pull(Side::Gateway, request, peer);
    let serving = gateway::serve(listener, Limits::default(), stopping, handle);
    tokio::spawn(serving);
    Door {
        address,
        authority: root,
        tls,
        _stop: stop,
    }
}

impl Door {
    /// A connection under a name.
    pub(crate) async fn connect(
        &self,
        name: &str,
        root: &CertificateDer<'static>,
        shown: Option<&Shown>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        trusting(root, shown).connect(name, stream).await
    }
}
