#![no_main]
use lazaret::oci::Route;

libfuzzer_sys::fuzz_target!(|path: &str| {
    if let Ok(Route::Manifest { name, target }) = Route::parse(path) {
        assert_eq!(format!("/v2/{name}/manifests/{target}"), path);
    }
});
