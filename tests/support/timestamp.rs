//! Timestamps (RFC 3161), written as an authority writes them, with as much of DER (X.690) as they need.

use super::*;

impl Leaf {
    /// A timestamp token of `message` at `time`, made as a timestamp authority with this certificate does.
    pub(crate) fn stamp(&self, message: &[u8], time: &str) -> Vec<u8> {
        let sha256 = seq(&[&oid(&[
            0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        ])]);
        let imprint = seq(&[
            &sha256,
            &tlv(0x04, digest::digest(&SHA256, message).as_ref()),
        ]);
        let accuracy = seq(&[&tlv(0x02, &[1])]);
        let info = seq(&[
            &tlv(0x02, &[1]),
            &oid(&[0x2a, 0x03]),
            &imprint,
            &tlv(0x02, &[9]),
            &tlv(0x18, time.as_bytes()),
            &accuracy,
        ]);
        let attribute = |id: &[u8], value: &[u8]| seq(&[&oid(id), &tlv(0x31, value)]);
        let hash = digest::digest(&SHA256, &self.chain[0]);
        let binding = seq(&[&seq(&[&seq(&[&tlv(0x04, hash.as_ref())])])]);
        let mut attributes = [
            attribute(
                &PKCS9[..8].iter().copied().chain([0x03]).collect::<Vec<_>>(),
                &oid(&TIMESTAMP_INFO),
            ),
            attribute(
                &PKCS9[..8].iter().copied().chain([0x04]).collect::<Vec<_>>(),
                &tlv(0x04, digest::digest(&SHA256, &info).as_ref()),
            ),
            attribute(
                &PKCS9[..8]
                    .iter()
                    .copied()
                    .chain([0x10, 0x02, 0x2f])
                    .collect::<Vec<_>>(),
                &binding,
            ),
        ];
        attributes.sort();
        let attributes = attributes.concat();
        let signature = self.key.sign(&tlv(0x31, &attributes)).unwrap();
        let parsed = Certificate::from_der(&self.chain[0]).unwrap();
        let (issuer, serial) = parsed.issuer_and_serial();
        let algorithm = match self.kind {
            "RSA-2048" => seq(&[
                &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]),
                &[0x05, 0x00],
            ]),
            _ => seq(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])]),
        };
        let signer = seq(&[
            &tlv(0x02, &[1]),
            &seq(&[&issuer, &serial]),
            &sha256,
            &tlv(0xa0, &attributes),
            &algorithm,
            &tlv(0x04, &signature),
        ]);
        let mut certificates = self.chain.clone();
        certificates.sort();
        let content = seq(&[&oid(&TIMESTAMP_INFO), &tlv(0xa0, &tlv(0x04, &info))]);
        let data = seq(&[
            &tlv(0x02, &[3]),
            &tlv(0x31, &sha256),
            &content,
            &tlv(0xa0, &certificates.concat()),
            &tlv(0x31, &signer),
        ]);
        let signed_data: Vec<u8> = PKCS9[..7].iter().copied().chain([0x07, 0x02]).collect();
        seq(&[&oid(&signed_data), &tlv(0xa0, &data)])
    }
}

/// A timestamp authority's certificate.
pub(crate) fn stamping(params: &mut CertificateParams) {
    params.extended_key_usages = Vec::new();
    // rcgen writes this extension as one that may be passed over, and RFC 3161 asks for the other kind.
    let mut usage = rcgen::CustomExtension::from_oid_content(
        &[2, 5, 29, 37],
        seq(&[&oid(&[0x2b, 6, 1, 5, 5, 7, 3, 8])]),
    );
    usage.set_criticality(true);
    params.custom_extensions.push(usage);
}

/// 1.2.840.113549.1.9.
const PKCS9: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09];
/// 1.2.840.113549.1.9.16.1.4.
const TIMESTAMP_INFO: [u8; 11] = [
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04,
];

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut whole = vec![tag];
    match length {
        0..128 => whole.push(length as u8),
        128..256 => whole.extend([0x81, length as u8]),
        _ => whole.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    whole.extend(value);
    whole
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    tlv(0x06, bytes)
}
