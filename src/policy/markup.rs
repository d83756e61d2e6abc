//! Words within HTML and XML, in which text stays text.

use std::fmt;

use super::is_hidden;

/// Text between tags or within a quoted attribute (HTML, "Escaping a string"; XML 1.0, 2.2 and 2.4). What shows nothing,
/// or may not be there at all, is a space.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => fmt::Write::write_char(f, c)?,
                c if is_hidden(c) => fmt::Write::write_char(f, ' ')?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, wanted) in [
            (
                "<b class=\"x\">&'",
                "&lt;b class=&quot;x&quot;&gt;&amp;&#39;",
            ),
            ("two\nlines\tand more", "two\nlines\tand more"),
            ("\u{1b}[2J\r\0\u{fffe}", " [2J   "),
            ("a\u{202e}txt.exe\u{200b}", "a txt.exe "),
            ("ngïnx 日本", "ngïnx 日本"),
        ] {
            assert_eq!(Escaped(text).to_string(), wanted, "{text:?}");
        }
    }
}
