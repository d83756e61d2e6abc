#![allow(clippy::string_slice, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn knows_the_digest_of_nothing() {
    assert_eq!(Digest::of(b"").to_string(), EMPTY);
    assert_eq!(Digest::of(b"").hex(), EMPTY.trim_start_matches("sha256:"));
    assert!(EMPTY.parse::<Digest>().unwrap().verifies(b""));
    assert!(!EMPTY.parse::<Digest>().unwrap().verifies(b"x"));
}

#[test]
fn hashes_sha512_piece_by_piece() {
    let any = format!("sha512:{}", "0".repeat(128));
    let mut hasher = any.parse::<Digest>().unwrap().hasher();
    hasher.update(b"ab");
    hasher.update(b"c");
    let abc = hasher.finish();
    assert!(abc.to_string().starts_with("sha512:ddaf35a193617aba"));
    assert!(abc.verifies(b"abc"));
    assert_eq!(abc.to_string().parse(), Ok(abc));
}

#[test]
fn refuses_other_spellings() {
    use DigestError::{Malformed, UnknownAlgorithm};
    let hex = &EMPTY[7..];
    for (text, why) in [
        (String::new(), Malformed),
        (hex.to_owned(), Malformed),
        (format!("sha256:{}", hex.to_uppercase()), Malformed),
        (format!("SHA256:{hex}"), UnknownAlgorithm),
        (format!("sha256:{}", &hex[1..]), Malformed),
        (format!("sha256:{hex}0"), Malformed),
        (format!("sha256: {}", &hex[1..]), Malformed),
        (format!("sha256:{}é", &hex[2..]), Malformed),
        (format!("sha256:{}g", &hex[1..]), Malformed),
        (format!("sha256:{}/", &hex[1..]), Malformed),
        (format!("sha512:{hex}"), Malformed),
        (format!("md5:{hex}"), UnknownAlgorithm),
        (format!("sha256+b64:{hex}"), UnknownAlgorithm),
        (format!(" {EMPTY}"), UnknownAlgorithm),
        (format!("{EMPTY}\n"), Malformed),
        (format!("sha256:sha256:{}", &hex[7..]), Malformed),
    ] {
        assert_eq!(text.parse::<Digest>(), Err(why), "{text:?}");
    }
}

#[test]
fn travels_as_json_text() {
    let digest = Digest::of(b"");
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(json, format!("\"{EMPTY}\""));
    assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    let escaped = json.replacen("sha", "\\u0073ha", 1);
    assert_eq!(serde_json::from_str::<Digest>(&escaped).unwrap(), digest);
    assert!(serde_json::from_str::<Digest>("7").is_err());
}

proptest! {
    #[test]
    fn round_trips(short: [u8; 32], long in proptest::collection::vec(any::<u8>(), 64)) {
        let long: [u8; 64] = long.try_into().unwrap();
        for digest in [Digest::Sha256(short), Digest::Sha512(long)] {
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(digest.to_string(), format!("{}:{}", digest.algorithm().name(), digest.hex()));
        }
    }

    #[test]
    fn never_panics_and_accepts_only_its_own_spelling(text in ".{0,20}|sha(256|512):[0-9a-fA-F]{60,130}") {
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert_eq!(digest.to_string(), text);
        }
    }
}
