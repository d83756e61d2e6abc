#![no_main]
use lazaret::scan::{Ecosystem, compare};

libfuzzer_sys::fuzz_target!(|input: (u8, &str, &str)| {
    let ecosystems = ["Debian:12", "Alpine:v3.20", "AlmaLinux:9", "npm", "PyPI", "Maven", "RubyGems", "Packagist", "NuGet", "Pub", "CRAN"];
    let (pick, a, b) = input;
    let rule = Ecosystem::named(ecosystems[usize::from(pick) % ecosystems.len()]).rule().unwrap();
    assert_eq!(compare(rule, a, b).map(std::cmp::Ordering::reverse), compare(rule, b, a));
});
