//! Was the image made with care? Secrets, accounts, raising and packed programs, ends of life, viruses, YARA rules.

use std::collections::BTreeMap;

use crate::oci::Platform;
use crate::policy::judge::Docket;
use crate::policy::{Affected, Code, FileScan, Hygiene, HygieneProfile, Level, Origin};

/// Most findings of a kind that are told one by one; the others are one finding of the same level.
const MAX_TOLD: usize = 100;

/// One image before the judge.
struct Case<'a, 'd> {
    docket: &'a mut Docket<'d>,
    origin: &'a Origin,
    platform: &'a Platform,
}

pub(in crate::policy) fn judge(
    docket: &mut Docket<'_>,
    profile: &HygieneProfile,
    origin: &Origin,
    platform: &Platform,
    found: &Hygiene,
) {
    let mut case = Case {
        docket,
        origin,
        platform,
    };
    secrets(&mut case, profile, found);
    programs(&mut case, profile, found);
    accounts(&mut case, profile, found);
    let words = found.world_writable.iter().map(|path| {
        let message = format!("{path} may be changed by everybody");
        (message, path.clone())
    });
    case.tell_all(
        Code::WorldWritable,
        profile.world_writable,
        "files that everybody may change",
        words.collect(),
    );
    end_of_life(&mut case, profile, found);
    files(&mut case, profile, found);
    if found.untold > 0 {
        let levels = [
            profile.secrets,
            profile.setuid,
            profile.world_writable,
            profile.packed,
        ];
        let level = levels.into_iter().max().unwrap_or(Level::Deny);
        let message = format!(
            "and {} more that were only counted: secrets, programs, files",
            found.untold
        );
        case.tell(Code::TooMuchFound, level, message, None);
    }
}

fn secrets(case: &mut Case<'_, '_>, profile: &HygieneProfile, found: &Hygiene) {
    let words = found.secrets.iter().map(|secret| {
        let buried = match secret.buried {
            true => "; a later layer removes the file, but its bytes are still pulled",
            false => "",
        };
        let (path, line, rule) = (&secret.path, secret.line, &secret.rule);
        (
            format!("a secret ({rule}) in {path}, line {line}{buried}"),
            path.clone(),
        )
    });
    case.tell_all(
        Code::SecretInFile,
        profile.secrets,
        "secrets in files",
        words.collect(),
    );
}

fn programs(case: &mut Case<'_, '_>, profile: &HygieneProfile, found: &Hygiene) {
    let kind = |user| if user { "setuid" } else { "setgid" };
    let own = found.setuid.iter().filter(|program| !program.packaged);
    let words = own.map(|program| {
        let path = &program.path;
        (
            format!(
                "{path} is {}, and no package brought it",
                kind(program.user)
            ),
            path.clone(),
        )
    });
    case.tell_all(
        Code::SetuidProgram,
        profile.setuid,
        "setuid programs of no package",
        words.collect(),
    );
    let packaged = found
        .setuid
        .iter()
        .filter(|program| program.packaged)
        .count();
    if packaged > 0 {
        let message = format!("setuid or setgid programs of packages: {packaged}");
        case.tell(Code::SetuidProgram, Level::Note, message, None);
    }
    let packed = found.packed.iter().map(|path| {
        let message = format!("{path} is packed by UPX: nobody has seen what it runs");
        (message, path.clone())
    });
    case.tell_all(
        Code::PackedProgram,
        profile.packed,
        "packed programs",
        packed.collect(),
    );
    if profile.denied_files.is_empty() {
        return;
    }
    let denied = found
        .digests
        .iter()
        .filter(|(_, digest)| profile.denied_files.contains(digest));
    let words = denied.map(|(path, digest)| {
        let message = format!("{path} is on the list of denied files: {digest}");
        (message, path.clone())
    });
    case.tell_all(
        Code::DeniedFile,
        Level::Deny,
        "denied files",
        words.collect(),
    );
    if found.undigested > 0 {
        let message = format!(
            "{} programs are too many to be compared with the list of denied files",
            found.undigested
        );
        case.tell(Code::DeniedFile, Level::Deny, message, None);
    }
}

fn accounts(case: &mut Case<'_, '_>, profile: &HygieneProfile, found: &Hygiene) {
    let level = profile.empty_password;
    let words = found.empty_passwords.iter().map(|(path, name)| {
        let message = format!("the account {name:?} of {path} has an empty password");
        (message, path.clone())
    });
    case.tell_all(
        Code::EmptyPassword,
        level,
        "accounts with an empty password",
        words.collect(),
    );
    let words = found.second_roots.iter().map(|(path, name)| {
        let message = format!("the account {name:?} of {path} is root under another name");
        (message, path.clone())
    });
    case.tell_all(
        Code::EmptyPassword,
        level,
        "accounts that are root",
        words.collect(),
    );
}

