//! Unified diffs, as `diff -u` writes them.

use std::fmt::Write as _;

/// Lines around a change.
const CONTEXT: usize = 3;
/// Largest table of lines by lines that is worth a minimal diff; beyond it the middle is replaced as a whole.
const MAX_CELLS: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Gone,
    New,
}

/// The diff of two texts of a file; none: no file. Empty where they are the same.
pub fn unified(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let lines = changed(before.unwrap_or_default(), after.unwrap_or_default());
    let mut out = String::new();
    if lines.iter().all(|(kind, _)| *kind == Kind::Same) && before.is_some() == after.is_some() {
        return out;
    }
    let name = |there: bool| if there { path } else { "/dev/null" };
    let _ = writeln!(
        out,
        "--- {}\n+++ {}",
        name(before.is_some()),
        name(after.is_some())
    );
    for hunk in hunks(&lines) {
        show(&mut out, &lines, hunk);
    }
    out
}

fn changed<'a>(before: &'a str, after: &'a str) -> Vec<(Kind, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (pieces(before), pieces(after));
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(&new).take_while(same).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(same)
        .count();
    let middle = |all: &[&'a str]| -> Vec<&'a str> {
        all.iter()
            .skip(head)
            .take(all.len() - head - tail)
            .copied()
            .collect()
    };
    let mut lines: Vec<(Kind, &str)> = old
        .iter()
        .take(head)
        .map(|line| (Kind::Same, *line))
        .collect();
    lines.extend(shortest(&middle(&old), &middle(&new)));
    lines.extend(
        old.iter()
            .skip(old.len() - tail)
            .map(|line| (Kind::Same, *line)),
    );
    lines
}

fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// By the longest common subsequence.
fn shortest<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Kind, &'a str)> {
    let width = new.len() + 1;
    let mut table = vec![0_u32; 0];
    if (old.len() + 1).saturating_mul(width) <= MAX_CELLS {
        table = vec![0; (old.len() + 1) * width];
    }
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let longest = match a == b {
                true => at(&table, i + 1, j + 1) + 1,
                false => at(&table, i + 1, j).max(at(&table, i, j + 1)),
            };
            table
                .get_mut(i * width + j)
                .into_iter()
                .for_each(|cell| *cell = longest);
        }
    }
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b && !table.is_empty() => {
                lines.push((Kind::Same, *a));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || at(&table, i + 1, j) >= at(&table, i, j + 1) => {
                lines.push((Kind::Gone, *a));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push((Kind::New, *b));
                j += 1;
            }
            _ => return lines,
        }
    }
}

/// Ranges of lines that are shown.
fn hunks(lines: &[(Kind, &str)]) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in lines
        .iter()
        .enumerate()
        .filter(|(_, (kind, _))| *kind != Kind::Same)
    {
        let (from, to) = (
            at.saturating_sub(CONTEXT),
            (at + CONTEXT + 1).min(lines.len()),
        );
        match found.last_mut() {
            Some(last) if last.end >= from => last.end = to,
            _ => found.push(from..to),
        }
    }
    found
}

fn show(out: &mut String, lines: &[(Kind, &str)], hunk: std::ops::Range<usize>) {
    let count = |range: std::ops::Range<usize>, other: Kind| {
        let inside = lines.get(range).unwrap_or_default();
        inside.iter().filter(|(kind, _)| *kind != other).count()
    };
    let place = |other: Kind| {
        let (before, length) = (count(0..hunk.start, other), count(hunk.clone(), other));
        // An empty range is named by the line before it.
        format!("{},{length}", if length == 0 { before } else { before + 1 })
    };
    let _ = writeln!(out, "@@ -{} +{} @@", place(Kind::New), place(Kind::Gone));
    for (kind, line) in lines.get(hunk.clone()).unwrap_or_default() {
        let sign = match kind {
            Kind::Same => ' ',
            Kind::Gone => '-',
            Kind::New => '+',
        };
        let _ = write!(out, "{sign}{line}");
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_diff_is_as_diff_writes_it() {
        let before = "a\nb\nc\nd\ne\n1\n2\nf\ng\nh\ni\n";
        let after = before.replace("b\n", "B\n").replace("i\n", "i");
        assert_eq!(
            unified("/etc/x", Some(before), Some(&after)),
            "--- /etc/x\n+++ /etc/x\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n@@ -8,4 +8,4 @@\n f\n g\n h\n-i\n+i\n\\ No newline at end of file\n"
        );
        assert_eq!(
            unified("/etc/x", None, Some("a\n")),
            "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+a\n"
        );
        assert_eq!(unified("/etc/x", Some("a\n"), Some("a\n")), "");
    }

    proptest! {
        #[test]
        fn a_diff_has_all_of_both_texts(before in "[ab\\n]{0,30}", after in "[ab\\n]{0,30}") {
            let lines = changed(&before, &after);
            let side = |other: Kind| -> String {
                lines.iter().filter(|(kind, _)| *kind != other).map(|(_, line)| *line).collect()
            };
            prop_assert_eq!(side(Kind::New), before.clone());
            prop_assert_eq!(side(Kind::Gone), after.clone());
        }
    }
}
