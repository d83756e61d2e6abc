#![no_main]
use lazaret::scan::{LayerFacts, Limits, read_layer};

libfuzzer_sys::fuzz_target!(|tar: &[u8]| {
    let read = read_layer("application/vnd.oci.image.layer.v1.tar", None, tar, &Limits::default());
    let Ok(facts) = read else { return };
    let json = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<LayerFacts>(&json).unwrap(), facts);
});
