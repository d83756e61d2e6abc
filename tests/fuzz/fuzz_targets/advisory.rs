#![no_main]
#[allow(dead_code, reason = "each target takes what it needs")]
#[path = "../inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inputs::record(bytes));
