//! A letter (RFC 5322, MIME): plain text, and the same as HTML.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, MultiPartKind, SinglePart};

use super::text;
use crate::notify::Message;
use crate::notify::message::cut;
use crate::policy::{Escaped, Urgency};

/// Most characters of a subject.
const MAX_SUBJECT: usize = 200;

/// The letter with its headers, lines ended by CR LF.
///
/// # Errors
/// An address is none.
pub fn letter(message: &Message, from: &str, to: &[String]) -> Result<String, String> {
    let event = &message.event;
    let since = Duration::from_secs(u64::try_from(event.at.as_second()).unwrap_or_default());
    let domain = from
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain);
    let mut letter = lettre::Message::builder()
        .from(mailbox(Some("Lazaret"), from)?)
        .subject(cut(&message.title(), MAX_SUBJECT))
        .date(SystemTime::UNIX_EPOCH + since)
        // The identity of the event: whoever hears of it twice knows it. Equal events are one thread.
        .message_id(Some(format!("<{}@{domain}>", event.id)))
        .references(format!("<{}@{domain}>", event.key()))
        // Nobody's absence is to answer (RFC 3834).
        .raw_header(header(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated",
        ));
    for address in to {
        letter = letter.to(mailbox(None, address)?);
    }
    if message.urgency() == Urgency::Critical {
        let name = HeaderName::new_from_ascii_str("Importance");
        letter = letter.raw_header(header(name, "high"));
    }
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("lazaret-{}", event.id))
        .singlepart(part(ContentType::TEXT_PLAIN, text(message))?)
        .singlepart(part(ContentType::TEXT_HTML, html(message))?);
    let letter = letter.multipart(parts).map_err(|error| error.to_string())?;
    String::from_utf8(letter.formatted()).map_err(|error| error.to_string())
}

fn mailbox(name: Option<&str>, address: &str) -> Result<Mailbox, String> {
    let wrong = |error| format!("{address}: {error}");
    let address = address.parse().map_err(wrong)?;
    Ok(Mailbox::new(name.map(str::to_owned), address))
}

fn header(name: HeaderName, value: &str) -> HeaderValue {
    HeaderValue::new(name, value.to_owned())
}

/// Base64: programs on the way break long lines and change ends of lines in anything else.
fn part(kind: ContentType, text: String) -> Result<SinglePart, String> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::Base64);
    let body = body.map_err(|_| "it cannot be written in base64".to_owned())?;
    Ok(SinglePart::builder().header(kind).body(body))
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
    Escaped(text).to_string()
}
