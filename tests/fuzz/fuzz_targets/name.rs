#![no_main]
use lazaret::names::{Corpus, NameRules, judge};
use lazaret::oci::Reference;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let judged = judge(&reference, Corpus::embedded(), &NameRules::default());
        let suggested = judged.suspicions.iter().flat_map(|found| &found.suggestions);
        assert!(suggested.clone().count() <= 3);
        assert!(suggested.clone().all(|better| *better != reference));
    }
});
