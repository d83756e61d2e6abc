//! Certificate chains of signers (signature-specification.md, "Certificate Requirements").

use x509_cert::der::oid::ObjectIdentifier;

use crate::trust::certificate::Certificate;

/// Most certificates of a chain.
const MAX_CHAIN: usize = 16;

/// Usages that a certificate for signing code does not have: any, TLS servers and clients, mail, timestamps, OCSP.
const FOREIGN_USAGES: [&str; 6] = [
    "2.5.29.37.0",
    "1.3.6.1.5.5.7.3.1",
    "1.3.6.1.5.5.7.3.2",
    "1.3.6.1.5.5.7.3.4",
    "1.3.6.1.5.5.7.3.8",
    "1.3.6.1.5.5.7.3.9",
];

/// An error unless each issued the one before it, the last itself, and the first may sign.
pub(super) fn check(chain: &[Certificate]) -> Result<(), String> {
    let (Some(leaf), Some(root)) = (chain.first(), chain.last()) else {
        return Err("it brings no certificate".to_owned());
    };
    if chain.len() > MAX_CHAIN {
        return Err(format!("it brings more than {MAX_CHAIN} certificates"));
    }
    chain.iter().try_for_each(Certificate::is_understood)?;
    signs(leaf, chain.len() == 1)?;
    for (below, link) in chain.windows(2).enumerate() {
        if let [subject, issuer] = link {
            subject.issued_by(issuer)?;
            let allowed = issuer.path_length()?;
            if allowed.is_some_and(|allowed| usize::from(allowed) < below) {
                return Err(format!(
                    "{} has more authorities below it than it may",
                    issuer.subject()
                ));
            }
        }
    }
    root.is_self_signed()
}

/// A signer's certificate: for signatures and for nothing else that somebody could be made to sign.
fn signs(leaf: &Certificate, alone: bool) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("the certificate of {} {what}", leaf.subject()));
    if leaf.is_authority()? && !alone {
        return wrong("is an authority's");
    }
    match leaf.key_usage()? {
        Some((true, usage))
            if usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign() => {}
        _ => return wrong("is not one for signatures alone"),
    }
    let usages = leaf.extended_usage()?;
    let usages = usages.iter().flat_map(|(_, usages)| &usages.0);
    let foreign = |usage: &ObjectIdentifier| FOREIGN_USAGES.contains(&usage.to_string().as_str());
    if usages.into_iter().any(foreign) {
        return wrong("is for other things than code");
    }
    Ok(())
}
