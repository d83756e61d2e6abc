#![no_main]
#[allow(dead_code, reason = "each target takes what it needs")]
#[path = "../inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    inputs::file(inputs::PATHS[usize::from(input.0) % inputs::PATHS.len()], input.1);
});
