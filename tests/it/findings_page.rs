//! The page of findings and the code say the same.

use lazaret::policy::Code;

use crate::support::fixtures;

#[test]
fn every_finding_is_on_the_page_in_order() {
    let page = fixtures::folder("../../docs/findings.md");
    let text = fixtures::read(&page);
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(headings, codes);
    for section in text.split("\n## ").skip(1) {
        assert!(section.contains("*What next:*"), "{section}");
    }
}
