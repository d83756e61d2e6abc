//! The frame of every page.

pub(super) use crate::policy::Escaped;

/// The only style sheet; `respond.rs` allows it by its hash and nothing else.
pub(super) const STYLE: &str = include_str!("style.css");

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{} · Lazaret</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n<header><p><a href=\"/\"><strong>Lazaret</strong></a> <span>supply-chain policy gateway</span></p><nav aria-label=\"Pages\"><a href=\"/\">Decisions</a> <a href=\"/?verdict=denied\">Denied</a></nav></header>\n<main id=\"main\">\n{body}</main>\n</body>\n</html>\n",
        Escaped(title)
    )
}
