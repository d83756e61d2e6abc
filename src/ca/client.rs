//! Clients' certificates: who may have made them, and whom they name.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::{PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::{AssociatedOid as _, ObjectIdentifier};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::CaError;

/// The common name in a subject (RFC 5280, appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The authorities of a PEM file.
pub(super) fn roots(file: &Path) -> Result<RootCertStore, CaError> {
    let wrong = |why: String| CaError(format!("{}: {why}", file.display()));
    let read: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let mut roots = RootCertStore::empty();
    for root in read.map_err(|error| wrong(error.to_string()))? {
        let added = roots.add(root);
        added.map_err(|error| wrong(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(wrong("no PEM certificate in it".to_owned())),
        false => Ok(roots),
    }
}

/// The cryptography of all our TLS.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Whom a verified certificate names: its first URI (SPIFFE's identities are such), else the first host, else the first
/// mail address, else the subject's common name.
pub fn client_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = x509_cert::Certificate::from_der(certificate).ok()?;
    let body = parsed.tbs_certificate;
    let mut extensions = body.extensions.iter().flatten();
    let names = extensions.find(|extension| extension.extn_id == SubjectAltName::OID);
    let names = names.and_then(|found| SubjectAltName::from_der(found.extn_value.as_bytes()).ok());
    let names = names.map_or_else(Vec::new, |names| names.0);
    let uri = |name: &GeneralName| match name {
        GeneralName::UniformResourceIdentifier(text) => Some(text.to_string()),
        _ => None,
    };
    let host = |name: &GeneralName| match name {
        GeneralName::DnsName(text) => Some(text.to_string()),
        _ => None,
    };
    let mail = |name: &GeneralName| match name {
        GeneralName::Rfc822Name(text) => Some(text.to_string()),
        _ => None,
    };
    let common = || {
        let mut parts = body.subject.0.iter().flat_map(|part| part.0.iter());
        let found = parts.find(|part| part.oid == COMMON_NAME)?;
        let utf8 = found.value.decode_as::<Utf8StringRef<'_>>();
        let text = utf8.map(|text| text.as_str().to_owned());
        let printable = found.value.decode_as::<PrintableStringRef<'_>>();
        text.or_else(|_| printable.map(|text| text.as_str().to_owned()))
            .ok()
    };
    let first = |of: &dyn Fn(&GeneralName) -> Option<String>| names.iter().find_map(of);
    first(&uri)
        .or_else(|| first(&host))
        .or_else(|| first(&mail))
        .or_else(common)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn named(common: &str, others: &[SanType]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if !common.is_empty() {
            params.distinguished_name.push(DnType::CommonName, common);
        }
        params.subject_alt_names = others.to_vec();
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_certificate_names_one() {
        let uri = SanType::URI("spiffe://acme/ci".try_into().unwrap());
        let host = SanType::DnsName("ci.acme.example".try_into().unwrap());
        let mail = SanType::Rfc822Name("ci@acme.example".try_into().unwrap());
        let address = SanType::IpAddress("10.0.0.1".parse().unwrap());
        for (common, others, wanted) in [
            (
                "c",
                vec![mail.clone(), host.clone(), uri],
                Some("spiffe://acme/ci"),
            ),
            ("c", vec![mail.clone(), host], Some("ci.acme.example")),
            ("c", vec![mail], Some("ci@acme.example")),
            ("node 7", vec![address], Some("node 7")),
            ("Zoë", vec![], Some("Zoë")),
            ("", vec![], None),
        ] {
            let found = client_name(&named(common, &others));
            assert_eq!(found.as_deref(), wanted);
        }
        assert_eq!(client_name(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
