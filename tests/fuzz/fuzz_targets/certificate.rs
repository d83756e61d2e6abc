#![no_main]
use lazaret::trust::{Certificate, PublicKey, RevocationList, SubjectName};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Certificate::from_der(bytes);
    let _ = RevocationList::parse(bytes);
    let _ = PublicKey::from_spki(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Certificate::from_pem(text);
        let _ = PublicKey::from_pem(text);
        let _ = SubjectName::parse(text);
    }
});
