#![no_main]
use lazaret::oci::Digest;
use lazaret::trust::{COSE, Image, JWS, Material, Roots, Signer, examine};

// Whatever lies beside an image, in every form, for nobody in particular: nothing may crash, and nobody has signed.
libfuzzer_sys::fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, bytes) = (input.0 % 6, bytes::Bytes::from(input.1));
    let notation = |media_type: &str| Material::Notation { envelope: bytes.clone(), media_type: media_type.to_owned(), answers: Vec::new() };
    let material = match kind {
        0 => Material::Bundle(bytes.clone()),
        1 => Material::AnyBundle(bytes.clone()),
        2 => Material::Simple { payload: bytes.clone(), annotations: Default::default() },
        3 => notation(JWS),
        4 => notation(COSE),
        _ => Material::OpenPgp(bytes.clone()),
    };
    let image = Image { digest: Digest::of(b"{}"), manifest: Some(bytes::Bytes::from_static(b"{}")) };
    let signers: [&Signer; 0] = [];
    assert!(examine(&material, &image, &signers, &Roots::embedded(), jiff::Timestamp::UNIX_EPOCH).signed.is_empty());
});
