//! Chains of certificates: whom they lead to, and what each may do.

use super::*;

#[test]
fn a_root_or_a_subject_that_the_policy_does_not_name_is_refused() {
    let (ca, leaf) = setting();
    refused(
        &leaf.good_jws(&image()),
        trusting(&Ca::new("Acme root")),
        "its root CN=Acme root is not trusted",
    );
    let mut other = trusting(&ca);
    other.subjects = vec![SubjectName::parse("O=Acme, CN=release").unwrap()];
    refused(&leaf.good_jws(&image()), other, "it is signed by");
    let mut none = trusting(&ca);
    none.subjects.clear();
    refused(&leaf.good_jws(&image()), none, "it is signed by");
}

#[test]
fn a_broken_chain_is_refused() {
    let (ca, mut leaf) = setting();
    leaf.chain.truncate(1);
    refused(&leaf.good_jws(&image()), trusting(&ca), "is no root");
    leaf.chain.push(Ca::new("Acme root").0.der().to_vec());
    refused(&leaf.good_jws(&image()), trusting(&ca), "is not signed so");
    leaf.chain.clear();
    refused(&leaf.good_jws(&image()), trusting(&ca), "no certificate");
    let (ca, mut leaf) = setting();
    leaf.chain
        .extend(std::iter::repeat_n(ca.0.der().to_vec(), 20));
    refused(&leaf.good_jws(&image()), trusting(&ca), "more than 16");
}

#[test]
fn certificates_for_other_things_sign_nothing() {
    let ca = Ca::new("Acme root");
    for usage in [
        ExtendedKeyUsagePurpose::Any,
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::EmailProtection,
        ExtendedKeyUsagePurpose::TimeStamping,
    ] {
        let leaf = ca.leaf("P-256", |params| params.extended_key_usages.push(usage));
        refused(
            &leaf.good_jws(&image()),
            trusting(&ca),
            "for other things than code",
        );
    }
    let unsaid = ca.leaf("P-256", |params| params.key_usages.clear());
    refused(
        &unsaid.good_jws(&image()),
        trusting(&ca),
        "not one for signatures alone",
    );
    let both = ca.leaf("P-256", |params| {
        params.key_usages.push(KeyUsagePurpose::CrlSign)
    });
    refused(
        &both.good_jws(&image()),
        trusting(&ca),
        "not one for signatures alone",
    );
    let authority = ca.leaf("P-256", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)
    });
    refused(
        &authority.good_jws(&image()),
        trusting(&ca),
        "is an authority's",
    );
}

#[test]
fn a_leaf_cannot_issue_and_path_lengths_hold() {
    let ca = Ca::new("Acme root");
    let key = KeyPair::generate().unwrap();
    let no_ca = authority("not an authority", |params| params.is_ca = IsCa::NoCa);
    let middle = rcgen::CertifiedIssuer::signed_by(no_ca, key, &ca.0).unwrap();
    let leaf = issue(
        &middle,
        "P-256",
        vec![middle.der().to_vec(), ca.0.der().to_vec()],
        |_| {},
    );
    refused(
        &leaf.good_jws(&image()),
        trusting(&ca),
        "may not issue certificates",
    );

    let short = authority("short root", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))
    });
    let short =
        Ca(rcgen::CertifiedIssuer::self_signed(short, KeyPair::generate().unwrap()).unwrap());
    let middle = rcgen::CertifiedIssuer::signed_by(
        authority("middle", |_| {}),
        KeyPair::generate().unwrap(),
        &short.0,
    )
    .unwrap();
    let leaf = issue(
        &middle,
        "P-256",
        vec![middle.der().to_vec(), short.0.der().to_vec()],
        |_| {},
    );
    refused(
        &leaf.good_jws(&image()),
        trusting(&short),
        "more authorities below it",
    );
}
