#![no_main]
use lazaret::oci::ImageConfig;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ImageConfig::parse(bytes);
});
