use serde_json::{Value as Json, json};

use super::*;

fn facts<'a>(predicate: &'a Json, image: &'a Json, signers: &'a [String]) -> Facts<'a> {
    Facts {
        predicate,
        subject: image,
        kind: "https://slsa.dev/provenance/v1",
        signers,
        image,
    }
}

fn holds(source: &str, predicate: &Json) -> Result<(), String> {
    let condition = Condition::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let image = json!({ "registry": "ghcr.io", "repository": "acme/app", "tag": "1" });
    let signers = ["ci".to_owned(), "security".to_owned()];
    condition.holds(&facts(predicate, &image, &signers), &mut Budget::new())
}

fn predicate() -> Json {
    json!({
        "ref": "refs/tags/v1.2", "runs": 3, "score": 7.5, "none": null, "ok": true,
        "vulnerabilities": [
            { "id": "CVE-1", "severity": "LOW", "score": 2 },
            { "id": "CVE-2", "severity": "HIGH", "score": 8.1, "fixed": "1.2" },
        ],
        "nested": [[1, 2], [3]],
        "byName": { "a": 1, "b": 2 },
    })
}

#[test]
fn conditions_hold_or_not() {
    for (source, wanted) in [
        ("predicate.ref.startsWith('refs/tags/')", true),
        ("predicate.ref.startsWith('refs/heads/')", false),
        (
            "predicate.ref.endsWith('1.2') && predicate.ref.contains('tags')",
            true,
        ),
        ("predicate['ref'] == \"refs/tags/v1.2\"", true),
        (
            "predicate.runs == 3 && predicate.runs == 3.0 && predicate.runs < 3.5",
            true,
        ),
        ("predicate.score >= 7.5 && predicate.score > 7", true),
        ("predicate.runs in [1, 2, 3]", true),
        (
            "'a' in predicate.byName && !('z' in predicate.byName)",
            true,
        ),
        ("predicate.none == null && predicate.ok", true),
        ("has(predicate.ref) && !has(predicate.reff)", true),
        (
            "predicate.vulnerabilities.all(v, v.severity != 'CRITICAL')",
            true,
        ),
        ("predicate.vulnerabilities.exists(v, v.score > 9)", false),
        (
            "predicate.vulnerabilities.exists_one(v, has(v.fixed))",
            true,
        ),
        (
            "size(predicate.vulnerabilities.filter(v, v.severity == 'HIGH')) <= 1",
            true,
        ),
        (
            "predicate.vulnerabilities.map(v, v.id) == ['CVE-1', 'CVE-2']",
            true,
        ),
        ("predicate.nested.all(list, list.all(n, n > 0))", true),
        ("predicate.byName.all(key, predicate.byName[key] < 3)", true),
        ("predicate.nested[0][1] == 2", true),
        (
            "type == 'https://slsa.dev/provenance/v1' && 'ci' in signers",
            true,
        ),
        (
            "image.registry + '/' + image.repository == 'ghcr.io/acme/app'",
            true,
        ),
        ("predicate.ok ? predicate.runs > 2 : false", true),
        ("1 + 2 * 3 - 4 / 2 % 2 == 7 && -predicate.runs == -3", true),
        ("int('7') == 7 && double(7) == 7.0 && int(7.9) == 7", true),
        // An error is overridden where the other side decides, and only there.
        ("predicate.gone == 1 || predicate.ok", true),
        ("predicate.ok || predicate.gone == 1", true),
        ("predicate.gone == 1 && false", false),
        (
            "predicate.vulnerabilities.exists(v, v.fixed == '1.2')",
            true,
        ),
        ("predicate == 1", false),
        ("predicate == predicate", true),
    ] {
        assert_eq!(holds(source, &predicate()).is_ok(), wanted, "{source}");
    }
}

