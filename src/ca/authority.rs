//! The authority, and the certificates that it makes while they are needed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;

/// How long an authority is good.
const YEARS: i64 = 10;
/// How long a host's certificate is good.
const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far a client's clock may be behind ours.
const BACKDATED: SignedDuration = SignedDuration::from_hours(24);
/// After so long a new certificate is made: well before the old one ends.
const RENEWED: Duration = Duration::from_secs(3 * 86_400);
/// Most hosts whose certificates are kept; a fleet pulls from some dozen registries.
const MAX_LEAVES: u64 = 1_000;
/// What the authority is called.
const NAME: &str = "Lazaret registry gateway";

/// Why there is no authority, or no certificate.
#[derive(Debug)]
pub struct CaError(pub(super) String);

impl fmt::Display for CaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CaError {}

fn wrong(error: impl fmt::Display) -> CaError {
    CaError(error.to_string())
}

/// A certificate authority with its key.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Arc<Issuer<'static, KeyPair>>,
    leaves: Cache<String, Arc<CertifiedKey>>,
    servers: Cache<String, Arc<ServerConfig>>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Authority {
    /// A new one, for these hosts and those below them only (RFC 5280, 4.2.1.10): certificate and key in PEM.
    ///
    /// # Errors
    /// [`CaError`] where a host is no name.
    pub fn make(hosts: &[String], now: Timestamp) -> Result<(String, String), CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let permitted = hosts.iter().cloned().map(GeneralSubtree::DnsName);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted.collect(),
            excluded_subtrees: Vec::new(),
        });
        days(&mut params, now, SignedDuration::from_hours(YEARS * 8_766))?;
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.self_signed(&key).map_err(wrong)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// One that was made before, here or by the company.
    ///
    /// # Errors
    /// [`CaError`]: what is wrong with the texts.
    pub fn read(certificate: &str, key: &str) -> Result<Authority, CaError> {
        let key = KeyPair::from_pem(key).map_err(|_| wrong("the key is no private key in PEM"))?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|_| wrong("the certificate is none in PEM"))?;
        let parsed = crate::trust::Certificate::from_der(&certificate).map_err(CaError)?;
        if parsed.public_key_info() != key.subject_public_key_info() {
            return Err(wrong("the key is not that of the certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(wrong)?;
        Ok(Authority {
            certificate,
            issuer: Arc::new(issuer),
            leaves: kept(),
            servers: kept(),
            clients: WebPkiClientVerifier::no_client_auth(),
        })
    }

    /// The same, asking clients for certificates.
    pub fn asking(&self, clients: Arc<dyn ClientCertVerifier>) -> Authority {
        Authority {
            certificate: self.certificate.clone(),
            issuer: self.issuer.clone(),
            leaves: self.leaves.clone(),
            servers: kept(),
            clients,
        }
    }

    /// What clients are to trust, in DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// How to answer as `host`, to a client that names it and no other.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn server(&self, host: &str, now: Timestamp) -> Result<Arc<ServerConfig>, CaError> {
        if let Some(known) = self.servers.get(host) {
            return Ok(known);
        }
        let made = Arc::new(self.make_server(host, now)?);
        self.servers.insert(host.to_owned(), made.clone());
        Ok(made)
    }

    /// The certificate for `host` and its key, made when it is first asked for.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn leaf(&self, host: &str, now: Timestamp) -> Result<Arc<CertifiedKey>, CaError> {
        // Many clients that come at once wait for one certificate.
        self.leaves
            .try_get_with_by_ref(host, || self.make_leaf(host, now).map(Arc::new))
            .map_err(|error| wrong(error.as_ref()))
    }

    fn make_leaf(&self, host: &str, now: Timestamp) -> Result<CertifiedKey, CaError> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(wrong)?;
        params.distinguished_name.push(DnType::CommonName, host);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        days(&mut params, now, LEAF_LIFE)?;
        let key = KeyPair::generate().map_err(wrong)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(wrong)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(wrong)?;
        let key = provider.key_provider.load_private_key(key).map_err(wrong)?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        Ok(CertifiedKey::new(chain, key))
    }

    fn make_server(&self, host: &str, now: Timestamp) -> Result<ServerConfig, CaError> {
        let only = Only {
            host: host.to_owned(),
            key: self.leaf(host, now)?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_client_cert_verifier(self.clients.clone())
            .with_cert_resolver(Arc::new(only));
        // The reason phrase of a refusal does not survive HTTP/2.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn kept<V: Clone + Send + Sync + 'static>() -> Cache<String, V> {
    Cache::builder()
        .max_capacity(MAX_LEAVES)
        .time_to_live(RENEWED)
        .build()
}

/// The days on which certificates begin and end.
fn days(
    params: &mut CertificateParams,
    now: Timestamp,
    life: SignedDuration,
) -> Result<(), CaError> {
    let moment = |at: Timestamp| {
        let day = Offset::UTC.to_datetime(at).date();
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(day.year().into(), part(day.month()), part(day.day()))
    };
    params.not_before = moment(now.checked_sub(BACKDATED).map_err(wrong)?);
    params.not_after = moment(now.checked_add(life).map_err(wrong)?);
    Ok(())
}

/// Answers to one name: a client that asks for another host in the same tunnel gets nothing.
#[derive(Debug)]
struct Only {
    host: String,
    key: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Only {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let same = hello
            .server_name()
            .is_some_and(|name| name.eq_ignore_ascii_case(&self.host));
        same.then(|| self.key.clone())
    }
}
