#![no_main]
#[allow(dead_code, reason = "each target takes what it needs")]
#[path = "../inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = std::env::temp_dir().join(format!("lazaret-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    inputs::index(bytes, &folder);
    inputs::exploited(bytes, &folder);
});