#[test]
fn what_is_not_true_does_not_hold_and_says_why() {
    for (source, why) in [
        ("predicate.ref", "it yields a string and not true"),
        ("predicate.runs", "it yields a number and not true"),
        ("null", "it yields null and not true"),
        ("predicate.gone.deeper == 1", "there is no `gone`"),
        ("predicate.ref.gone == 1", "a string has no `gone`"),
        (
            "predicate.runs.startsWith('3')",
            "`startsWith` is not for a number and a string",
        ),
        ("predicate.ref < 3", "a string and a number have no order"),
        (
            "predicate.ref && true",
            "a string is neither true nor false",
        ),
        ("predicate.runs / 0 == 1", "divided by zero"),
        ("9223372036854775807 + 1 > 0", "too large"),
        ("predicate.nested[7] == 1", "the list is shorter"),
        ("predicate.nested[-1] == 1", "the list is shorter"),
        (
            "predicate.ref.all(x, true)",
            "a string cannot be gone through",
        ),
        (
            "predicate.vulnerabilities.all(v, v.fixed == '1.2')",
            "there is no `fixed`",
        ),
        (
            "predicate.vulnerabilities.map(v, v.fixed) == []",
            "there is no `fixed`",
        ),
        ("false", "`false` is false"),
        ("predicate.ok == false", "is false"),
    ] {
        let said = holds(source, &predicate()).unwrap_err();
        assert!(said.contains(why), "{source}: {said}");
    }
}

#[test]
fn mistakes_are_found_when_the_policy_is_loaded() {
    for (source, at, why) in [
        ("predicate.ref ==", Some(16), "missing at the end"),
        ("predicate.ref = 'x'", Some(14), "means nothing"),
        ("predicat.ref == 'x'", Some(0), "there is no `predicat`"),
        ("predicate.xs.all(x, y == 1)", Some(20), "there is no `y`"),
        (
            "x == 1 || predicate.xs.all(x, true)",
            Some(0),
            "there is no `x`",
        ),
        (
            "predicate.xs.all(x, true) && x",
            Some(29),
            "there is no `x`",
        ),
        (
            "predicate.xs.all(predicate, true)",
            Some(17),
            "a name of its own",
        ),
        ("predicate.xs.all(x.y, true)", Some(18), "`,` is missing"),
        (
            "predicate.ref.matches('v1')",
            Some(14),
            "regular expressions",
        ),
        ("now() > 3", Some(0), "no function `now`"),
        (
            "predicate.ref.startsWith()",
            Some(14),
            "does not take so many",
        ),
        ("b'x' == predicate.ref", Some(0), "no `b`"),
        ("predicate.n == 1u", Some(15), "decimal"),
        ("predicate.n == 0x1F", Some(15), "decimal"),
        ("predicate.n == 99999999999999999999", Some(15), "too large"),
        ("{'a': 1} == predicate", Some(0), "builds no maps"),
        ("has(predicate)", Some(0), "has()"),
        ("predicate.a == 'x", Some(15), "no end"),
        ("predicate.a == '\\q'", Some(15), "escape"),
        ("predicate.a b", Some(12), "goes on after its end"),
        ("(predicate.a", Some(12), "missing at the end"),
        ("predicate.a ? 1", Some(15), "missing at the end"),
        ("'äöü' == predicat", Some(12), "there is no `predicat`"),
        ("", Some(0), "missing"),
        ("// nothing", Some(10), "missing"),
        (
            "predicate.a.all(a, a.all(b, b.all(c, c.all(d, true))))",
            Some(43),
            "more than 3 loops",
        ),
    ] {
        let error = Condition::parse(source).unwrap_err();
        assert!(error.message.contains(why), "{source}: {error:?}");
        assert_eq!(error.at, at, "{source}: {error:?}");
    }
    let long = format!("predicate.x == '{}'", "x".repeat(MAX_SOURCE));
    assert!(
        Condition::parse(&long)
            .unwrap_err()
            .message
            .contains("longer")
    );
    for deep in [
        "(",
        "[",
        "!",
        "-",
        "1?",
        "predicate.a.all(x, ",
        "1+",
        ".a",
        "predicate.a",
        "1 in [",
        "[1,",
    ] {
        let deep = deep.repeat(MAX_SOURCE / deep.len());
        assert!(Condition::parse(&deep).is_err());
    }
    let nested = |depth| "(".repeat(depth) + "true" + &")".repeat(depth);
    assert!(Condition::parse(&nested(20)).is_ok());
    assert!(
        Condition::parse(&nested(30))
            .unwrap_err()
            .message
            .contains("deeply")
    );
    let sum = |terms| vec!["1"; terms].join("+") + " > 0";
    assert!(holds(&sum(100), &json!({})).is_ok());
    assert!(
        Condition::parse(&sum(200))
            .unwrap_err()
            .message
            .contains("parts")
    );
}

