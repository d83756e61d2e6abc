//! For whom an authority may certify (RFC 5280, 4.2.1.10).

use x509_cert::der::Decode as _;
use x509_cert::der::oid::AssociatedOid as _;
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::name::GeneralName;

/// The hosts for which, and for those below which, an authority's certificate is good; none: it has no such limit, or is no
/// certificate.
pub fn hosts(certificate: &[u8]) -> Vec<String> {
    let read = || {
        let parsed = x509_cert::Certificate::from_der(certificate).ok()?;
        let extensions = parsed.tbs_certificate.extensions?;
        let found = extensions
            .iter()
            .find(|one| one.extn_id == NameConstraints::OID)?;
        NameConstraints::from_der(found.extn_value.as_bytes())
            .ok()?
            .permitted_subtrees
    };
    let trees = read().unwrap_or_default();
    let host = |tree: &x509_cert::ext::pkix::constraints::name::GeneralSubtree| match &tree.base {
        GeneralName::DnsName(name) => Some(name.to_string()),
        _ => None,
    };
    trees.iter().filter_map(host).collect()
}