fn end_of_life(case: &mut Case<'_, '_>, profile: &HygieneProfile, found: &Hygiene) {
    let Some((name, end)) = &found.end_of_life else {
        return;
    };
    if case.docket.now < *end {
        case.docket.changes_at(*end);
        return;
    }
    let message = format!(
        "{name} is not looked after since {}: what becomes known of it is not fixed",
        end.strftime("%Y-%m-%d")
    );
    case.tell(Code::EndOfLife, profile.end_of_life, message, None);
}

/// Whose word about files is judged, and in which words.
struct Looker {
    level: Option<Level>,
    unscanned: Level,
    codes: (Code, Code),
    kinds: (&'static str, &'static str),
    /// What is wrong where there is none, and what helps.
    lacking: (&'static str, &'static str),
    /// Between the file and what was found in it.
    verb: &'static str,
}

fn files(case: &mut Case<'_, '_>, profile: &HygieneProfile, found: &Hygiene) {
    let viruses = Looker {
        level: profile.viruses,
        unscanned: profile.virus_unscanned,
        codes: (Code::Virus, Code::VirusUnscanned),
        kinds: ("infected files", "files not looked into"),
        lacking: (
            "a virus scanner is required, and none is configured",
            "name one in lazaret.toml: [clamd] address = \"unix:/run/clamav/clamd.ctl\"",
        ),
        verb: "is",
    };
    looked(case, &viruses, found.viruses.as_ref());
    let yara = Looker {
        level: profile.yara,
        unscanned: profile.yara_unscanned,
        codes: (Code::YaraMatch, Code::YaraUnscanned),
        kinds: ("files that match", "files that no rule was tried on"),
        lacking: (
            "YARA rules are required, and none are configured",
            "name them in lazaret.toml: [yara] rules = [\"/etc/lazaret/rules\"]",
        ),
        verb: "matches",
    };
    looked(case, &yara, found.yara.as_ref());
}

fn looked(case: &mut Case<'_, '_>, looker: &Looker, said: Option<&FileScan>) {
    let Some(level) = looker.level else {
        return;
    };
    let (found, unscanned) = looker.codes;
    let Some(said) = said else {
        let (message, help) = looker.lacking;
        let lacking = case.tell(unscanned, Level::Deny, message.to_owned(), None);
        lacking.help = Some(help.to_owned());
        return;
    };
    let by = &said.scanner;
    let words = said.found.iter().map(|(path, name)| {
        let message = format!("{path} {} {name}, by {by}", looker.verb);
        (message, path.clone())
    });
    case.tell_all(found, level, looker.kinds.0, words.collect());
    let words = said.unscanned.iter().map(|(path, why)| {
        let message = format!("{path} was not looked into by {by}: {why}");
        (message, path.clone())
    });
    case.tell_all(unscanned, looker.unscanned, looker.kinds.1, words.collect());
}

impl Case<'_, '_> {
    /// One finding each; what is only noted is one finding for all.
    fn tell_all(&mut self, code: Code, level: Level, kind: &str, all: Vec<(String, String)>) {
        let mut by_path: BTreeMap<(String, String), ()> = BTreeMap::new();
        by_path.extend(all.into_iter().map(|(message, path)| ((path, message), ())));
        let count = by_path.len();
        if count == 0 {
            return;
        }
        if level == Level::Note && count > 1 {
            let paths: Vec<&str> = by_path
                .keys()
                .take(3)
                .map(|(path, _)| path.as_str())
                .collect();
            let more = if count > paths.len() { ", …" } else { "" };
            let message = format!("{count} {kind}: {}{more}", paths.join(", "));
            self.tell(code, level, message, None);
            return;
        }
        for (path, message) in by_path.into_keys().take(MAX_TOLD) {
            self.tell(code, level, message, Some(path));
        }
        if let Some(more) = count.checked_sub(MAX_TOLD).filter(|more| *more > 0) {
            self.tell(code, level, format!("and {more} more {kind}"), None);
        }
    }

    fn tell(
        &mut self,
        code: Code,
        level: Level,
        message: String,
        path: Option<String>,
    ) -> &mut crate::policy::Finding {
        let finding = self
            .docket
            .find_on(code, level, self.origin, Some(self.platform), message);
        finding.affected = path.map(|path| Affected {
            ids: Vec::new(),
            packages: Vec::new(),
            path,
        });
        finding
    }
}
