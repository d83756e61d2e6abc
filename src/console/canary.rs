//! The page that a refusal of the canary leads to.

use std::fmt::Write as _;

use super::html::{Escaped, page};

/// Who asked for the canary by a nonce: `seen` in `known`, as the gateway tells it.
pub(super) fn canary(known: &serde_json::Value) -> String {
    let mut body = String::from(
        "<h1>The canary</h1>\n<p>This is no image: <code>lazaret doctor</code> pulls it to see that pulls come here and that a refusal holds. The refusal that led here did.</p>\n",
    );
    let seen = known.get("seen").and_then(|seen| seen.as_array());
    let seen = seen.map_or(&[][..], Vec::as_slice);
    if seen.is_empty() {
        body.push_str("<p>Nobody asked for it by that name in the last quarter of an hour.</p>\n");
    } else {
        body.push_str(
            "<table><tr><th>when</th><th>what</th><th>at</th><th>from</th><th>answer</th></tr>\n",
        );
    }
    for one in seen {
        let text = |key: &str| {
            one.get(key)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let word = if one.get("served").is_some_and(|served| *served == true) {
            "served"
        } else {
            "denied"
        };
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} {}</td><td>{word}</td></tr>",
            Escaped(&text("at")),
            Escaped(&text("repository")),
            Escaped(&text("listener")),
            Escaped(&text("address")),
            Escaped(&text("user_agent"))
        );
    }
    if !seen.is_empty() {
        body.push_str("</table>\n");
    }
    page("The canary", &body)
}
