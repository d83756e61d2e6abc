//! The newest decisions, and those that one looks for.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::{Decision, Search};
use crate::oci::Reference;
use crate::policy::Code;

use super::html::{Escaped, page};
use super::why::{outcome, worst};

/// Decisions of one page.
pub(super) const MOST: u32 = 50;
/// Longest value of a filter, in characters: more is no image and no client.
const MAX_FILTER: usize = 300;

/// How far back one looks by finding or client: whoever looks must not hold up the pulls that ask the ledger too.
const SLOW: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What is looked for, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    image: String,
    verdict: String,
    code: String,
    client: String,
    until: Option<Timestamp>,
    /// What of it cannot be looked for.
    wrong: Vec<String>,
}

impl Filters {
    /// Of a query; what nobody knows there is no matter.
    pub(super) fn parse(query: &str) -> Filters {
        let mut filters = Filters::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value: String = value.trim().chars().take(MAX_FILTER).collect();
            match name.as_ref() {
                "image" => filters.image = value,
                "verdict" => filters.verdict = value,
                "code" => filters.code = value,
                "client" => filters.client = value,
                "until" => filters.until = value.parse().ok(),
                _ => {}
            }
        }
        filters
    }

    fn is_empty(&self) -> bool {
        let all = [&self.image, &self.verdict, &self.code, &self.client];
        all.iter().all(|text| text.is_empty()) && self.until.is_none()
    }

    /// Whether rows must be read one by one to find what fits.
    fn is_slow(&self) -> bool {
        !self.code.is_empty() || !self.client.is_empty()
    }

    /// The search. What is wrong limits nothing, and is told on the page.
    pub(super) fn search(&mut self, now: Timestamp) -> Search {
        let mut search = Search {
            most: MOST,
            until: self.until.unwrap_or(Timestamp::MAX),
            client: Some(self.client.clone()).filter(|client| !client.is_empty()),
            ..Search::default()
        };
        if self.is_slow() {
            let end = self.until.unwrap_or(now);
            search.since = end.checked_sub(SLOW).unwrap_or(Timestamp::UNIX_EPOCH);
        }
        match self.verdict.as_str() {
            "" => {}
            "denied" => search.allowed = Some(false),
            "allowed" => search.allowed = Some(true),
            _ => self.wrong.push("a verdict is denied or allowed".to_owned()),
        }
        if !self.code.is_empty() {
            search.code = Code::ALL
                .iter()
                .copied()
                .find(|code| code.as_str() == self.code);
            if search.code.is_none() {
                self.wrong.push("there is no such finding".to_owned());
            }
        }
        if !self.image.is_empty() {
            match self.image.parse::<Reference>() {
                Ok(reference) if self.image.contains('@') => {
                    search.digest = reference.digest().copied()
                }
                Ok(reference) => {
                    let tagged = self
                        .image
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .contains(':');
                    search.repository = Some(reference.repository().clone());
                    search.reference = tagged.then_some(reference);
                }
                Err(error) => self.wrong.push(format!("no image: {error}")),
            }
        }
        search
    }

    /// The query for what is older than this.
    fn older(&self, than: Timestamp) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("image", &self.image),
            ("verdict", &self.verdict),
            ("code", &self.code),
            ("client", &self.client),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair("until", &than.to_string());
        query.finish()
    }
}

