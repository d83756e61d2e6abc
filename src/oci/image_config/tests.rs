use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<ImageConfig, ImageConfigError> {
    ImageConfig::parse(text.as_bytes())
}

/// A configuration with these further fields in its container.
fn container(fields: &str) -> Result<ContainerConfig, ImageConfigError> {
    let text = format!(r#"{{"os":"linux","architecture":"amd64","config":{{{fields}}}}}"#);
    parse(&text).map(|config| config.container)
}

#[test]
fn reads_what_builders_write() {
    let text = r#"{"architecture":"arm64","os":"linux","variant":"v8","created":"2026-01-02T03:04:05.123456789+01:00",
        "config":{"User":"1000:1000","ExposedPorts":{"8080/tcp":{},"22/tcp":null},"Env":["A=1","B="],
                  "Labels":{"a":"1","A":"2"},"Healthcheck":{"Test":["CMD","true"]},"Cmd":null},
        "rootfs":{"type":"layers","diff_ids":["sha256:0"]},"history":[{"created":"x","created_by":"y"}]}"#;
    let config = parse(text).unwrap();
    assert_eq!(config.platform.to_string(), "linux/arm64/v8");
    assert_eq!(
        config.created.unwrap().to_string(),
        "2026-01-02T02:04:05.123456789Z"
    );
    assert_eq!(config.container.user, "1000:1000");
    assert_eq!(config.container.exposed_ports.len(), 2);
    assert_eq!(config.container.env, ["A=1", "B="]);
    assert_eq!(config.container.labels.len(), 2, "labels differ by case");
    assert!(config.container.healthcheck);
    assert_eq!(config.diff_ids, ["sha256:0"]);
}

#[test]
fn absent_and_null_are_empty() {
    for text in [
        r#"{"os":"linux","architecture":"amd64"}"#,
        r#"{"os":"linux","architecture":"amd64","variant":"","created":null,"config":null,"rootfs":null}"#,
        r#"{"os":"linux","architecture":"amd64","created":"0001-01-01T00:00:00Z","config":{"User":null,"ExposedPorts":null,"Env":null,"Labels":null,"Healthcheck":null}}"#,
        r#"{"os":"linux","architecture":"amd64","created":"1970-01-01T00:00:00Z","config":{}}"#,
    ] {
        let config = parse(text).unwrap();
        assert_eq!(config.container, ContainerConfig::default(), "{text}");
        assert_eq!(
            (config.created, config.platform.variant),
            (None, None),
            "{text}"
        );
    }
}

#[test]
fn none_is_no_health_check() {
    for (check, set) in [
        (r#"{"Test":["NONE"]}"#, false),
        (r#"{"Test":[]}"#, false),
        ("{}", false),
        (r#"{"Interval":1}"#, false),
        (r#"{"Test":["CMD-SHELL","x"],"Interval":1}"#, true),
    ] {
        let found = container(&format!(r#""Healthcheck":{check}"#)).unwrap();
        assert_eq!(found.healthcheck, set, "{check}");
    }
}

#[test]
fn refuses_malformed_and_ambiguous() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"os":"linux"}"#,
        r#"{"os":"linux","architecture":7}"#,
        r#"{"os":"li\u001bnux","architecture":"amd64"}"#,
        r#"{"os":"linux","architecture":"amd64"} {}"#,
        r#"{"os":"linux","architecture":"amd64","created":"yesterday"}"#,
        r#"{"os":"linux","os":"windows","architecture":"amd64"}"#,
        // Go would read these as config, User, Env, created and os.
        r#"{"os":"linux","architecture":"amd64","Config":{"User":"root"}}"#,
        r#"{"os":"linux","architecture":"amd64","Created":"2020-01-01T00:00:00Z"}"#,
        r#"{"oſ":"linux","architecture":"amd64"}"#,
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    for fields in [
        r#""user":"root""#,
        r#""User":"1000","user":"root""#,
        r#""User":"1000","uſer":"root""#,
        r#""User":"1000","User":"root""#,
        r#""env":["SECRET=x"]"#,
        r#""Env":"A=1""#,
        r#""User":0"#,
        r#""Labels":{"a":"1","a":"2"}"#,
        r#""Labels":{"a":1}"#,
    ] {
        assert!(container(fields).is_err(), "{fields}");
    }
}

#[test]
fn bounds_size_and_depth() {
    let big = format!(
        r#"{{"os":"linux","architecture":"amd64","x":"{}"}}"#,
        "x".repeat(20 << 20)
    );
    assert!(parse(&big).is_err());
    let deep = format!(
        r#"{{"os":"linux","architecture":"amd64","x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(parse(&deep).is_err());
    let ports = |most: usize| {
        let ports: Vec<String> = (0..most)
            .map(|port| format!(r#""{port}/tcp":{{}}"#))
            .collect();
        container(&format!(r#""ExposedPorts":{{{}}}"#, ports.join(",")))
    };
    assert_eq!(ports(65_535).unwrap().exposed_ports.len(), 65_535);
    assert!(ports(70_001).is_err());
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ImageConfig::parse(&bytes);
    }
}
