//! What an OpenPGP key may do, and until when (RFC 9580, sections 5.2 and 10.1).

use jiff::Timestamp;
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{PublicKey, Signature};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, Tag, VerifyingKey};

/// Shortest RSA modulus in bits (NIST SP 800-131A).
const MIN_RSA_BITS: u16 = 2048;

/// A key of a certificate with what is said about it.
pub(super) struct SigningKey<'a> {
    certificate: &'a SignedPublicKey,
    /// The subkey; none for the primary key.
    subkey: Option<&'a SignedPublicSubKey>,
}

/// All keys of a certificate.
pub(super) fn signing_keys(certificate: &SignedPublicKey) -> impl Iterator<Item = SigningKey<'_>> {
    let subkeys = certificate.public_subkeys.iter().map(Some);
    std::iter::once(None)
        .chain(subkeys)
        .map(move |subkey| SigningKey {
            certificate,
            subkey,
        })
}

/// Whether a signature is over SHA-2: for MD5 and SHA-1 others can be made that fit.
pub(super) fn sha2(signature: &Signature) -> Result<(), String> {
    match signature.hash_alg() {
        Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512) => Ok(()),
        Some(other) => Err(format!("it is over {other}, and only SHA-2 counts")),
        None => Err("it is of an unknown kind".to_owned()),
    }
}

impl SigningKey<'_> {
    /// Whether it made a signature, whatever it may do.
    pub(super) fn verifies(&self, signature: &Signature, data: &[u8]) -> bool {
        match self.subkey {
            None => signature
                .verify(&self.certificate.primary_key, data)
                .is_ok(),
            Some(subkey) => signature.verify(&subkey.key, data).is_ok(),
        }
    }

    /// The fingerprint, in hexadecimal.
    pub(super) fn name(&self) -> String {
        match self.subkey {
            None => self.certificate.primary_key.fingerprint().to_string(),
            Some(subkey) => subkey.key.fingerprint().to_string(),
        }
    }

    /// Whether it could make this signature in the name of its certificate, and still can.
    pub(super) fn may_sign(&self, signature: &Signature, now: Timestamp) -> Result<(), String> {
        let primary = &self.certificate.primary_key;
        let own = self.own_word()?;
        strong(primary)?;
        // Whoever made it: a revocation in the policy's own file is there for a reason.
        if !self.certificate.details.revocation_signatures.is_empty() {
            return Err("is revoked".to_owned());
        }
        current(primary, own, now)?;
        let Some(subkey) = self.subkey else {
            before(primary, signature)?;
            return match own.key_flags().sign() || own.key_flags() == Default::default() {
                true => Ok(()),
                false => Err("is not meant for signing".to_owned()),
            };
        };
        strong(&subkey.key)?;
        before(&subkey.key, signature)?;
        current(&subkey.key, bound(primary, subkey)?, now)
    }

    /// The newest word of the primary key on itself.
    fn own_word(&self) -> Result<&Signature, String> {
        let (primary, details) = (&self.certificate.primary_key, &self.certificate.details);
        let direct = details.direct_signatures.iter();
        let direct = direct.filter(|word| word.verify_key(primary).is_ok());
        let users = details.users.iter().flat_map(|user| {
            let id = &user.id;
            let words = user
                .signatures
                .iter()
                .filter(|word| word.is_certification());
            words.filter(move |word| word.verify_certification(primary, Tag::UserId, id).is_ok())
        });
        let newest = direct.chain(users).max_by_key(|word| word.created());
        newest.ok_or_else(|| "does not vouch for itself".to_owned())
    }
}

/// The newest word that binds a subkey for signing, said by both keys.
fn bound<'a>(primary: &PublicKey, subkey: &'a SignedPublicSubKey) -> Result<&'a Signature, String> {
    use pgp::packet::SignatureType;
    let revokes = |word: &&Signature| word.typ() == Some(SignatureType::SubkeyRevocation);
    if subkey.signatures.iter().any(|word| revokes(&word)) {
        return Err("is revoked".to_owned());
    }
    let words = subkey.signatures.iter();
    let good = words.filter(|word| word.verify_subkey_binding(primary, &subkey.key).is_ok());
    let newest = good.max_by_key(|word| word.created());
    let binding = newest.ok_or("is not bound to its certificate")?;
    sha2(binding).map_err(|why| format!("is bound by a signature that does not count: {why}"))?;
    if !binding.key_flags().sign() {
        return Err("is not meant for signing".to_owned());
    }
    let back = binding.embedded_signature();
    let back = back.ok_or("does not say itself that it belongs to its certificate")?;
    back.verify_primary_key_binding(&subkey.key, primary)
        .map_err(|_| "does not say itself that it belongs to its certificate".to_owned())?;
    Ok(binding)
}

/// Whether it has not expired by this word on it.
fn current(key: &impl KeyDetails, word: &Signature, now: Timestamp) -> Result<(), String> {
    let made = i64::from(key.created_at().as_secs());
    let lasts = word
        .key_expiration_time()
        .map(|lasts| i64::from(lasts.as_secs()));
    match lasts {
        Some(lasts) if lasts > 0 && made + lasts <= now.as_second() => {
            Err("has expired".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether it was there when the signature was made.
fn before(key: &impl KeyDetails, signature: &Signature) -> Result<(), String> {
    match signature.created() {
        Some(made) if made >= key.created_at() => Ok(()),
        _ => Err("is younger than the signature".to_owned()),
    }
}

/// Whether it is of a kind and length that nobody breaks today.
fn strong(key: &impl VerifyingKey) -> Result<(), String> {
    let good = match key.public_params() {
        // The modulus comes first, and its length in bits before it (section 3.2).
        PublicParams::RSA(rsa) => match rsa.to_bytes().as_deref() {
            Ok([high, low, ..]) => u16::from_be_bytes([*high, *low]) >= MIN_RSA_BITS,
            _ => false,
        },
        PublicParams::ECDSA(_)
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => true,
        _ => false,
    };
    let algorithm: PublicKeyAlgorithm = key.algorithm();
    match good {
        true => Ok(()),
        false => Err(format!("is too weak or of an unknown kind ({algorithm:?})")),
    }
}