#[test]
fn texts_are_read_as_cel_writes_them() {
    for (written, meant) in [
        (r#"'a"b'"#, "a\"b"),
        (r#""a'b""#, "a'b"),
        (r"'a\'b\\c\n'", "a'b\\c\n"),
        (r"'\x41\u00e4\U0001F512'", "Aä🔒"),
        (r"r'a\b'", "a\\b"),
        ("'' + 'x' // and a comment", "x"),
    ] {
        let predicate = json!({ "text": meant });
        let source = format!("predicate.text == {written}");
        assert!(holds(&source, &predicate).is_ok(), "{source}");
    }
}

#[test]
fn a_condition_over_a_large_predicate_ends() {
    let large = json!({ "xs": vec![1; 100_000], "text": "x".repeat(10_000_000) });
    assert!(holds("predicate.xs.all(x, x == 1)", &large).is_ok());
    assert!(holds("size(predicate.xs.map(x, x)) == 100000", &large).is_ok());
    for endless in [
        "predicate.xs.all(x, predicate.xs.all(y, x == y))",
        "predicate.xs.all(x, predicate.text.contains('y') == false)",
        "predicate.xs.map(x, predicate.text + 'a') == []",
        "predicate.xs.all(x, !(2 in predicate.xs))",
        "predicate.xs.all(x, predicate.xs == predicate.xs)",
        // Spent is spent, whatever the other side says.
        "predicate.xs.all(x, predicate.xs.all(y, x == y)) || true",
        "true && !predicate.xs.exists(x, predicate.xs.exists(y, x != y))",
    ] {
        let why = holds(endless, &large).unwrap_err();
        assert!(why.contains("more than 3000000 steps"), "{endless}: {why}");
    }
}

#[test]
fn the_language_is_cel() {
    let yes = [
        "1 + 2 == 3",
        "1 == 1.0",
        "2 < 2.5",
        "9007199254740993 > 9007199254740992.0",
        "'a' + 'b' == 'ab'",
        "[1, 2] + [3] == [1, 2, 3]",
        "[1, 2, 3].exists_one(x, x > 2)",
        "[1, 2, 3].map(x, x * 2) == [2, 4, 6]",
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2, 3].filter(x, x % 2 == 1) == [1, 3]",
        "[0, 2].all(x, 4 / x == 2) || true",
        "[0, 2].exists(x, 4 / x == 2)",
        "![2, 0].all(x, 4 / x == 3)",
        "[].all(x, false) && ![].exists(x, true)",
        "1 in [1.0] && !('x' in [])",
        "1 / 0 == 1 || true",
        "!(1 / 0 == 1 && false)",
        "false ? 1 / 0 == 1 : true",
        "true ? true : false ? false : false",
        "!(1 > 2) && -1 < 0",
        "-7 / 2 == -3 && -7 % 2 == -1",
        "2 + 3 * 4 == 14 && (2 + 3) * 4 == 20 && 7 - 2 - 1 == 4",
        "size('äöü') == 3 && size([1]) == 1 && 'ab'.size() == 2",
        "'abc'.contains('') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc')",
        "null == null && null != 1 && !('1' == 1)",
        "[[1], [2]] == [[1], [2]] && [1] != [1, 2]",
        "'b' > 'a' && true > false",
        "int('12') == 12 && int(2.9) == 2 && double('1.5') == 1.5 && 1e3 == 1000",
        "false || true && true",
    ];
    for source in yes {
        assert_eq!(holds(source, &json!({})), Ok(()), "{source}");
    }
    let no = [
        "1 + 1.0 == 2.0",
        "9223372036854775807 + 1 == 0",
        "[0, 2].all(x, 4 / x == 2)",
        "1 / 0 == 1 && true",
        "[1, 'a'].exists_one(x, x > 0)",
        "!'a'",
        "-'a' == 1",
    ];
    for source in no {
        assert!(holds(source, &json!({})).is_err(), "{source}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
        let _ = Condition::parse(&text);
    }

    #[test]
    fn no_expression_makes_the_evaluation_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "predicate", ".", "ref", "xs", "(", ")", "[", "]", "1", "-1", "'a'", "+", "-", "*", "/", "%", "==", "<",
            "in", "&&", "||", "!", "?", ":", "all(x, ", "map(x, ", "x", "size(", "int(", ".startsWith(", "null", "0.0",
        ]), 1..14),
    ) {
        let source = words.concat();
        if let Ok(condition) = Condition::parse(&source) {
            let predicate = json!({ "ref": "a", "xs": [1, "a", null, -9223372036854775808i64] });
            let _ = condition.holds(&facts(&predicate, &predicate, &[]), &mut Budget::new());
        }
    }
}
