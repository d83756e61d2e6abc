//! Results for CI systems, in the XML that JUnit's Ant task began and they all read.

use std::fmt::Write as _;

use crate::policy::Escaped;

/// What became of one case.
pub(super) struct Case {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) name: String,
    /// What went wrong, if something did.
    pub(super) failure: Option<String>,
}

/// A suite a file, in the order of the cases.
pub(super) fn xml(cases: &[Case]) -> String {
    let failures = |cases: &[Case]| cases.iter().filter(|case| case.failure.is_some()).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"lazaret policy test\" tests=\"{}\" failures=\"{}\">\n",
        cases.len(),
        failures(cases)
    );
    for suite in cases.chunk_by(|a, b| a.file == b.file) {
        let name = suite.first().map_or("", |case| case.file.as_str());
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            Escaped(name),
            suite.len(),
            failures(suite)
        );
        for case in suite {
            let head = format!(
                "    <testcase classname=\"{0}\" name=\"{1}\" file=\"{0}\" line=\"{2}\"",
                Escaped(&case.file),
                Escaped(&case.name),
                case.line
            );
            let _ = match &case.failure {
                None => writeln!(text, "{head}/>"),
                Some(why) => writeln!(
                    text,
                    "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                    Escaped(why.lines().next().unwrap_or_default()),
                    Escaped(why)
                ),
            };
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_well_formed_whatever_is_in_them() {
        let case = |name: &str, failure: Option<&str>| Case {
            file: "tests/a.toml".to_owned(),
            line: 3,
            name: name.to_owned(),
            failure: failure.map(str::to_owned),
        };
        let text = xml(&[case("fine", None), case("<\"&\u{1b}>", Some("- a\n+ b"))]);
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"lazaret policy test\" tests=\"2\" failures=\"1\">\n\
             \x20 <testsuite name=\"tests/a.toml\" tests=\"2\" failures=\"1\">\n\
             \x20   <testcase classname=\"tests/a.toml\" name=\"fine\" file=\"tests/a.toml\" line=\"3\"/>\n\
             \x20   <testcase classname=\"tests/a.toml\" name=\"&lt;&quot;&amp; &gt;\" file=\"tests/a.toml\" line=\"3\">\n\
             \x20     <failure message=\"- a\">- a\n+ b</failure>\n\
             \x20   </testcase>\n\
             \x20 </testsuite>\n\
             </testsuites>\n"
        );
    }
}
