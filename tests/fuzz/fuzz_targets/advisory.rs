#![no_main]
use lazaret::scan::Record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::parse(bytes) {
        record.counts();
    }
});
