//! What others say of an image: scanners that are asked, reports and statements that somebody signed.

use jiff::Timestamp;

use super::Vulnerability;

/// What another scanner says of an image, or why it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The scanner's name in the policy, or who signed its report.
    pub scanner: String,
    /// What it said.
    pub said: Result<Said, String>,
}

/// What a scanner said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Program and version, as it calls itself.
    pub version: String,
    /// Of when its data is, where it tells.
    pub data: Option<Timestamp>,
    /// When it is to be asked again.
    pub until: Option<Timestamp>,
    /// Why it is against the image altogether, whatever it lists.
    pub refuses: Option<String>,
    /// What it lists.
    pub vulnerabilities: Vec<Vulnerability>,
}

/// A statement that a vulnerability does no harm here (OpenVEX 0.2.0: `not_affected`, `fixed`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exoneration {
    /// Names of the vulnerability.
    pub ids: Vec<String>,
    /// Package URLs that it is about; empty: the whole image.
    pub purls: Vec<String>,
    /// Why it does no harm, in words for people.
    pub why: String,
    /// Name of the policy's signer who says so.
    pub by: String,
}

impl Exoneration {
    fn is_about(&self, ids: &[String]) -> bool {
        self.ids.iter().any(|id| ids.contains(id))
    }

    fn covers(&self, purl: &str) -> bool {
        self.purls.is_empty() || self.purls.iter().any(|stated| is_same(stated, purl))
    }
}

/// The statements that clear a vulnerability: together they must be about all of its packages. Nothing clears what was
/// made to do harm.
pub(super) fn cleared<'a>(
    found: &Vulnerability,
    statements: &'a [Exoneration],
) -> Option<&'a Exoneration> {
    let about = || statements.iter().filter(|one| one.is_about(&found.ids));
    let whole = about().find(|one| one.purls.is_empty());
    let each = || {
        let all = found
            .purls
            .iter()
            .all(|purl| about().any(|one| one.covers(purl)));
        // What a package is called must be known, or a statement about another one could clear it.
        let known = !found.purls.is_empty() && found.purls.len() >= found.packages.len();
        (all && known).then(|| about().next()).flatten()
    };
    whole.or_else(each).filter(|_| !found.malicious)
}

/// Whether a package is the stated one: type, namespace and name alike, and the version where one is stated.
/// Qualifiers say where a package comes from, not which one it is (purl-spec).
fn is_same(stated: &str, purl: &str) -> bool {
    let plain = |purl: &str| {
        let bare = purl.split(['?', '#']).next().unwrap_or_default();
        percent_encoding::percent_decode_str(bare)
            .decode_utf8_lossy()
            .into_owned()
    };
    let (stated, purl) = (plain(stated), plain(purl));
    match stated
        .rfind('@')
        .filter(|at| !stated.get(*at..).unwrap_or_default().contains('/'))
    {
        Some(_) => stated == purl,
        None => purl
            .rsplit_once('@')
            .is_some_and(|(name, _)| name == stated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vulnerability(purls: &[&str]) -> Vulnerability {
        Vulnerability {
            ids: vec!["GHSA-1".to_owned(), "CVE-2026-1".to_owned()],
            packages: purls
                .iter()
                .map(|purl| ((*purl).to_owned(), String::new()))
                .collect(),
            purls: purls.iter().map(|purl| (*purl).to_owned()).collect(),
            ..Vulnerability::default()
        }
    }

    fn statement(purls: &[&str]) -> Exoneration {
        Exoneration {
            ids: vec!["CVE-2026-1".to_owned()],
            purls: purls.iter().map(|purl| (*purl).to_owned()).collect(),
            ..Exoneration::default()
        }
    }

    #[test]
    fn a_statement_clears_what_it_is_about() {
        let deb = "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?distro=debian-12";
        let npm = "pkg:npm/%40babel/core@7.0.0";
        let cases: [(&[&str], &[&str], bool); 11] = [
            (&[deb], &[], true),
            (&[], &[], true),
            (&[deb], &["pkg:deb/debian/libssl3"], true),
            (&[deb], &["pkg:deb/debian/libssl3@3.0.11-1~deb12u2"], true),
            (
                &[deb],
                &["pkg:deb/debian/libssl3@3.0.11-1%7Edeb12u2?arch=amd64"],
                true,
            ),
            (&[deb], &["pkg:deb/debian/libssl3@3.0.12"], false),
            (&[deb], &["pkg:deb/debian/libssl"], false),
            (&[npm], &["pkg:npm/%40babel/core"], true),
            (&[npm], &["pkg:npm/@babel/core@7.0.0"], true),
            (&[deb, npm], &["pkg:npm/@babel/core"], false),
            (&[], &["pkg:npm/@babel/core"], false),
        ];
        for (found, stated, clears) in cases {
            let statements = [statement(stated)];
            let cleared = cleared(&vulnerability(found), &statements);
            assert_eq!(cleared.is_some(), clears, "{found:?} by {stated:?}");
        }
    }

    #[test]
    fn several_statements_clear_together_and_nothing_clears_malware() {
        let both = vulnerability(&["pkg:npm/a@1", "pkg:npm/b@1"]);
        let statements = [statement(&["pkg:npm/a"]), statement(&["pkg:npm/b"])];
        assert!(cleared(&both, &statements).is_some());
        assert!(cleared(&both, &statements[..1]).is_none());
        let malware = Vulnerability {
            malicious: true,
            ..both
        };
        assert!(cleared(&malware, &statements).is_none());
        let other = Exoneration {
            ids: vec!["CVE-2026-2".to_owned()],
            ..statement(&[])
        };
        assert!(cleared(&vulnerability(&[]), &[other]).is_none());
    }

    #[test]
    fn a_package_without_a_url_is_not_cleared_by_one_of_another() {
        let mut half = vulnerability(&["pkg:npm/a@1"]);
        half.packages.push(("b".to_owned(), "1".to_owned()));
        assert!(cleared(&half, &[statement(&["pkg:npm/a"])]).is_none());
    }
}
