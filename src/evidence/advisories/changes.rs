//! What changed in an ecosystem, from the list that its publisher keeps beside the export (`modified_id.csv`: time and
//! id, the newest first; google/osv.dev, docs/data.md).

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::AdvisorySource;
use crate::scan::{Header, MAX_RECORD_BYTES, Record};

/// Most records that are fetched one by one; more are faster as a whole export.
const MAX_CHANGED: usize = 200;
/// How far before what is known the list is read: records may appear in another order than they changed.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Longest line of the list in bytes: a time and an id.
const MAX_LINE_BYTES: usize = 1024;
/// Longest id; real ones have up to 40 characters.
const MAX_ID_BYTES: usize = 128;
/// Records that are fetched at once.
const AT_ONCE: usize = 8;

/// What is new since a header was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changes {
    /// Nothing.
    None,
    /// These, perhaps with some that are known.
    Few(Vec<String>),
    /// More than are fetched one by one, or the list says nothing that can be relied on.
    Many,
    /// The list ends before what is known: it is an old copy.
    Stale(Timestamp),
}

/// The list while it is read.
pub(super) struct Reading<'a> {
    ecosystem: &'a str,
    known: Timestamp,
    newest: Option<Timestamp>,
    last: Option<Timestamp>,
    ids: Vec<String>,
}

