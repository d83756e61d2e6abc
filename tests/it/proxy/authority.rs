//! What the authority can certify, and who may read its key.

use super::*;

#[tokio::test]
async fn the_authority_can_certify_registries_and_nobody_else() {
    let now = lazaret::telemetry::now();
    let (certificate, key) = Authority::make(&["ghcr.io".to_owned()], now).unwrap();
    let authority = Authority::read(&certificate, &key).unwrap();
    for (host, good) in [
        ("ghcr.io", true),
        ("pkg.ghcr.io", true),
        ("bank.example", false),
    ] {
        let config = authority.server(host, now).unwrap();
        let (client, server) = tokio::io::duplex(64 * 1024);
        let serving = tokio::spawn(tokio_rustls::TlsAcceptor::from(config).accept(server));
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connected = trusting(&authority.certificate(lazaret::telemetry::now()), None)
            .connect(name, client)
            .await;
        assert_eq!(connected.is_ok(), good, "{host}: {:?}", connected.err());
        serving.abort();
    }
    let (_, other) = Authority::make(&["ghcr.io".to_owned()], now).unwrap();
    assert!(
        Authority::read(&certificate, &other)
            .is_err_and(|why| why.to_string().contains("not that of"))
    );
    assert!(Authority::read("", &key).is_err() && Authority::read(&certificate, "").is_err());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = ca::Rotation::files(folder.path(), 1);
    let now = lazaret::telemetry::now();
    ca::create(folder.path(), &["ghcr.io".to_owned()], now).unwrap();
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(ca::load(&certificate, &key).is_ok());
    assert!(
        ca::create(folder.path(), &[], now).is_err(),
        "what is there stays"
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = ca::load(&certificate, &key).err().unwrap().to_string();
    assert!(error.contains("others may read the key"), "{error}");
}
