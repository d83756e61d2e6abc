//! Words of one's own: a text in which `{name}` stands for a field of the message.

use std::fmt;

/// What a template may name, in the order of the documentation.
pub const FIELDS: &[&str] = &[
    "title", "event", "urgency", "image", "digest", "client", "team", "contact", "findings",
    "codes", "next", "rule", "waiver", "why", "count", "time", "id",
];

/// Longest template in bytes: more is a document.
const MAX_TEMPLATE: usize = 4 << 10;
/// Longest result in characters: less than any channel's own limit but Slack's, which cuts by itself.
const MAX_FILLED: usize = 16 << 10;

/// A checked template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(&'static str),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// There is no such field.
    Unknown(String),
    /// A brace without its like.
    Brace,
    /// It is too long.
    TooLong,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateError::Unknown(name) => write!(f, "no message has a field `{{{name}}}`"),
            TemplateError::Brace => f.write_str("a brace without its like"),
            TemplateError::TooLong => write!(f, "longer than {MAX_TEMPLATE} bytes"),
        }
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Reads a template; `{{` and `}}` are braces.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        if text.len() > MAX_TEMPLATE {
            return Err(TemplateError::TooLong);
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    plain.push(c);
                }
                '}' => return Err(TemplateError::Brace),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            None | Some('{') => return Err(TemplateError::Brace),
                            Some(c) => name.push(c),
                        }
                    }
                    let known = FIELDS.iter().find(|known| **known == name);
                    let field = known.ok_or(TemplateError::Unknown(name))?;
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Field(field));
                }
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template(pieces))
    }

    /// The text with the value of each field, cut at a bounded length. Values are not read as templates.
    pub fn fill(&self, value: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(name) => filled.push_str(&value(name)),
            }
        }
        match filled.char_indices().nth(MAX_FILLED) {
            Some((end, _)) => filled.get(..end).unwrap_or_default().to_owned() + "…",
            None => filled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let template = Template::parse(text).unwrap();
        template.fill(|name| format!("<{name} {{why}}>"))
    }

    #[test]
    fn fields_are_replaced_once() {
        for (text, wanted) in [
            ("", ""),
            ("plain", "plain"),
            ("{image}", "<image {why}>"),
            ("{event}: {image}!", "<event {why}>: <image {why}>!"),
            ("{{{codes}}}", "{<codes {why}>}"),
            ("{{image}}", "{image}"),
        ] {
            assert_eq!(filled(text), wanted, "{text}");
        }
        for name in FIELDS {
            assert!(Template::parse(&format!("{{{name}}}")).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let unknown = |name: &str| TemplateError::Unknown(name.to_owned());
        for (text, why) in [
            ("{imgae}", unknown("imgae")),
            ("{}", unknown("")),
            ("{Image}", unknown("Image")),
            ("{image", TemplateError::Brace),
            ("image}", TemplateError::Brace),
            ("{image{why}}", TemplateError::Brace),
        ] {
            assert_eq!(Template::parse(text).unwrap_err(), why, "{text}");
        }
        let long = "x".repeat(MAX_TEMPLATE + 1);
        assert_eq!(Template::parse(&long), Err(TemplateError::TooLong));
    }

    #[test]
    fn the_result_is_bounded() {
        let template = Template::parse("{findings}").unwrap();
        let filled = template.fill(|_| "ä".repeat(MAX_FILLED + 5));
        assert_eq!(filled.chars().count(), MAX_FILLED + 1);
        assert!(filled.ends_with("ä…"));
    }
}