impl<'a> Reading<'a> {
    pub(super) fn since(header: &'a Header) -> Reading<'a> {
        Reading {
            ecosystem: &header.ecosystem,
            known: header.watermark,
            newest: None,
            last: None,
            ids: Vec::new(),
        }
    }

    /// Takes a line; `None` where it cannot be relied on, `Some(false)` where the rest does not matter.
    pub(super) fn line(&mut self, line: &str) -> Option<bool> {
        if line.is_empty() {
            return Some(true);
        }
        let (at, id) = line.trim_end().split_once(',')?;
        let at: Timestamp = at.parse().ok()?;
        // The list of everything says whose a record is.
        let id = match id.rsplit_once('/') {
            Some((whose, id)) if whose == self.ecosystem => id,
            Some(_) => return None,
            None => id,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let sound = (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(plain);
        if !sound || id.starts_with('.') || self.last.is_some_and(|last| at > last) {
            return None;
        }
        self.newest.get_or_insert(at);
        self.last = Some(at);
        let cutoff = self.known.checked_sub(OVERLAP).unwrap_or(self.known);
        if at < cutoff {
            return Some(false);
        }
        self.ids.push(id.to_owned());
        Some(self.ids.len() <= MAX_CHANGED)
    }

    pub(super) fn end(self) -> Changes {
        match self.newest {
            None => Changes::Many,
            // Index files keep whole seconds.
            Some(newest) if newest.as_second() < self.known.as_second() => Changes::Stale(newest),
            Some(newest) if newest.as_second() == self.known.as_second() => Changes::None,
            _ if self.ids.len() > MAX_CHANGED => Changes::Many,
            _ => Changes::Few(self.ids),
        }
    }
}

/// Reads the list as far as it matters. One that cannot be had or read says nothing.
pub(super) async fn changes(source: &AdvisorySource, header: &Header) -> Changes {
    let path = format!("{}{}/modified_id.csv", source.path, header.ecosystem);
    let Ok(mut list) = source.upstream.download(&path, None).await else {
        return Changes::Many;
    };
    let mut reading = Reading::since(header);
    let mut rest: Vec<u8> = Vec::new();
    while let Some(piece) = list.body.chunk().await {
        let Ok(piece) = piece else {
            return Changes::Many;
        };
        rest.extend_from_slice(&piece);
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let line: Vec<u8> = rest.drain(..=end).collect();
            match str::from_utf8(&line)
                .ok()
                .and_then(|line| reading.line(line.trim()))
            {
                Some(true) => {}
                Some(false) => return reading.end(),
                None => return Changes::Many,
            }
        }
        if rest.len() > MAX_LINE_BYTES {
            return Changes::Many;
        }
    }
    match str::from_utf8(&rest)
        .ok()
        .and_then(|line| reading.line(line))
    {
        Some(_) => reading.end(),
        None => Changes::Many,
    }
}

/// Fetches these records.
///
/// # Errors
/// Why one cannot be had, in a sentence.
pub(super) async fn records(
    source: &AdvisorySource,
    ecosystem: &str,
    ids: &[String],
) -> Result<Vec<Vec<u8>>, String> {
    let mut records = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let mut fetching = JoinSet::new();
        for id in some.iter().cloned() {
            let upstream = source.upstream.clone();
            let path = format!("{}{ecosystem}/{id}.json", source.path);
            fetching.spawn(async move {
                let record = upstream.document(&path, MAX_RECORD_BYTES as u64).await;
                let record = record.map_err(|error| error.to_string())?;
                match Record::parse(&record) {
                    Ok(parsed) if parsed.id() == id => Ok(record.to_vec()),
                    Ok(_) => Err(format!("another advisory lies under the name of {id}")),
                    Err(error) => Err(format!("{id}: {error}")),
                }
            });
        }
        while let Some(fetched) = fetching.join_next().await {
            records.push(fetched.map_err(|error| error.to_string())??);
        }
    }
    // In whichever order they came: the data is the same for the same records.
    records.sort_unstable();
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<Changes> {
        let header: Header = serde_json::from_value(serde_json::json!({
            "format": 1, "ecosystem": "Debian", "watermark": "2026-01-02T12:00:00Z", "records": 1, "ignored": 0,
            "malformed": 0, "packages": 1, "rows": 1, "source": "", "ends": [0, 0, 0, 0, 0, 0], "sha256": "",
        }))
        .unwrap();
        let mut reading = Reading::since(&header);
        for line in lines {
            if !reading.line(line)? {
                break;
            }
        }
        Some(reading.end())
    }

    #[test]
    fn lists_of_changes() {
        let few = |ids: &[&str]| Some(Changes::Few(ids.iter().map(ToString::to_string).collect()));
        let cases: [(&[&str], Option<Changes>); 13] = [
            (&[], Some(Changes::Many)),
            (&["2026-01-02T12:00:00.5Z,DSA-1"], Some(Changes::None)),
            (
                &["2026-01-02T11:00:00Z,DSA-1"],
                Some(Changes::Stale("2026-01-02T11:00:00Z".parse().unwrap())),
            ),
            (
                &["2026-01-03T00:00:00Z,DSA-2", "2026-01-01T00:00:00Z,DSA-1"],
                few(&["DSA-2"]),
            ),
            (
                &[
                    "2026-01-03T00:00:00Z,Debian/DSA-2",
                    "2026-01-02T11:30:00Z,Debian/DSA-1",
                ],
                few(&["DSA-2", "DSA-1"]),
            ),
            (&["2026-01-03T00:00:00Z,npm/DSA-2"], None),
            (&["2026-01-03T00:00:00Z,../../DSA-2"], None),
            (&["2026-01-03T00:00:00Z,..DSA"], None),
            (&["2026-01-03T00:00:00Z,DSA 2"], None),
            (&["2026-01-03T00:00:00Z,"], None),
            (&["yesterday,DSA-2"], None),
            (&["DSA-2"], None),
            // Not in order.
            (
                &["2026-01-03T00:00:00Z,DSA-2", "2026-01-04T00:00:00Z,DSA-3"],
                None,
            ),
        ];
        for (lines, wanted) in cases {
            assert_eq!(read(lines), wanted, "{lines:?}");
        }
        let many = vec!["2026-01-03T00:00:00Z,DSA-1"; MAX_CHANGED + 1];
        assert_eq!(read(&many), Some(Changes::Many));
        assert!(matches!(read(&many[1..]), Some(Changes::Few(_))));
    }
}
