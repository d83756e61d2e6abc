//! Lines of CSV (RFC 4180).

/// One line, without its end.
pub(super) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",")
}

/// What begins like a formula gets an apostrophe before it: clients choose some of these words, and spreadsheets would
/// compute them.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_what_they_are() {
        let cells = ["a", "", "b,c", "say \"no\"", "two\nlines", "=1+1", "@x,y"];
        assert_eq!(
            line(cells),
            "a,,\"b,c\",\"say \"\"no\"\"\",\"two\nlines\",'=1+1,\"'@x,y\""
        );
    }
}
