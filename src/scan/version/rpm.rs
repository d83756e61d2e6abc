//! The order of rpm: epoch, version, release (rpm-version(7); `rpmvercmp`).

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a_epoch, a_version, a_release) = parts(a);
    let (b_epoch, b_version, b_release) = parts(b);
    digits::compare(a_epoch, b_epoch)
        .then_with(|| segments(a_version, b_version))
        .then_with(|| match (a_release, b_release) {
            (Some(a), Some(b)) => segments(a, b),
            // Without a release comes first: an advisory that names none means "from the first build on".
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
}

/// Epoch, version, release. What stands before a colon is an epoch only if it is a number.
fn parts(version: &str) -> (&str, &str, Option<&str>) {
    let epoch = version.split_once(':');
    let (epoch, rest) = epoch
        .filter(|(epoch, _)| digits::all(epoch))
        .unwrap_or(("0", version));
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

/// Compares runs of digits and of letters; all else only separates. `~` is before the end, `^` just after it.
fn segments(mut a: &str, mut b: &str) -> Ordering {
    loop {
        (a, b) = (unseparated(a), unseparated(b));
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(a_rest), Some(b_rest)) => {
                (a, b) = (a_rest, b_rest);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (a.strip_prefix('^'), b.strip_prefix('^')) {
            (Some(a_rest), Some(b_rest)) => {
                (a, b) = (a_rest, b_rest);
                continue;
            }
            (Some(_), None) if b.is_empty() => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) if a.is_empty() => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return b.is_empty().cmp(&a.is_empty());
        }
        let order;
        if a.starts_with(|c: char| c.is_ascii_digit()) {
            let (a_number, a_rest) = digits::split(a);
            let (b_number, b_rest) = digits::split(b);
            // A number is newer than letters.
            order = (!b_number.is_empty()).then(|| digits::compare(a_number, b_number));
            (a, b) = (a_rest, b_rest);
        } else {
            let (a_word, a_rest) = digits::split_while(a, |c| c.is_ascii_alphabetic());
            let (b_word, b_rest) = digits::split_while(b, |c| c.is_ascii_alphabetic());
            if b_word.is_empty() {
                return Ordering::Less;
            }
            order = Some(a_word.cmp(b_word));
            (a, b) = (a_rest, b_rest);
        }
        match order {
            Some(Ordering::Equal) => {}
            order => return order.unwrap_or(Ordering::Greater),
        }
    }
}

fn unseparated(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^')
}
