//! Where a certificate says that its revocation can be looked up (RFC 5280, 4.2.1.13 and 4.2.2.1).

use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, CrlDistributionPoints};

use crate::trust::certificate::Certificate;

/// `id-ad-ocsp`.
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// Longest address that is looked at; theirs have some hundred.
const MAX_ADDRESS: usize = 1024;
/// Most addresses of either kind in one certificate.
const MAX_ADDRESSES: usize = 4;

fn address(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(text) => {
            let text = text.as_str();
            let web = text.starts_with("http://") || text.starts_with("https://");
            (web && text.len() <= MAX_ADDRESS).then(|| text.to_owned())
        }
        _ => None,
    }
}

/// The addresses in a name of a distribution point.
pub(super) fn names(point: &DistributionPointName) -> Vec<String> {
    match point {
        DistributionPointName::FullName(names) => names.iter().filter_map(address).collect(),
        DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
    }
}

/// Where its issuer's own lists for all reasons are.
pub(super) fn lists(certificate: &Certificate) -> Result<Vec<String>, String> {
    let points: Option<(bool, CrlDistributionPoints)> = certificate.extension()?;
    let points = points.map(|(_, points)| points.0).unwrap_or_default();
    let whole = points
        .iter()
        .filter(|point| point.reasons.is_none() && point.crl_issuer.is_none());
    let addresses = whole
        .filter_map(|point| point.distribution_point.as_ref())
        .flat_map(names);
    Ok(addresses.take(MAX_ADDRESSES).collect())
}

/// Where its status can be asked.
pub(super) fn responders(certificate: &Certificate) -> Result<Vec<String>, String> {
    let access: Option<(bool, AuthorityInfoAccessSyntax)> = certificate.extension()?;
    let access = access.map(|(_, access)| access.0).unwrap_or_default();
    let entries = access.iter().filter(|entry| entry.access_method == OCSP);
    let addresses = entries.filter_map(|entry| address(&entry.access_location));
    Ok(addresses.take(MAX_ADDRESSES).collect())
}

/// Whether its issuer publishes which certificates are taken back, in whatever way.
pub(super) fn any(certificate: &Certificate) -> Result<bool, String> {
    let points: Option<(bool, CrlDistributionPoints)> = certificate.extension()?;
    let access: Option<(bool, AuthorityInfoAccessSyntax)> = certificate.extension()?;
    let ocsp =
        access.is_some_and(|(_, access)| access.0.iter().any(|entry| entry.access_method == OCSP));
    Ok(points.is_some() || ocsp)
}
