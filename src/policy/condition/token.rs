//! The words of a condition (cel-spec, "Syntax").

use super::ConditionError;

/// One word with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// Of its first byte.
    pub(super) at: usize,
    pub(super) word: Word,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    Name(String),
    Int(i64),
    Double(f64),
    Text(String),
    Sign(&'static str),
    End,
}

/// Longer ones first, where one begins another.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]",
    ",", ".", "?", ":", "{", "}",
];

/// Splits a condition into words, an [`Word::End`] last.
///
/// # Errors
/// What is no word, with its place.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, ConditionError> {
    let mut tokens = Vec::new();
    let mut rest = source;
    loop {
        rest = rest.trim_start();
        let at = source.len() - rest.len();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let Some(first) = rest.chars().next() else {
            tokens.push(Token {
                at,
                word: Word::End,
            });
            return Ok(tokens);
        };
        let (word, after) = match first {
            '\'' | '"' => text(rest, false).map_err(|why| ConditionError::at(at, why))?,
            'r' | 'R'
                if rest
                    .get(1..)
                    .is_some_and(|rest| rest.starts_with(['\'', '"'])) =>
            {
                let quoted = rest.get(1..).unwrap_or_default();
                text(quoted, true).map_err(|why| ConditionError::at(at, why))?
            }
            '0'..='9' => number(rest).map_err(|why| ConditionError::at(at, why))?,
            first if first == '_' || first.is_ascii_alphabetic() => name(rest),
            first => match SIGNS
                .iter()
                .find_map(|sign| Some((*sign, rest.strip_prefix(sign)?)))
            {
                Some((sign, after)) => (Word::Sign(sign), after),
                None => {
                    let why = format!("{first:?} means nothing here");
                    return Err(ConditionError::at(at, why));
                }
            },
        };
        tokens.push(Token { at, word });
        rest = after;
    }
}

fn split(text: &str, while_: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !while_(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn name(rest: &str) -> (Word, &str) {
    let (name, after) = split(rest, |c| c == '_' || c.is_ascii_alphanumeric());
    (Word::Name(name.to_owned()), after)
}

fn number(rest: &str) -> Result<(Word, &str), String> {
    let (whole, after) = split(rest, |c| c.is_ascii_digit());
    let mut end = whole.len();
    if let Some(fraction) = after.strip_prefix('.') {
        let (digits, _) = split(fraction, |c| c.is_ascii_digit());
        if !digits.is_empty() {
            end += 1 + digits.len();
        }
    }
    let exponent = rest.get(end..).unwrap_or_default();
    if let Some(power) = exponent.strip_prefix(['e', 'E']) {
        let unsigned = power.strip_prefix(['+', '-']).unwrap_or(power);
        let (digits, _) = split(unsigned, |c| c.is_ascii_digit());
        end += 1 + (power.len() - unsigned.len()) + digits.len();
    }
    let (digits, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if after.starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric()) {
        return Err("JSON has decimal numbers only, without letters".to_owned());
    }
    let word = if end == whole.len() {
        digits.parse().ok().map(Word::Int)
    } else {
        digits.parse().ok().map(Word::Double)
    };
    let word = word.ok_or_else(|| format!("{digits} is no number, or too large a one"))?;
    Ok((word, after))
}

/// A text in quotes; in a raw one a backslash is a backslash.
fn text(rest: &str, raw: bool) -> Result<(Word, &str), String> {
    let mut letters = rest.chars();
    let quote = letters.next();
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == quote => return Ok((Word::Text(text), letters.as_str())),
            '\n' => break,
            '\\' if !raw => text.push(escaped(&mut letters)?),
            letter => text.push(letter),
        }
    }
    Err("the text has no end on its line".to_owned())
}

fn escaped(letters: &mut std::str::Chars<'_>) -> Result<char, String> {
    let letter = letters.next();
    let digits = match letter {
        Some(plain @ ('\\' | '\'' | '"' | '`' | '?')) => return Ok(plain),
        Some('n') => return Ok('\n'),
        Some('r') => return Ok('\r'),
        Some('t') => return Ok('\t'),
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        _ => return Err("an escape that is not known; a raw text r'…' needs none".to_owned()),
    };
    let hex: String = letters.take(digits).collect();
    let number = u32::from_str_radix(&hex, 16).ok();
    let letter = number
        .filter(|_| hex.len() == digits)
        .and_then(char::from_u32);
    letter.ok_or_else(|| format!("\\{hex} is no letter"))
}
