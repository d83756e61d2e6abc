#![no_main]
#[allow(dead_code, reason = "each target takes what it needs")]
#[path = "../inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| inputs::log(input.0, input.1));
