//! What an image shows of its author's care, and what that is held to.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::oci::Digest;

use super::Level;

/// What is in an image that no package explains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hygiene {
    /// Secrets that were left in files; never the secrets themselves.
    pub secrets: Vec<LeftSecret>,
    /// Programs that set their user or group when they start.
    pub setuid: Vec<RaisingProgram>,
    /// Files that everybody may change.
    pub world_writable: Vec<String>,
    /// Accounts with an empty password: file and name.
    pub empty_passwords: Vec<(String, String)>,
    /// Accounts that are root under another name: file and name.
    pub second_roots: Vec<(String, String)>,
    /// Programs that unpack themselves when they start.
    pub packed: Vec<String>,
    /// Programs and scripts with their digests.
    pub digests: Vec<(String, Digest)>,
    /// How many programs more there are, without digests.
    pub undigested: u64,
    /// How many more there are of all the others, untold.
    pub untold: u64,
    /// What the distribution calls itself, and when nobody looks after it any longer.
    pub end_of_life: Option<(String, Timestamp)>,
    /// What a virus scanner says; none: none was asked.
    pub viruses: Option<FileScan>,
    /// What the operator's YARA rules match; none: there are none.
    pub yara: Option<FileScan>,
}

/// A secret that was left in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftSecret {
    /// The file.
    pub path: String,
    /// What kind of secret.
    pub rule: String,
    /// Its line, from 1.
    pub line: u32,
    /// A higher layer removes or replaces the file; whoever pulls the image has it all the same.
    pub buried: bool,
}

/// A program that sets its user or group when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisingProgram {
    /// The program.
    pub path: String,
    /// Sets the user; else the group.
    pub user: bool,
    /// Whether a package of the distribution brought it.
    pub packaged: bool,
}

/// What a virus scanner or YARA rules say of the files of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileScan {
    /// Files and what they are infected with, or the rule that they match.
    pub found: Vec<(String, String)>,
    /// Files that were not looked into, and why.
    pub unscanned: Vec<(String, String)>,
    /// Which scanner, with the version of its data.
    pub scanner: String,
}

/// The part of `[scan.NAME]` that is about care.
#[derive(Clone, Debug)]
pub struct HygieneProfile {
    /// What a secret meets that was left in a file.
    pub secrets: Level,
    /// What a program meets that raises whoever starts it, and that no package brought.
    pub setuid: Level,
    /// What a file or folder meets that everybody may change.
    pub world_writable: Level,
    /// What an account meets whose password is empty, or that is a second root.
    pub empty_password: Level,
    /// What a distribution meets that nobody looks after any longer.
    pub end_of_life: Level,
    /// What a program meets that unpacks itself.
    pub packed: Level,
    /// Programs that are denied by their digest.
    pub denied_files: BTreeSet<Digest>,
    /// What an infected file meets; none: no virus scanner is required.
    pub viruses: Option<Level>,
    /// What a file meets that the virus scanner would not look into.
    pub virus_unscanned: Level,
    /// What a file meets that a YARA rule matches; none: no rules are required.
    pub yara: Option<Level>,
    /// What a file meets that the rules were not tried on.
    pub yara_unscanned: Level,
}
