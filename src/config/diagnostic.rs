//! Mistakes in a file, shown where they stand.

use std::fmt;
use std::ops::Range;

/// Most differing letters for a "did you mean" of keys and words.
const NEAR: usize = 2;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    warning: bool,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Diagnostic {
    /// What to do about it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// "did you mean", if one of `known` is close to `word`; else what there is.
    pub fn suggest<'a>(&mut self, word: &str, known: impl IntoIterator<Item = &'a str>) -> &mut Diagnostic {
        let known: Vec<&str> = known.into_iter().collect();
        let near = known.iter().map(|name| (strsim::osa_distance(name, word), name)).min();
        let help = match near {
            Some((distance, name)) if distance <= NEAR => format!("did you mean `{name}`?"),
            _ if known.is_empty() => return self,
            _ => format!("known are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        };
        self.help(help)
    }
}

/// All mistakes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    text: String,
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet in `text`, which `file` names for people.
    pub fn new(file: &str, text: &str) -> Diagnostics {
        Diagnostics { file: file.to_owned(), text: text.to_owned(), found: Vec::new() }
    }

    /// The mistake at which the TOML reader stopped.
    pub fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Diagnostics {
        let mut diagnostics = Diagnostics::new(file, text);
        let message = error.message().trim().to_owned();
        let span = error.span().unwrap_or(0..0);
        let quoted: Vec<String> = message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
        match quoted.split_first() {
            Some((word, known)) if unknown => {
                let what = if message.starts_with("unknown field") { "key" } else { "word" };
                let diagnostic = diagnostics.error(span, format!("unknown {what} `{word}`"));
                diagnostic.suggest(word, known.iter().map(String::as_str));
            }
            _ => {
                diagnostics.error(span, message);
            }
        }
        diagnostics
    }

    /// A mistake at these bytes.
    pub fn error(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.add(false, span, message.into())
    }

    /// Something that is allowed and probably not meant.
    pub fn warning(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.add(true, span, message.into())
    }

    fn add(&mut self, warning: bool, span: Range<usize>, message: String) -> &mut Diagnostic {
        self.found.push(Diagnostic { warning, span, message, help: None });
        let last = self.found.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "pushed on the line before")]
        &mut self.found[last]
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> u32 {
        let lines = self.text.bytes().take(at).filter(|b| *b == b'\n').count();
        u32::try_from(lines + 1).unwrap_or(u32::MAX)
    }

    /// Whether nothing was found, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether a mistake was found.
    pub fn failed(&self) -> bool {
        self.found.iter().any(|diagnostic| !diagnostic.warning)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic) -> fmt::Result {
        let word = if diagnostic.warning { "warning" } else { "error" };
        let start = diagnostic.span.start.min(self.text.len());
        let (before, after) = self.text.split_at_checked(start).unwrap_or((&self.text, ""));
        let (number, lead) = (self.line(start), before.rsplit('\n').next().unwrap_or_default());
        let rest = after.split('\n').next().unwrap_or_default();
        let within = diagnostic.span.len().min(rest.len());
        let marked = rest.get(..within).unwrap_or(rest).trim_end().chars().count().max(1);
        let (gutter, blank) = (number.to_string(), " ".repeat(number.to_string().len()));
        let pad: String = lead.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "{word}: {}", diagnostic.message)?;
        writeln!(f, "{blank}--> {}:{number}:{}", self.file, lead.chars().count() + 1)?;
        writeln!(f, "{gutter} | {lead}{}", rest.trim_end())?;
        write!(f, "{blank} | {pad}{}", "^".repeat(marked))?;
        diagnostic.help.iter().try_for_each(|help| write!(f, "\n{blank} = help: {help}"))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ordered: Vec<&Diagnostic> = self.found.iter().collect();
        ordered.sort_by_key(|diagnostic| diagnostic.span.start);
        for (at, diagnostic) in ordered.into_iter().enumerate() {
            if at > 0 {
                f.write_str("\n\n")?;
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

    #[test]
    fn a_mistake_is_shown_where_it_stands() {
        let text = "mode = \"enforce\"\nregistires = []\n";
        let mut diagnostics = Diagnostics::new("policy.toml", text);
        diagnostics.error(17..27, "unknown key `registires`").suggest("registires", ["registries", "rules"]);
        let expected = "error: unknown key `registires`\n --> policy.toml:2:1\n2 | registires = []\n  | ^^^^^^^^^^\n  = help: did you mean `registries`?";
        assert_eq!(diagnostics.to_string(), expected);
    }

    #[test]
    fn odd_spans_do_no_harm() {
        for span in [0..0, 5..5, 3..900, 900..901, 1..2] {
            let mut diagnostics = Diagnostics::new("f", "é\tä\n");
            diagnostics.error(span, "odd");
            assert!(diagnostics.to_string().starts_with("error: odd"));
        }
    }
}
