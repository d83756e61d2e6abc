use super::*;

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

#[test]
fn reads_and_writes() {
    for text in [
        "linux/amd64",
        "linux/arm/v7",
        "windows/amd64",
        "unknown/unknown",
        "linux/mips64le",
    ] {
        assert_eq!(platform(text).to_string(), text);
    }
    for text in [
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/arm/",
        "linux/arm/v7/x",
        "Linux/amd64",
        "linux /amd64",
        "linux/ämd64",
    ] {
        assert_eq!(text.parse::<Platform>(), Err(PlatformError), "{text}");
    }
}

#[test]
fn matches_as_clients_do() {
    let says = |os: &str, architecture: &str, variant: Option<&str>| Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
    };
    for (has, wanted, fits) in [
        (says("linux", "amd64", None), "linux/amd64", true),
        (says("linux", "amd64", Some("v3")), "linux/amd64", true),
        (says("linux", "amd64", Some("v1")), "linux/amd64/v1", true),
        (says("linux", "x86_64", None), "linux/amd64", true),
        (says("Linux", "AMD64", None), "linux/amd64", true),
        (says("linux", "aarch64", None), "linux/arm64/v8", true),
        (says("linux", "arm64", Some("v8")), "linux/arm64", true),
        (says("linux", "arm64", None), "linux/arm64/v8", true),
        (says("linux", "armhf", None), "linux/arm/v7", true),
        (says("linux", "armel", None), "linux/arm/v7", false),
        (says("linux", "arm", Some("7")), "linux/arm/v7", true),
        (says("linux", "arm", None), "linux/arm/v7", true),
        (says("linux", "arm", Some("v6")), "linux/arm/v7", false),
        (says("linux", "i386", None), "linux/386", true),
        (says("", "amd64", None), "linux/amd64", true),
        (says("linux", "amd64", None), "windows/amd64", false),
        (says("linux", "arm64", None), "linux/amd64", false),
        (says("unknown", "unknown", None), "linux/amd64", false),
    ] {
        assert_eq!(has.satisfies(&platform(wanted)), fits, "{has} for {wanted}");
    }
}

#[test]
fn hostile_words_do_not_reach_people() {
    let read = |json: &str| serde_json::from_str::<Platform>(json);
    let plain = read(r#"{"os":"linux","architecture":"amd64","variant":"","os.version":"10"}"#);
    assert_eq!(plain.unwrap(), platform("linux/amd64"));
    assert!(read(r#"{"os":"linux","architecture":"amd64","variant":null}"#).is_ok());
    assert!(read(r#"{"os":"\u001b[2J","architecture":"amd64"}"#).is_err());
    assert!(read(r#"{"os":"linux","architecture":"amd64","variant":"\n"}"#).is_err());
    let long = format!(r#"{{"os":"{}","architecture":"amd64"}}"#, "x".repeat(65));
    assert!(read(&long).is_err());
}
