use super::super::{Credentials, LogFormat, LogLevel};
use super::*;

#[test]
fn an_empty_file_is_the_defaults() {
    let server = parse_server("", "lazaret.toml").unwrap();
    assert_eq!(server.mirror, Listener::loopback(5050));
    assert_eq!(server.admin, Listener::loopback(5080));
    assert_eq!((server.gateway, server.policy), (None, None));
    assert_eq!(server.cache.max_size, 50 << 30);
    assert!(server.upstream.include_defaults);
}

#[test]
fn a_full_file() {
    let text = r#"
data_dir = "/var/lib/lazaret"
policy = "policy.toml"
external_url = "https://lazaret.example"
[mirror]
listen = "0.0.0.0:0"
[gateway]
listen = "0.0.0.0:5443"
tls_certificate = "cert.pem"
tls_key = "/k/key.pem"
[cache]
max_size = "5GB"
tag_freshness = "1m"
[hold]
per_exchange = "10s"
max_hops = 3
[ledger]
retention = "2d"
[log]
format = "json"
level = "debug"
[upstream]
proxy = "http://proxy:3128"
no_proxy = ["local"]
ca_files = ["corp.pem"]
include_defaults = false
[[registry]]
host = "Docker.io"
url = "https://registry-1.docker.io"
token_hosts = ["auth.docker.io"]
allow_addresses = ["10.0.0.0/8"]
username = "u"
password_file = "pw"
[[registry]]
host = "localhost:5000"
url = "http://127.0.0.1:5000"
plain_http = true
credential_helper = "ecr-login"
"#;
    let server = parse_server(text, "/etc/lazaret/lazaret.toml").unwrap();
    assert_eq!(server.policy, Some("/etc/lazaret/policy.toml".into()));
    let gateway = server.gateway.unwrap();
    assert_eq!(
        gateway.tls,
        Some(Tls {
            certificate: "/etc/lazaret/cert.pem".into(),
            key: "/k/key.pem".into()
        })
    );
    assert_eq!(
        (server.log.format, server.log.level),
        (LogFormat::Json, LogLevel::Debug)
    );
    let [hub, local] = server.registries.as_slice() else {
        panic!()
    };
    assert_eq!(hub.host, "docker.io");
    assert_eq!(
        hub.credentials,
        Credentials::Password {
            username: "u".into(),
            password_file: "/etc/lazaret/pw".into()
        }
    );
    assert_eq!(local.credentials, Credentials::Helper("ecr-login".into()));
}

#[test]
fn every_mistake_at_once() {
    let text =
        "mirorr = 1\n[log]\nlevel = \"loud\"\n[cache]\nmax_size = 5\ntag_freshness = \"5\"\n";
    assert_eq!(
        parse_server(text, "lazaret.toml").unwrap_err().to_string(),
        "\
error: unknown key `mirorr`
 --> lazaret.toml:1:1
1 | mirorr = 1
  | ^^^^^^
  = help: did you mean `mirror`?

error: unknown value `loud`
 --> lazaret.toml:3:9
3 | level = \"loud\"
  |         ^^^^^^
  = help: expected one of: error, warn, info, debug, trace

error: invalid type: integer `5`, expected a string
 --> lazaret.toml:5:12
5 | max_size = 5
  |            ^

error: the unit is missing
 --> lazaret.toml:6:17
6 | tag_freshness = \"5\"
  |                 ^^^
  = help: write `20s`, `5m` or `400d`
"
    );
}

