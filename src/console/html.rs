//! Building HTML in which text stays text.

use std::fmt;

/// Text between tags or within a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// The only style sheet; `respond.rs` allows it by its hash and nothing else.
pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2328; --dim: #5c6670; --paper: #fff; --line: #d9dee3; --bad: #b3261e; --good: #1a6b3c; --warn: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #9aa5af; --paper: #14181c; --line: #2d353c; --bad: #ff8a80; --good: #7ad69f; --warn: #f0c36d } }
body { margin: 0 auto; max-width: 46rem; padding: 2.5rem 1.25rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif }
header { color: var(--dim); font-size: .875rem; margin-bottom: 2rem }
header a { color: inherit }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem }
.denied, .deny { color: var(--bad) } .allowed { color: var(--good) } .warn { color: var(--warn) } .note, .dim { color: var(--dim) }
pre { margin: .5rem 0; padding: .75rem; border: 1px solid var(--line); overflow-x: auto; font: .85em/1.5 ui-monospace, monospace }
code, .id { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
ol.findings { list-style: none; padding: 0; margin: 0 } ol.findings li { border-top: 1px solid var(--line); padding: .85rem 0 }
ol.findings p { margin: .2rem 0 } .help { font-weight: 600 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.25rem; margin: 0 } dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere } th { color: var(--dim); font-weight: 500 }
@media print { body { max-width: none; padding: 0 } header { display: none } }
";

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{} · Lazaret</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header><a href=\"/\">Lazaret</a> · supply-chain policy gateway</header>\n<main>\n{body}</main>\n</body>\n</html>\n",
        Escaped(title)
    )
}
