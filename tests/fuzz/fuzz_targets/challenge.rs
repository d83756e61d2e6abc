#![no_main]
use lazaret::oci::Challenge;

libfuzzer_sys::fuzz_target!(|header: &str| {
    let _ = Challenge::parse(header);
});
