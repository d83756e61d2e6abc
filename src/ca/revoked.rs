//! Who is believed to be a client, less those whose certificates were revoked (RFC 5280, 5).

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};

use super::CaError;
use super::client::{provider, roots};

/// Most bytes of a file of lists: some fifty thousand revoked certificates.
const MAX_BYTES: usize = 4 << 20;
/// Most lists in a file: one of each authority that certifies clients.
const MAX_LISTS: usize = 64;

/// Verifies clients' certificates. The lists of revoked ones may change while it is in use; where they cannot be used,
/// no certificate is believed.
pub struct Clients {
    roots: Arc<RootCertStore>,
    required: bool,
    revoked: Option<PathBuf>,
    /// For what does not depend on lists.
    plain: Arc<dyn ClientCertVerifier>,
    state: ArcSwap<State>,
}

/// How a certificate is verified now, or why none is believed.
type State = Result<Arc<dyn ClientCertVerifier>, String>;

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("required", &self.required)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

impl Clients {
    /// Believes certificates that an authority of the PEM file made for clients (RFC 5280, 4.2.1.12) and that no list of
    /// `revoked` has. Where none is `required`, a client may show none; one that shows a bad one is refused all the same.
    ///
    /// # Errors
    /// [`CaError`] names the file.
    pub fn load(
        authorities: &Path,
        revoked: Option<&Path>,
        required: bool,
    ) -> Result<Clients, CaError> {
        let roots = Arc::new(roots(authorities)?);
        let about = |file: &Path, why: String| CaError(format!("{}: {why}", file.display()));
        let plain = verifier(&roots, required, None).map_err(|why| about(authorities, why))?;
        let clients = Clients {
            required,
            revoked: revoked.map(Path::to_owned),
            state: ArcSwap::from_pointee(Ok(plain.clone())),
            plain,
            roots,
        };
        if let Some(file) = revoked {
            let text = read(file).map_err(|error| error.to_string());
            let made = text.and_then(|text| clients.less(&text));
            let made = made.map_err(|why| about(file, why))?;
            clients.state.store(Arc::new(Ok(made)));
        }
        Ok(clients)
    }

    /// The file of lists.
    pub fn revoked(&self) -> Option<&Path> {
        self.revoked.as_deref()
    }

    /// Takes the lists as they are now: their text, or why it cannot be read. Where they cannot be used, no certificate is
    /// believed until they can.
    ///
    /// # Errors
    /// [`CaError`]: why none is believed from now on.
    pub fn take(&self, lists: Result<&str, String>) -> Result<(), CaError> {
        let state = lists.and_then(|text| self.less(text));
        let said = state.as_ref().map(|_| ()).map_err(Clone::clone);
        self.state.store(Arc::new(state));
        said.map_err(CaError)
    }

    fn less(&self, text: &str) -> Result<Arc<dyn ClientCertVerifier>, String> {
        verifier(&self.roots, self.required, Some(lists(text)?))
    }

    /// Why a certificate is not believed, for the log: what a person must do is with the lists, not with the client.
    fn explain(&self, error: &Error) {
        let of_lists = matches!(
            error,
            Error::General(_)
                | Error::InvalidCertificate(
                    CertificateError::UnknownRevocationStatus
                        | CertificateError::ExpiredRevocationList
                        | CertificateError::ExpiredRevocationListContext { .. }
                )
        );
        if let Some(file) = self.revoked.as_ref().filter(|_| of_lists) {
            tracing::warn!(
                file = %file.display(),
                %error,
                "a client's certificate is refused, as it is not known whether it was revoked: each authority of client_ca needs a list in this file that is still good"
            );
        }
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One more than is taken: what is too large is told from what just fits.
    let most = MAX_BYTES as u64 + 1;
    File::open(file)?.take(most).read_to_string(&mut text)?;
    Ok(text)
}

/// The lists of a PEM file.
fn lists(text: &str) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    let read = CertificateRevocationListDer::pem_slice_iter(text.as_bytes());
    let lists: Result<Vec<_>, _> = read.take(MAX_LISTS + 1).collect();
    let lists = lists.map_err(|error| error.to_string())?;
    match lists.len() {
        0 => Err("no revocation list in PEM (BEGIN X509 CRL) in it".to_owned()),
        1..=MAX_LISTS => Ok(lists),
        _ => Err(format!("more than {MAX_LISTS} revocation lists in it")),
    }
}

fn verifier(
    roots: &Arc<RootCertStore>,
    required: bool,
    lists: Option<Vec<CertificateRevocationListDer<'static>>>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider());
    if let Some(lists) = lists {
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    if !required {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| error.to_string())
}

/// A server that asks for certificates resumes no session: in a resumed one nobody looks at the certificate again, and one
/// that was revoked since would still open (RFC 8446, 4.6.1).
pub fn without_resumption(mut config: ServerConfig) -> ServerConfig {
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.plain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = match self.state.load().as_ref() {
            Ok(by) => by.verify_client_cert(end_entity, intermediates, now),
            Err(why) => Err(Error::General(format!(
                "the revocation lists cannot be used: {why}"
            ))),
        };
        verified.inspect_err(|error| self.explain(error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.plain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.plain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.plain.supported_verify_schemes()
    }
}