/// The page.
pub(super) fn index(filters: &Filters, decisions: &[Decision], waits: &[String]) -> String {
    let mut body = String::from("<h1>Decisions</h1>\n");
    if filters.is_empty() {
        waiting(&mut body, waits);
    }
    form(&mut body, filters);
    for wrong in &filters.wrong {
        let _ = writeln!(
            body,
            "<p class=\"warn\" role=\"status\">{}</p>",
            Escaped(wrong)
        );
    }
    if decisions.is_empty() {
        body.push_str(match filters.is_empty() {
            true => "<p>None yet. Pull an image through the mirror, and it stands here.</p>\n",
            false if filters.is_slow() => "<p>None that fits within 31 days. <code>lazaret log</code> looks further back. <a href=\"/\">All decisions</a></p>\n",
            false => "<p>None that fits. <a href=\"/\">All decisions</a></p>\n",
        });
        return page("Decisions", &body);
    }
    body.push_str("<table class=\"decisions\">\n<caption>The newest first, times in UTC</caption>\n<thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Image</th><th scope=\"col\">Asked by</th><th scope=\"col\">Verdict</th></tr></thead>\n<tbody>\n");
    for decision in decisions {
        let word = outcome(decision);
        let _ = writeln!(
            body,
            "<tr><td class=\"time\">{}</td><td><a href=\"/why/{}\">{}</a></td><td>{}</td><td><span class=\"badge {word}\">{word}</span> <span class=\"dim\">{}</span></td></tr>",
            decision.at.strftime("%Y-%m-%d %H:%M:%S"),
            decision.id,
            Escaped(&decision.reference.to_string()),
            Escaped(&decision.client.who()),
            worst(decision)
        );
    }
    body.push_str("</tbody>\n</table>\n");
    if let Some(last) = decisions
        .last()
        .filter(|_| decisions.len() >= MOST as usize)
    {
        let _ = writeln!(
            body,
            "<p class=\"screen\"><a rel=\"next\" href=\"/?{}\">Older ones</a></p>",
            Escaped(&filters.older(last.at))
        );
    }
    page("Decisions", &body)
}

/// What has no decision yet.
fn waiting(body: &mut String, waits: &[String]) {
    if waits.is_empty() {
        return;
    }
    body.push_str(
        "<section aria-labelledby=\"waiting\">\n<h2 id=\"waiting\">Pulls wait for</h2>\n<ul>\n",
    );
    for wait in waits.iter().take(MOST as usize) {
        let _ = writeln!(body, "<li>{}</li>", Escaped(wait));
    }
    body.push_str("</ul>\n</section>\n");
}

fn form(body: &mut String, filters: &Filters) {
    let option = |value: &str, text: &str, chosen: &str| {
        let selected = if value == chosen { " selected" } else { "" };
        format!("<option value=\"{value}\"{selected}>{text}</option>")
    };
    let verdicts = [("", "any"), ("denied", "denied"), ("allowed", "allowed")];
    let verdicts = verdicts.map(|(value, text)| option(value, text, &filters.verdict));
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let codes = codes.map(|code| option(code, code, &filters.code));
    let codes: String = std::iter::once(option("", "any", &filters.code))
        .chain(codes)
        .collect();
    let _ = writeln!(
        body,
        "<form class=\"filters\" action=\"/\" method=\"get\" role=\"search\" aria-label=\"Decisions\">\n<div class=\"whole\"><label for=\"f-image\">Image</label><input id=\"f-image\" name=\"image\" value=\"{}\" placeholder=\"nginx, ghcr.io/acme/app:1\" autocapitalize=\"none\" spellcheck=\"false\"></div>\n<div><label for=\"f-verdict\">Verdict</label><select id=\"f-verdict\" name=\"verdict\">{}</select></div>\n<div><label for=\"f-code\">Finding</label><select id=\"f-code\" name=\"code\">{codes}</select></div>\n<div><label for=\"f-client\">Client</label><input id=\"f-client\" name=\"client\" value=\"{}\" placeholder=\"10.1.2.3\" autocapitalize=\"none\" spellcheck=\"false\"></div>\n<div><button>Show</button></div>\n</form>",
        Escaped(&filters.image),
        verdicts.concat(),
        Escaped(&filters.client)
    );
}

/// For a path that leads nowhere.
pub(super) fn missing(what: &str) -> String {
    let body = format!(
        "<h1>Not here</h1>\n<p>{}</p>\n<p><a href=\"/\">The newest decisions</a></p>\n",
        Escaped(what)
    );
    page("Not here", &body)
}
