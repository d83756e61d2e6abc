//! A message of syslog (RFC 5424).

use crate::notify::Message;
use crate::notify::message::cut;
use crate::policy::{Urgency, is_hidden, printable};

/// Names our elements of structured data: the number that RFC 5612 reserves for examples, as we have none of our own.
const ENTERPRISE: u32 = 32_473;
/// Longest host name (RFC 5424, section 6).
const MAX_HOST: usize = 255;
/// Longest value of structured data, in characters: the whole stays below the 8 KiB that receivers take.
const MAX_VALUE: usize = 500;
/// Most characters of the text.
const MAX_TEXT: usize = 3_000;

/// The message without framing, of `host`; of at most `most` bytes.
pub fn syslog(message: &Message, host: &str, facility: u8, most: usize) -> String {
    let event = &message.event;
    let severity = match message.urgency() {
        Urgency::Critical => 2,
        Urgency::Error => 3,
        Urgency::Warning => 4,
        Urgency::Info => 6,
    };
    let priority = u16::from(facility) * 8 + severity;
    let time = event.at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
    let codes: Vec<&str> = event.codes.iter().map(|code| code.as_str()).collect();
    let values = [
        ("id", event.id.to_string()),
        ("image", event.reference.clone()),
        (
            "digest",
            event.digest.map(|one| one.to_string()).unwrap_or_default(),
        ),
        (
            "identity",
            event
                .identity
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        (
            "client",
            event.address.map(|one| one.to_string()).unwrap_or_default(),
        ),
        ("team", message.team.clone().unwrap_or_default()),
        ("codes", codes.join(",")),
        ("rule", message.rule.clone().unwrap_or_default()),
        ("count", event.count.to_string()),
        ("why", message.why.clone().unwrap_or_default()),
    ];
    let data: String = values
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!(" {name}=\"{}\"", quoted(&cut(value, MAX_VALUE))))
        .collect();
    let said: Vec<String> = match message.own_text() {
        Some(own) => vec![own.to_owned()],
        None => {
            let reasons = message.reasons.iter().map(|one| one.said.clone());
            reasons.chain(message.next.iter().cloned()).collect()
        }
    };
    let text: String = std::iter::once(message.title())
        .chain(said)
        .collect::<Vec<_>>()
        .join("; ");
    let text = printable(&text);
    // The mark says that the text is UTF-8 (section 6.4).
    let whole = format!(
        "<{priority}>1 {time} {} lazaret {} {} [lazaret@{ENTERPRISE}{data}] \u{feff}{}",
        host_name(host),
        std::process::id(),
        event.kind.as_str(),
        cut(&text, MAX_TEXT)
    );
    bytes(whole, most)
}

/// Printable ASCII without spaces, or the sign for none.
fn host_name(host: &str) -> String {
    let plain: String = host
        .chars()
        .filter(char::is_ascii_graphic)
        .take(MAX_HOST)
        .collect();
    match plain.is_empty() {
        true => "-".to_owned(),
        false => plain,
    }
}

/// Three characters are escaped in a value (section 6.3.3).
fn quoted(value: &str) -> String {
    let mut quoted = String::new();
    for c in value.chars() {
        match c {
            '"' | '\\' | ']' => quoted.extend(['\\', c]),
            c if is_hidden(c) => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted
}

/// The longest beginning of whole characters that fits.
fn bytes(mut text: String, most: usize) -> String {
    while text.len() > most {
        text.pop();
    }
    text
}
