//! Mistakes in a file that a person edits, each shown at its line with a remedy.

use std::{fmt, ops::Range};

/// Longest line shown in full, in characters; longer ones are cut around the mistake.
const MAX_SHOWN: usize = 160;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    span: Range<usize>,
    message: String,
    helps: Vec<String>,
}

impl Diagnostic {
    /// Adds what to do about it.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Diagnostic {
        self.helps.push(text.into());
        self
    }

    /// Where it begins, in bytes.
    pub fn start(&self) -> usize {
        self.span.start
    }

    /// What to do about it.
    pub fn helps(&self) -> &[String] {
        &self.helps
    }

    /// The sentence without place and help.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// All that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    text: String,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing wrong yet with `text`, which people know as `file`.
    pub fn new(file: &str, text: &str) -> Diagnostics {
        Diagnostics {
            file: file.to_owned(),
            text: text.to_owned(),
            list: Vec::new(),
        }
    }

    /// Notes a mistake at these bytes of the text: the file will be refused.
    pub fn error(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = Diagnostic {
            span,
            message: message.into(),
            helps: Vec::new(),
        };
        self.list.push_mut(diagnostic)
    }

    /// The text that the mistakes are in.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// The line that holds this byte, from 1.
    pub fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.place(offset).line).unwrap_or(u32::MAX)
    }

    /// No mistakes.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each mistake, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.sorted().into_iter()
    }

    /// The value, unless a mistake was noted.
    ///
    /// # Errors
    /// These diagnostics, if there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if !self.is_empty() {
            Err(self)
        } else {
            Ok(value)
        }
    }

    /// What the TOML reader found wrong, with "did you mean" for unknown keys and choices.
    ///
    /// `known_keys` are candidates beyond those the reader itself names.
    pub fn from_toml(
        file: &str,
        text: &str,
        error: &toml::de::Error,
        known_keys: &[&str],
    ) -> Diagnostics {
        let mut diagnostics = Diagnostics::new(file, text);
        diagnostics.add_toml(error, known_keys);
        diagnostics
    }

    /// Adds what the TOML reader found wrong to what is already noted.
    pub fn add_toml(&mut self, error: &toml::de::Error, known_keys: &[&str]) -> &mut Diagnostic {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().trim();
        let mut quoted = message.split('`').skip(1).step_by(2);
        let kind = if message.starts_with("unknown field") {
            Some("key")
        } else if message.starts_with("unknown variant") {
            Some("value")
        } else {
            None
        };
        let (Some(kind), Some(word)) = (kind, quoted.next()) else {
            return self.error(span, message.replace('\n', ", "));
        };
        let expected: Vec<&str> = quoted.collect();
        let near = nearest(word, expected.iter().copied()).or_else(|| {
            (kind == "key")
                .then(|| nearest(word, known_keys.iter().copied()))
                .flatten()
        });
        let help = match near {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if expected.is_empty() => None,
            None => Some(format!("expected one of: {}", expected.join(", "))),
        };
        let diagnostic = self.error(span, format!("unknown {kind} `{word}`"));
        if let Some(help) = help {
            diagnostic.help(help);
        }
        diagnostic
    }

    fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.list.iter().collect();
        sorted.sort_by_key(|d| d.span.start);
        sorted
    }

    fn place(&self, offset: usize) -> Place<'_> {
        let mut start = 0;
        let mut place = Place::default();
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            let end = start + line.len();
            let whole = !line.ends_with('\n');
            place = Place {
                line: index + 1,
                start,
                text: line.trim_end_matches(['\n', '\r']),
            };
            if offset < end || whole {
                return place;
            }
            start = end;
        }
        if self.text.is_empty() {
            return Place::default();
        }
        // After the last line break: the end of the file is shown on the last line that has text.
        place
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic) -> fmt::Result {
        let place = self.place(diagnostic.span.start);
        let before = chars_before(
            place.text,
            diagnostic.span.start.saturating_sub(place.start),
        );
        let through = chars_before(place.text, diagnostic.span.end.saturating_sub(place.start));
        let number = place.line.to_string();
        let gutter = number.len();
        writeln!(f, "error: {}", diagnostic.message)?;
        let column = before + 1;
        writeln!(f, "{:gutter$}--> {}:{number}:{column}", "", self.file)?;
        let skip = if place.text.chars().count() > MAX_SHOWN {
            before.saturating_sub(MAX_SHOWN / 2)
        } else {
            0
        };
        let shown: String = place
            .text
            .chars()
            .skip(skip)
            .take(MAX_SHOWN)
            .map(plain)
            .collect();
        let before = before - skip;
        let width = through.saturating_sub(skip + before).max(1);
        let room = (shown.chars().count() + 1).saturating_sub(before).max(1);
        let carets = "^".repeat(width.min(room));
        writeln!(f, "{number} | {}", shown.trim_end())?;
        writeln!(f, "{:gutter$} | {:before$}{carets}", "", "")?;
        for help in &diagnostic.helps {
            writeln!(f, "{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// Tabs and control characters take one column, so that the carets stay under the mistake.
fn plain(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

fn chars_before(line: &str, offset: usize) -> usize {
    line.char_indices()
        .take_while(|(at, _)| *at < offset)
        .count()
}

/// One line of the text.
#[derive(Clone, Copy)]
struct Place<'a> {
    line: usize,
    start: usize,
    text: &'a str,
}

impl Default for Place<'_> {
    fn default() -> Self {
        Place {
            line: 1,
            start: 0,
            text: "",
        }
    }
}

/// The candidate that `word` was most likely meant to be.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.sorted().into_iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            self.show(f, diagnostic)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let mut d = Diagnostics::new("p.toml", text);
        d.error(span, "bad");
        d.to_string()
    }

    #[test]
    fn points_into_the_line() {
        for (text, span, expected) in [
            ("", 0..0, "error: bad\n --> p.toml:1:1\n1 | \n  | ^\n"),
            (
                "a = 1\n",
                0..1,
                "error: bad\n --> p.toml:1:1\n1 | a = 1\n  | ^\n",
            ),
            (
                "a = 1\nbé = \"ü\"\n",
                12..16,
                "error: bad\n --> p.toml:2:6\n2 | bé = \"ü\"\n  |      ^^^\n",
            ),
            (
                "\ta = 1",
                1..2,
                "error: bad\n --> p.toml:1:2\n1 |  a = 1\n  |  ^\n",
            ),
            (
                "a = [\n1,\n]\n",
                4..11,
                "error: bad\n --> p.toml:1:5\n1 | a = [\n  |     ^\n",
            ),
            (
                "a =\n",
                4..4,
                "error: bad\n --> p.toml:1:4\n1 | a =\n  |    ^\n",
            ),
            (
                "a = ",
                99..120,
                "error: bad\n --> p.toml:1:5\n1 | a =\n  |     ^\n",
            ),
            (
                "a = 1\r\nb = 2\r\n",
                7..8,
                "error: bad\n --> p.toml:2:1\n2 | b = 2\n  | ^\n",
            ),
        ] {
            assert_eq!(shown(text, span), expected, "{text:?}");
        }
    }

    #[test]
    fn suggests_what_was_meant() {
        #[derive(serde::Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only its shape matters")]
        struct Shape {
            registries: Option<Vec<String>>,
            mode: Option<Mode>,
        }
        #[derive(serde::Deserialize, Debug)]
        #[serde(rename_all = "lowercase")]
        enum Mode {
            Enforce,
            Audit,
        }
        for (text, expected) in [
            (
                "\n\n\n\n\n\n\n\n\nregistires = []",
                "error: unknown key `registires`\n  --> policy.toml:10:1\n10 | registires = []\n   | ^^^^^^^^^^\n   = help: did you mean `registries`?\n",
            ),
            (
                "mode = \"enforced\"",
                "error: unknown value `enforced`\n --> policy.toml:1:8\n1 | mode = \"enforced\"\n  |        ^^^^^^^^^^\n  = help: did you mean `enforce`?\n",
            ),
            (
                "colour = 1",
                "error: unknown key `colour`\n --> policy.toml:1:1\n1 | colour = 1\n  | ^^^^^^\n  = help: expected one of: registries, mode\n",
            ),
        ] {
            let error = toml::from_str::<Shape>(text).unwrap_err();
            let d = Diagnostics::from_toml("policy.toml", text, &error, &[]);
            assert_eq!(d.to_string(), expected);
        }
    }

    #[test]
    fn line_numbers() {
        let d = Diagnostics::new("f", "a\nb\n");
        assert_eq!([0, 1, 2, 3, 4, 9].map(|o| d.line(o)), [1, 1, 2, 2, 2, 2]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".{0,40}(\n.{0,20}){0,3}", a in 0usize..90, b in 0usize..90) {
            let _ = shown(&text, a..b);
        }
    }
}
