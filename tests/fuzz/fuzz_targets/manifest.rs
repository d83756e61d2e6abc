#![no_main]
use lazaret::oci::Manifest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes, None) {
        assert_eq!(Manifest::parse(bytes, Some(manifest.media_type())), Ok(manifest));
    }
});
