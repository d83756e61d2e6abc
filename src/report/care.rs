//! What an image shows of its author's care, in one list.

use super::Survey;
use crate::policy::{Hygiene, Unexplained};

/// One thing that was seen.
pub(super) struct Seen {
    /// In kebab-case, as findings of policies are called.
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// The file, if it is about one.
    pub(super) path: Option<String>,
}

fn seen(kind: &'static str, path: &str, message: impl Into<String>) -> Seen {
    Seen {
        kind,
        message: message.into(),
        path: Some(path.to_owned()),
    }
}

/// Everything that is worth a line, most urgent first.
pub(super) fn care(survey: &Survey) -> Vec<Seen> {
    let found = &survey.contents.hygiene;
    let mut all = Vec::new();
    let scans = [
        ("virus", "virus-unscanned", "infected with", &found.viruses),
        ("yara-match", "yara-unscanned", "matches", &found.yara),
    ];
    for (kind, unscanned, verb, scan) in scans {
        let Some(scan) = scan else { continue };
        let by = &scan.scanner;
        all.extend(
            scan.found
                .iter()
                .map(|(path, what)| seen(kind, path, format!("{verb} {what}, says {by}"))),
        );
        all.extend(
            scan.unscanned.iter().map(|(path, why)| {
                seen(unscanned, path, format!("not looked into by {by}: {why}"))
            }),
        );
    }
    all.extend(found.secrets.iter().map(|secret| {
        let buried = if secret.buried {
            ", in a lower layer"
        } else {
            ""
        };
        let message = format!("a secret ({}) in line {}{buried}", secret.rule, secret.line);
        seen("secret", &secret.path, message)
    }));
    all.extend(found.empty_passwords.iter().map(|(path, name)| {
        seen(
            "empty-password",
            path,
            format!("{name} has an empty password"),
        )
    }));
    all.extend(found.second_roots.iter().map(|(path, name)| {
        seen(
            "second-root",
            path,
            format!("{name} is root under another name"),
        )
    }));
    all.extend(modes(found));
    if let Some((system, since)) = &found.end_of_life
        && *since <= survey.at
    {
        all.push(Seen {
            kind: "end-of-life",
            message: format!(
                "nobody looks after {system} since {}",
                since.strftime("%Y-%m-%d")
            ),
            path: None,
        });
    }
    all
}

/// What could not be looked into.
pub(super) fn unknown(survey: &Survey) -> Vec<Seen> {
    let contents = &survey.contents;
    let mut all = Vec::new();
    if contents.unexplained != Unexplained::Nothing {
        all.push(Seen {
            kind: "content-unidentified",
            message: contents.unexplained.to_string(),
            path: None,
        });
    }
    all.extend(contents.unread.iter().map(|one| Seen {
        kind: "file-unread",
        message: one.to_string(),
        path: None,
    }));
    all
}

/// What modes and shapes of files say.
fn modes(found: &Hygiene) -> Vec<Seen> {
    let mut all = Vec::new();
    all.extend(found.setuid.iter().filter(|one| !one.packaged).map(|one| {
        let whose = if one.user { "user" } else { "group" };
        let message = format!("sets its {whose} when it starts, and no package brought it");
        seen("setuid", &one.path, message)
    }));
    all.extend(
        found
            .packed
            .iter()
            .map(|path| seen("packed", path, "unpacks itself when it starts")),
    );
    all.extend(
        found
            .world_writable
            .iter()
            .map(|path| seen("world-writable", path, "everybody may change it")),
    );
    all
}
