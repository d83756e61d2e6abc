//! The data sets, and the corpus that each is judged by.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lazaret::names::Corpus;
use lazaret::oci::Reference;

/// A file of names and what they are.
pub(crate) struct DataSet {
    pub file: &'static str,
    pub what: &'static str,
    /// Flagging is right (recall) or wrong (false positives).
    pub mistakes: bool,
    pub names: Vec<Reference>,
    /// What was meant, where the file tells.
    pub meant: Vec<Option<Reference>>,
    /// The built-in list, less what it learnt from this very set.
    pub corpus: Corpus,
}

const FILES: [(&str, &str, bool, &str); 7] = [
    ("human_typos_wild.csv", "real human mistakes", true, ""),
    ("A2.tsv", "synthetic human mistakes", true, ""),
    ("A3.tsv.gz", "synthetic attackers' names", true, ""),
    (
        "known_malicious_images.csv",
        "malicious images of reports",
        true,
        "",
    ),
    (
        "B1.tsv",
        "names in public repositories",
        false,
        "public-repos>=3",
    ),
    ("B2.tsv", "`FROM` lines of 2017", false, "FROM2017>=10"),
    ("hub2016_names.txt.gz", "Docker Hub of 2016", false, ""),
];

/// All sets that are here.
pub(crate) fn all() -> Vec<DataSet> {
    let sets = FILES.iter().filter_map(|(file, what, mistakes, source)| {
        let rows = rows(file)?;
        let parsed = rows
            .iter()
            .filter(|row| row[0].contains('/'))
            .filter_map(|row| {
                let meant = row.get(1).filter(|meant| meant.contains('/'));
                Some((
                    row[0].parse().ok()?,
                    meant.and_then(|meant| meant.parse().ok()),
                ))
            });
        let (names, meant) = parsed.unzip();
        Some(DataSet {
            file,
            what,
            mistakes: *mistakes,
            names,
            meant,
            corpus: without(source),
        })
    });
    sets.collect()
}

/// The lines of a file in their fields.
pub(crate) fn rows(file: &str) -> Option<Vec<Vec<String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/names")
        .join(file);
    let Some(text) = read(&path) else {
        println!("{file} is not here and left out");
        return None;
    };
    let fields = |line: &str| line.split([',', '\t']).map(str::to_owned).collect();
    Some(text.lines().map(fields).collect())
}

fn read(path: &PathBuf) -> Option<String> {
    if path.extension()? == "gz" {
        let output = Command::new("gzip").arg("-dc").arg(path).output().ok()?;
        return String::from_utf8(output.stdout)
            .ok()
            .filter(|text| !text.is_empty());
    }
    fs::read_to_string(path).ok()
}

pub(crate) const IMAGES: &str = include_str!("../../src/names/data/images.csv");
pub(crate) const HOSTS: &str = include_str!("../../src/names/data/hosts.csv");
pub(crate) const ALIASES: &str = include_str!("../../src/names/data/aliases.csv");

/// The built-in list less the names that it has from `source` alone.
fn without(source: &str) -> Corpus {
    filtered(|line| line.splitn(3, ',').nth(2) != Some(source))
}

/// The built-in list of the lines that fit.
pub(crate) fn filtered(fits: impl Fn(&str) -> bool) -> Corpus {
    let mut lines = IMAGES.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    for line in lines.filter(|line| fits(line)) {
        text += line;
        text.push('\n');
    }
    Corpus::parse(&text, HOSTS, ALIASES).unwrap()
}
