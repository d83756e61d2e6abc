//! Advisories that are fetched, and what a failure leaves.

use super::*;

fn serve(registry: &FakeRegistry, export: Vec<u8>) {
    registry.clear_faults();
    let answer = Fault::Status(200, Vec::new(), export);
    registry.fault("GET /osv/Debian/all.zip", Times::Always, answer);
}

#[tokio::test]
async fn advisories_are_fetched_and_a_failure_leaves_what_is_there() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = RegistrySettings::new("OSV", &registry.url());
    settings.plain_http = true;
    settings.allow_addresses = vec!["127.0.0.0/8".parse().unwrap()];
    let upstreams = Upstreams::new(Settings {
        registries: vec![settings],
        proxy: None,
        ca_files: Vec::new(),
        timeouts: Timeouts::default(),
    })
    .unwrap();
    let source = AdvisorySource {
        upstream: upstreams.get("OSV").unwrap().clone(),
        path: "/osv/".to_owned(),
    };
    let data: Arc<AdvisoryData> = AdvisoryData::open(&folder.path().join("a"), Some(source));
    serve(&registry, zip(&[advisory("DSA-1", "3.0.13-1")]));
    let mut seen = 0;
    let built = data
        .fetch("Debian", &mut |arrived, _| seen = arrived)
        .await
        .unwrap();
    assert_eq!(built.built().unwrap().headers[0].records, 1);
    assert!(seen > 0 && data.epoch() == 1);
    assert!(data.current().fetched.contains_key("Debian"));
    serve(&registry, b"no archive".to_vec());
    assert!(data.fetch("Debian", &mut |_, _| {}).await.is_err());
    assert!(data.fetch("Alpine", &mut |_, _| {}).await.is_err());
    assert!(data.current().fetched.contains_key("Debian") && data.epoch() == 1);
    let left = std::fs::read_dir(folder.path().join("a")).unwrap().count();
    assert_eq!(left, 2, "the index and its time, nothing else");
}

#[tokio::test]
async fn what_is_exploited_is_fetched_and_a_bad_file_leaves_what_was_there() {
    let registry = FakeRegistry::start().await;
    let upstreams = Upstreams::new(Settings {
        registries: Vec::new(),
        proxy: None,
        ca_files: Vec::new(),
        timeouts: Timeouts::default(),
    })
    .unwrap();
    let url = registry.url().parse().unwrap();
    let source = |path: &str| AdvisorySource {
        upstream: upstreams.elsewhere(&url).unwrap(),
        path: path.to_owned(),
    };
    let catalogue = json!({ "vulnerabilities": [{ "cveID": "CVE-2026-1" }] }).to_string();
    let scores = "cve,epss,percentile\nCVE-2026-1,0.25,0.5\n".to_owned();
    for (what, path, good) in [
        (Exploitation::Known, "/kev.json", catalogue),
        (Exploitation::Likely, "/epss.csv.gz", scores),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sources = [source("/kev.json"), source("/epss.csv.gz")];
        let data = AdvisoryData::open_with(folder.path(), None, Some(sources));
        assert_eq!(data.exploited_at(what), None);
        for (status, body, kept) in [
            (404, String::new(), false),
            (200, "{}".to_owned(), false),
            (200, r#"{"vulnerabilities":[]}"#.to_owned(), false),
            (200, good, true),
            (200, "<html>".to_owned(), true),
        ] {
            registry.clear_faults();
            let fault = Fault::Status(status, Vec::new(), body.into());
            registry.fault(path, Times::Always, fault);
            let before = data.epoch();
            let fetched = data.fetch_exploited(what, &mut |_, _| {}).await;
            assert_eq!(data.exploited_at(what).is_some(), kept, "{fetched:?}");
            assert_eq!(fetched.is_ok(), data.epoch() > before, "{fetched:?}");
            let left = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, usize::from(kept), "nothing half is left");
        }
        let current = data.current();
        let exploited = current.advisories.as_ref().unwrap().exploited();
        let ids = || ["CVE-2026-1"].into_iter();
        assert_eq!(exploited.kev(ids()), what == Exploitation::Known);
        assert_eq!(
            exploited.epss(ids()).is_some(),
            what == Exploitation::Likely
        );
    }
}
