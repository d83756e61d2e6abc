//! A letter (RFC 5322, MIME): plain text, and the same as HTML.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::text;
use crate::notify::Message;
use crate::notify::message::cut;
use crate::policy::Urgency;

/// Longest line of base64 (RFC 2045, section 6.8).
const LINE: usize = 76;
/// Most characters of a subject.
const MAX_SUBJECT: usize = 200;
/// Bytes of text in one encoded word, which may have 75 characters (RFC 2047, section 2).
const WORD: usize = 42;

/// The letter with its headers, lines ended by CR LF. Addresses must be checked before: nothing of them is escaped.
pub fn letter(message: &Message, from: &str, to: &[String]) -> String {
    let event = &message.event;
    let domain = from
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain);
    let boundary = format!("lazaret-{}", event.id);
    let mut letter = String::new();
    let mut header = |name: &str, value: &str| {
        let _ = write!(letter, "{name}: {value}\r\n");
    };
    header("From", &format!("Lazaret <{from}>"));
    header("To", &to.join(",\r\n "));
    header("Subject", &subject(&message.title()));
    header(
        "Date",
        &event.at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
    );
    // The identity of the event: whoever hears of it twice knows it. Equal events are one thread.
    header("Message-ID", &format!("<{}@{domain}>", event.id));
    header("References", &format!("<{}@{domain}>", event.key()));
    // Nobody's absence is to answer (RFC 3834).
    header("Auto-Submitted", "auto-generated");
    if message.urgency() == Urgency::Critical {
        header("Importance", "high");
    }
    header("MIME-Version", "1.0");
    header(
        "Content-Type",
        &format!("multipart/alternative; boundary=\"{boundary}\""),
    );
    letter.push_str("\r\n");
    for (kind, body) in [("plain", text(message)), ("html", html(message))] {
        let _ = write!(
            letter,
            "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            lines(&body)
        );
    }
    let _ = write!(letter, "--{boundary}--\r\n");
    letter
}

/// ASCII as it is, else encoded words.
fn subject(title: &str) -> String {
    let title = cut(title, MAX_SUBJECT);
    if title.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && !title.contains("=?") {
        return title;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in title.chars() {
        if word.len() + c.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

fn lines(text: &str) -> String {
    let encoded = STANDARD.encode(text.replace('\n', "\r\n"));
    let mut lines = String::new();
    for (at, c) in encoded.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            lines.push_str("\r\n");
        }
        lines.push(c);
    }
    lines
}

const PAGE: &str = "font:15px/1.5 system-ui,sans-serif;color:#1d2328;max-width:44rem";
const CODE: &str = "font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;background:#f4f6f8;padding:10px;border-radius:4px";
const DIM: &str = "color:#5c6670";

fn html(message: &Message) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><body style=\"{PAGE}\"><h1 style=\"font-size:19px\">{}</h1>",
        escaped(&message.title())
    );
    match message.own_text() {
        Some(own) => {
            let _ = write!(
                page,
                "<p style=\"white-space:pre-wrap\">{}</p>",
                escaped(own)
            );
        }
        None => ours(&mut page, message),
    }
    page.push_str("</body></html>\n");
    page
}

fn ours(page: &mut String, message: &Message) {
    let digest = message.event.digest.map(|digest| digest.to_string());
    let facts = [
        ("Who", message.who()),
        ("What", Some(message.event.reference.clone())),
        ("Digest", digest),
        ("Rule", message.rule.clone()),
    ];
    page.push_str("<table>");
    for (name, value) in facts {
        let Some(value) = value else { continue };
        let _ = write!(
            page,
            "<tr><th align=\"left\" style=\"{DIM};font-weight:normal;padding-right:14px\">{name}</th><td>{}</td></tr>",
            escaped(&value)
        );
    }
    page.push_str("</table>");
    list(
        page,
        "Why",
        message.reasons.iter().map(|reason| {
            let origin = reason.origin.as_deref().map(escaped);
            let origin = origin.map(|origin| format!("<br><span style=\"{DIM}\">{origin}</span>"));
            format!("{}{}", escaped(&reason.said), origin.unwrap_or_default())
        }),
    );
    let link = message
        .why
        .iter()
        .map(|why| format!("<a href=\"{0}\">{0}</a>", escaped(why)));
    list(
        page,
        "Next",
        message.next.iter().map(|line| escaped(line)).chain(link),
    );
    if let Some(waiver) = &message.waiver {
        let _ = write!(
            page,
            "<p>An exception, for whoever keeps the policy (reason and owner are theirs to give):</p><pre style=\"{CODE}\">{}</pre>",
            escaped(waiver.trim_end())
        );
    }
}

fn list(page: &mut String, name: &str, items: impl Iterator<Item = String>) {
    let items: String = items.map(|item| format!("<li>{item}</li>")).collect();
    if !items.is_empty() {
        let _ = write!(
            page,
            "<h2 style=\"font-size:16px\">{name}</h2><ul>{items}</ul>"
        );
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}
