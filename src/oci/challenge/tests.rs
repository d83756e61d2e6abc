use proptest::prelude::*;

use super::*;

fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
    Challenge::Bearer {
        realm: realm.to_owned(),
        service: service.map(str::to_owned),
        scope: scope.map(str::to_owned),
    }
}

#[test]
fn reads_what_registries_send() {
    let hub = bearer(
        "https://auth.docker.io/token",
        Some("registry.docker.io"),
        Some("repository:library/nginx:pull"),
    );
    let plain = bearer("https://a/t", None, None);
    for (header, expected) in [
        (
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#,
            hub.clone(),
        ),
        (
            r#"bearer  scope="repository:library/nginx:pull" ,  SERVICE = registry.docker.io, Realm="https://auth.docker.io/token""#,
            hub,
        ),
        (
            r#"Bearer realm="https://a/t",scope="repository:a:pull,push repository:b:pull""#,
            bearer(
                "https://a/t",
                None,
                Some("repository:a:pull,push repository:b:pull"),
            ),
        ),
        (
            r#"Bearer realm="https://a/\t\"\\""#,
            bearer("https://a/t\"\\", None, None),
        ),
        (r#"Bearer realm=https://a/t"#, plain.clone()),
        ("Bearer\trealm=https://a/t", plain.clone()),
        (
            r#"Bearer realm="https://a/t",service="""#,
            bearer("https://a/t", Some(""), None),
        ),
        (
            r#"Bearer realm="https://a/t",error="invalid_token",x-y="z""#,
            plain.clone(),
        ),
        (r#", Bearer realm="https://a/t", ,"#, plain.clone()),
        ("Basic", Challenge::Basic),
        (r#"BASIC realm="x", charset="UTF-8""#, Challenge::Basic),
        (r#"Negotiate, Bearer realm="https://a/t""#, plain.clone()),
        (
            r#"Negotiate YII/+aa==, Bearer realm="https://a/t""#,
            plain.clone(),
        ),
        (
            r#"Negotiate abc=, Bearer realm="https://a/t""#,
            plain.clone(),
        ),
        (
            r#"Digest realm="Bearer realm=\"https://evil\"", nonce="a,b", Bearer realm="https://a/t""#,
            plain.clone(),
        ),
        (r#"Digest realm="r" , Basic realm="b""#, Challenge::Basic),
        (r#"Bearer realm="https://a/t", Basic realm="b""#, plain),
    ] {
        assert_eq!(Challenge::parse(header), Ok(expected), "{header}");
    }
}

#[test]
fn refuses_what_cannot_be_answered() {
    let many = (0..20).map(|n| format!(",p{n}=1")).collect::<String>();
    for header in [
        String::new(),
        ",".to_owned(),
        "Negotiate".to_owned(),
        "Bearer".to_owned(),
        "Bearer realm".to_owned(),
        r#"Bearer realm="""#.to_owned(),
        r#"Bearer service="x""#.to_owned(),
        r#"Bearer realm="https://a/t"#.to_owned(),
        r#"Bearer realm="https://a/t\"#.to_owned(),
        r#"Bearer realm="a",realm="b""#.to_owned(),
        r#"Bearer realm="a",REALM="b""#.to_owned(),
        r#"Bearer realm="a",scope="x",scope="y""#.to_owned(),
        r#"Bearer realm="a"service="b""#.to_owned(),
        r#"Bearer realm="a" service="b""#.to_owned(),
        "Bearer realm=\"a\u{7}b\"".to_owned(),
        "Bearer realm=\"a\r\nHost: b\"".to_owned(),
        r#"Bearer ="a""#.to_owned(),
        r#"=realm="a""#.to_owned(),
        r#"Bearerrealm="a""#.to_owned(),
        "Digest, ".repeat(9) + r#"Bearer realm="a""#,
        format!(r#"Bearer realm="a"{many}"#),
        format!(r#"Bearer realm="{}""#, "a".repeat(5000)),
    ] {
        assert!(Challenge::parse(&header).is_err(), "{header}");
    }
}

proptest! {
    #[test]
    fn never_panics(header in "(Bearer|Basic|Digest|,| |\t|=|\"|\\\\|realm|scope|a|é){0,30}|\\PC{0,60}") {
        if let Ok(Challenge::Bearer { realm, .. }) = Challenge::parse(&header) {
            prop_assert!(!realm.is_empty() && !realm.chars().any(char::is_control));
        }
    }

    #[test]
    fn quoting_round_trips(realm in "[ -~]{1,40}", scope in "[ -~]{0,40}") {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let header = format!("Bearer realm=\"{}\",scope=\"{}\"", quote(&realm), quote(&scope));
        prop_assert_eq!(Challenge::parse(&header), Ok(bearer(&realm, None, Some(&scope))));
    }
}
