//! Whom we believe: the system's certificate authorities and those of the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// A client configuration for the system's authorities (the built-in list where the system has none)
/// and those in `ca_files`.
pub(super) fn client_config<'a>(
    ca_files: impl Iterator<Item = &'a PathBuf>,
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for file in ca_files {
        let problem = |e: &dyn std::fmt::Display| format!("CA file {}: {e}", file.display());
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|e| problem(&e))? {
            roots
                .add(certificate.map_err(|e| problem(&e))?)
                .map_err(|e| problem(&e))?;
        }
        if roots.len() == before {
            return Err(problem(&"holds no certificate"));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
