//! The authority, and the certificates that it makes while they are needed.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
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
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

use super::client::provider;
use super::revoked::{Clients, without_resumption};

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
pub(super) const NAME: &str = "Lazaret registry gateway";

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

/// Our certificate authority, and the one that comes after it where there is one: clients trust both before it signs.
/// Which they are may change while it is in use.
pub struct Authority {
    signers: Arc<ArcSwap<Signers>>,
    servers: Cache<(Fingerprint, String), Arc<ServerConfig>>,
    clients: Option<Arc<Clients>>,
}

/// SHA-256 of a certificate.
type Fingerprint = [u8; 32];

/// Who signs, and who will.
#[derive(Clone)]
struct Signers {
    now: Arc<Signer>,
    next: Option<(Arc<Signer>, Option<Timestamp>)>,
}

impl Signers {
    fn at(&self, now: Timestamp) -> &Arc<Signer> {
        match &self.next {
            Some((next, Some(from))) if now >= *from => next,
            _ => &self.now,
        }
    }
}

/// A certificate with its key.
struct Signer {
    certificate: CertificateDer<'static>,
    fingerprint: Fingerprint,
    issuer: Issuer<'static, KeyPair>,
    leaves: Cache<String, Arc<CertifiedKey>>,
}

impl Authority {
    /// A new one, for these hosts and those below them only (RFC 5280, 4.2.1.10): certificate and key in PEM.
    ///
    /// # Errors
    /// [`CaError`] where a host is no name.
    pub fn make(hosts: &[String], now: Timestamp) -> Result<(String, String), CaError> {
        Authority::make_named(NAME, hosts, now)
    }

    /// The same under another name: two authorities of one name would be taken for each other.
    pub(super) fn make_named(
        name: &str,
        hosts: &[String],
        now: Timestamp,
    ) -> Result<(String, String), CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
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
        let now = Arc::new(Signer::read(certificate, key)?);
        Ok(Authority {
            signers: Arc::new(ArcSwap::from_pointee(Signers { now, next: None })),
            servers: kept(),
            clients: None,
        })
    }

    /// The same, followed by another, which signs from a time on, if that is said.
    #[must_use]
    pub fn followed_by(self, next: &Authority, from: Option<Timestamp>) -> Authority {
        let signers = Signers {
            now: self.signers.load().now.clone(),
            next: Some((next.signers.load().now.clone(), from)),
        };
        self.signers.store(Arc::new(signers));
        self
    }

    /// Signs from now on as `other` does. Certificates that were made stay where the signer does.
    pub fn become_like(&self, other: &Authority) {
        let (own, fresh) = (self.signers.load_full(), other.signers.load_full());
        let known = [Some(&own.now), own.next.as_ref().map(|(next, _)| next)];
        let keep = |signer: &Arc<Signer>| {
            let same = known.into_iter().flatten();
            let mut same = same.filter(|known| known.fingerprint == signer.fingerprint);
            same.next().unwrap_or(signer).clone()
        };
        let next = fresh.next.as_ref();
        self.signers.store(Arc::new(Signers {
            now: keep(&fresh.now),
            next: next.map(|(next, from)| (keep(next), *from)),
        }));
    }

    /// The same, asking clients for certificates.
    pub fn asking(&self, clients: Arc<Clients>) -> Authority {
        Authority {
            signers: self.signers.clone(),
            servers: kept(),
            clients: Some(clients),
        }
    }

    /// Who signs, in DER.
    pub fn certificate(&self, now: Timestamp) -> CertificateDer<'static> {
        self.signers.load().at(now).certificate.clone()
    }

    /// What clients are to trust, in DER: who signs first, then who comes next or was before.
    pub fn trusted(&self, now: Timestamp) -> Vec<CertificateDer<'static>> {
        let signers = self.signers.load();
        let first = signers.at(now);
        let all = [
            Some(&signers.now),
            signers.next.as_ref().map(|(next, _)| next),
        ];
        let rest = all.into_iter().flatten();
        let rest = rest.filter(|signer| signer.fingerprint != first.fingerprint);
        [first]
            .into_iter()
            .chain(rest)
            .map(|signer| signer.certificate.clone())
            .collect()
    }

    /// How to answer as `host`, to a client that names it and no other.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn server(&self, host: &str, now: Timestamp) -> Result<Arc<ServerConfig>, CaError> {
        let signer = self.signers.load().at(now).clone();
        let at = (signer.fingerprint, host.to_owned());
        if let Some(known) = self.servers.get(&at) {
            return Ok(known);
        }
        let made = Arc::new(self.make_server(&signer, host, now)?);
        self.servers.insert(at, made.clone());
        Ok(made)
    }

    /// The certificate for `host` and its key, made when it is first asked for.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn leaf(&self, host: &str, now: Timestamp) -> Result<Arc<CertifiedKey>, CaError> {
        self.signers.load().at(now).leaf(host, now)
    }

    fn make_server(
        &self,
        signer: &Signer,
        host: &str,
        now: Timestamp,
    ) -> Result<ServerConfig, CaError> {
        let only = Arc::new(Only {
            host: host.to_owned(),
            key: signer.leaf(host, now)?,
        });
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let mut config = match &self.clients {
            Some(clients) => without_resumption(
                builder
                    .with_client_cert_verifier(clients.clone())
                    .with_cert_resolver(only),
            ),
            None => builder.with_no_client_auth().with_cert_resolver(only),
        };
        // The reason phrase of a refusal does not survive HTTP/2.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl Signer {
    fn read(certificate: &str, key: &str) -> Result<Signer, CaError> {
        let key = KeyPair::from_pem(key).map_err(|_| wrong("the key is no private key in PEM"))?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|_| wrong("the certificate is none in PEM"))?;
        let parsed = crate::trust::Certificate::from_der(&certificate).map_err(CaError)?;
        if parsed.public_key_info() != key.subject_public_key_info() {
            return Err(wrong("the key is not that of the certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(wrong)?;
        Ok(Signer {
            fingerprint: Sha256::digest(&certificate).into(),
            certificate,
            issuer,
            leaves: kept(),
        })
    }

    fn leaf(&self, host: &str, now: Timestamp) -> Result<Arc<CertifiedKey>, CaError> {
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
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(wrong)?;
        let key = provider().key_provider.load_private_key(key);
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        Ok(CertifiedKey::new(chain, key.map_err(wrong)?))
    }
}

fn kept<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>() -> Cache<K, V> {
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