#[test]
fn each_mistake_has_its_words() {
    for (text, message) in [
        (
            "[mirror]\nlisten = \"5050\"",
            "`5050` is not an address and port",
        ),
        (
            "[mirror]\ntls_key = \"k\"",
            "`tls_key` without `tls_certificate`",
        ),
        (
            "[gateway]\nlisten = \"0.0.0.0:1\"",
            "the gateway serves plain HTTP beyond the loopback interface",
        ),
        ("external_url = \"lazaret\"", "this is not a URL"),
        (
            "external_url = \"ftp://x\"",
            "the URL must begin with `https://` or `http://`",
        ),
        (
            "external_url = \"https://u:p@x\"",
            "credentials do not belong into a URL",
        ),
        (
            "[hold]\nmax_hops = 10",
            "clients give up after ten redirects",
        ),
        (
            "[hold]\nper_exchange = \"5m\"",
            "clients do not wait that long for one answer",
        ),
        ("[hold]\nper_exchange = \"0s\"", "no time at all"),
        ("[[registry]]\n", "a registry without `host`"),
        (
            "[[registry]]\nhost = \"https://x\"",
            "`https://x` is not a host",
        ),
        (
            "[[registry]]\nhost = \"x\"\n[[registry]]\nhost = \"X\"",
            "the registry `X` is here twice",
        ),
        (
            "[[registry]]\nhost = \"x\"\nurl = \"http://x\"",
            "this registry would be spoken to without TLS",
        ),
        (
            "[[registry]]\nhost = \"x\"\nplain_http = true",
            "`plain_http = true` without an `http://` url",
        ),
        (
            "[[registry]]\nhost = \"x\"\nallow_addresses = [\"10.0.0.1/8\"]",
            "`10.0.0.1/8` has bits set behind its prefix; `10.0.0.0/8` is meant",
        ),
        (
            "[[registry]]\nhost = \"x\"\nusername = \"u\"",
            "`username` without `password_file`",
        ),
        (
            "[[registry]]\nhost = \"x\"\ndocker_config = \"a\"\ncredential_helper = \"b\"",
            "credentials are given in more than one way",
        ),
        (
            "[[registry]]\nhost = \"x\"\ncredential_helper = \"../b\"",
            "this is not the name of a credential helper",
        ),
        ("policy = \"\"", "an empty path"),
        (
            "[mirror]\nclient_ca = \"ca.pem\"",
            "clients show certificates only in TLS",
        ),
        (
            "[gateway]\nclient_crl = \"revoked.pem\"",
            "`client_crl` without `client_ca`",
        ),
        (
            "[gateway]\nclient_certificate = \"optional\"",
            "`client_certificate` without `client_ca`",
        ),
        (
            "[proxy]\nclient_ca = \"ca.pem\"\nclient_certificate = \"maybe\"",
            "`maybe` is not how certificates are asked for",
        ),
        (
            "[gateway]\nca_certificate = \"a\"\nca_key = \"b\"\n[proxy]\nca_certificate = \"c\"\nca_key = \"d\"",
            "gateway and proxy have different authorities",
        ),
        (
            "[gateway]\nca_key = \"b\"",
            "`ca_key` without `ca_certificate`",
        ),
        (
            "[identity]\nheader = \"X-Team\"",
            "anybody could say to be anybody: nothing tells where the header is believed",
        ),
        (
            "[identity]\nheader = \"a b\"\nheader_listeners = [\"gateway\"]",
            "`a b` cannot be the header",
        ),
        (
            "[identity]\nheader = \"Host\"\nheader_from = [\"10.0.0.0/8\"]",
            "`Host` cannot be the header",
        ),
        (
            "[identity]\nheader = \"X-Team\"\nheader_listeners = [\"admin\"]",
            "`admin` is no listener of pulls",
        ),
        (
            "[identity.addresses]\n\"10.1.0.0\" = \"\"",
            "a name of nothing",
        ),
        (
            "[identity.addresses]\n\"10.1.0.1/16\" = \"a\"",
            "`10.1.0.1/16` has bits set behind its prefix; `10.1.0.0/16` is meant",
        ),
        (
            "[identity.addresses]\n\"10.1.0.0/16\" = \"a\"\n\"::ffff:0:0/0\" = \"b\"",
            "`::ffff:0:0/0` has bits set behind its prefix; `::/0` is meant",
        ),
    ] {
        let error = parse_server(text, "lazaret.toml").expect_err(text);
        let messages: Vec<_> = error.iter().map(|d| d.message()).collect();
        assert_eq!(messages, [message], "{text}");
    }
    assert!(parse_server("[gateway]\nlisten = \"0.0.0.0:1\"\nplain_http = true", "f").is_ok());
    assert!(parse_server("a = = 1\n[", "f").is_err());
}

#[test]
fn registries_names_are_tls_and_clients_are_known_as_written() {
    let text = "[gateway]\nlisten = \"0.0.0.0:443\"\nregistry_names = true\nclient_ca = \"c.pem\"\n\
                ca_certificate = \"a.pem\"\nca_key = \"a.key\"\n[proxy]\nusers = \"u.toml\"\n\
                client_ca = \"c.pem\"\nclient_certificate = \"optional\"\n\
                [identity]\nheader = \"X-Team\"\nheader_from = [\"10.0.0.0/8\"]\n\
                [identity.addresses]\n\"10.1.0.0/16\" = \"team-a\"\n";
    let server = parse_server(text, "/etc/lazaret/lazaret.toml").unwrap();
    let gateway = server.gateway.unwrap();
    assert!(gateway.registry_names && gateway.tls.is_none());
    assert!(gateway.clients.unwrap().required);
    let proxy = server.proxy.unwrap();
    assert_eq!(proxy.users, Some("/etc/lazaret/u.toml".into()));
    assert!(!proxy.listener.clients.unwrap().required);
    let authority = ("/etc/lazaret/a.pem".into(), "/etc/lazaret/a.key".into());
    assert_eq!(server.authority, Some(authority));
    let header = server.identity.header.unwrap();
    assert_eq!((header.name.as_str(), header.from.len()), ("x-team", 1));
    assert_eq!(server.identity.addresses[0].1, "team-a");
}

#[test]
fn yara_rules_are_files_from_the_files_folder() {
    let named = parse_server("[yara]\nrules = [\"a.yar\", \"/r\"]", "/etc/l/lazaret.toml");
    if cfg!(feature = "yara") {
        let expected: [std::path::PathBuf; 2] = ["/etc/l/a.yar".into(), "/r".into()];
        assert_eq!(named.unwrap().yara, expected);
    } else {
        let said = named.unwrap_err().to_string();
        let expected = "[yara] names rules, and this lazaret is built without YARA";
        assert!(said.contains(expected), "{said}");
    }
    let said = parse_server("[yara]", "lazaret.toml")
        .unwrap_err()
        .to_string();
    assert!(said.contains("[yara] names no rules"), "{said}");
}

#[test]
fn the_data_folder_follows_the_user() {
    for (xdg, home, expected) in [
        (Some("/x"), Some("/h"), "/x/lazaret"),
        (Some("x"), Some("/h"), "/h/.local/share/lazaret"),
        (None, Some(""), "/var/lib/lazaret"),
        (None, None, "/var/lib/lazaret"),
    ] {
        let found =
            default_data_dir(|name| if name == "HOME" { home } else { xdg }.map(Into::into));
        assert_eq!(found, Path::new(expected));
    }
}

#[test]
fn the_schema_knows_every_table() {
    let schema = server_schema().to_string();
    for word in [
        "mirror",
        "registry",
        "allow_addresses",
        "additionalProperties",
        "trace",
    ] {
        assert!(schema.contains(word), "{word}");
    }
}
