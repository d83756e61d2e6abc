//! Findings: what the judge has to say, each with the policy line behind it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::oci::Platform;

/// What a finding does to the verdict, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Said for the record.
    Note,
    /// Said to the person; the pull goes on.
    Warn,
    /// The pull stops.
    Deny,
}

impl Level {
    /// `note`, `warn` or `deny`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Deny => "deny",
        }
    }
}

/// Where in the policy a finding, a rule or a waiver comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub struct Origin {
    /// File name as given by the operator: `policy.toml`.
    pub file: String,
    /// Line, from 1; 0 where it is no line of a file.
    pub line: u32,
    /// Table: `[names]`, `[[rule]]`.
    pub table: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{} {}", self.file, self.table),
            line => write!(f, "{}:{line} {}", self.file, self.table),
        }
    }
}

/// One thing that was found. Never dropped: a waiver marks it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// What it does.
    pub level: Level,
    /// One sentence for a person, without the code.
    pub message: String,
    /// What to do about it: `did you mean docker.io/library/nginx:1.27 ?`
    pub help: Option<String>,
    /// The policy line behind it.
    pub origin: Origin,
    /// Which image of an index, if not all.
    pub platform: Option<Platform>,
    /// What it is about in the image, for waivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<Affected>,
    /// Until when it only warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respite: Option<Respite>,
    /// The waiver that excuses it, if one does.
    pub waived: Option<Waived>,
}

/// Time that is given before a finding denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Respite {
    /// Why.
    pub of: RespiteOf,
    /// Until when.
    pub until: Timestamp,
}

/// Why time is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RespiteOf {
    /// The fix was published not long ago.
    YoungFix,
    /// The image was admitted before.
    Admitted,
    /// The image was admitted before, and what is new in it is only told.
    Told,
}

/// The packages that an advisory means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Affected {
    /// The advisory's id and its aliases.
    pub ids: Vec<String>,
    /// Names of the packages.
    pub packages: Vec<String>,
    /// The file in the image that names them.
    pub path: String,
}

impl Finding {
    /// Whether this finding, as it stands, stops the pull.
    pub fn denies(&self) -> bool {
        self.level == Level::Deny && self.waived.is_none()
    }
}

/// A waiver in use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Waived {
    /// The waiver's identity, whatever line it is on; empty in old records.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Where it is written.
    pub origin: Origin,
    /// Why, in its owner's words.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it is discussed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When it ends.
    pub until: Timestamp,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// Stable names of findings, documented one by one in `docs/findings.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// The kebab-case name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Somebody revoked it.
    Revoked = "revoked",
    /// The name is close to a well-known one.
    NameSquat = "name-squat",
    /// The registry's host is close to a well-known one.
    NameHostSquat = "name-host-squat",
    /// The registry is not on the policy's list.
    NameRegistry = "name-registry",
    /// The name is one of ours and must not come from a public registry.
    NameInternal = "name-internal",
    /// No such repository can exist.
    NameImpossible = "name-impossible",
    /// Nobody has pulled or approved this name before.
    NameFirstSeen = "name-first-seen",
    /// A stranger's name is known here from another registry.
    RegistryNew = "registry-new",
    /// Nothing of a stranger's was pulled or approved here before.
    PublisherNew = "publisher-new",
    /// The name could not be judged.
    NameUnavailable = "name-unavailable",
    /// A signature is required and there is none.
    SignatureMissing = "signature-missing",
    /// There are signatures, none of them by whom the rule trusts.
    SignatureUntrusted = "signature-untrusted",
    /// A signature is required and could not be verified.
    SignatureUnavailable = "signature-unavailable",
    /// Nobody signed, and the rule lets that pass with a warning.
    Unsigned = "unsigned",
    /// Nothing new is let in for now.
    Lockdown = "lockdown",
    /// The tag leads to an image that was signed before the one that it led to.
    TagRollback = "tag-rollback",
    /// The tag leads to another image than it did here before.
    TagMoved = "tag-moved",
    /// Nobody has signed the image who signed its predecessor.
    SignerChanged = "signer-changed",
    /// An attestation is required and there is none.
    AttestationMissing = "attestation-missing",
    /// An attestation is required and could not be verified.
    AttestationUnavailable = "attestation-unavailable",
    /// An index bears no attestation, so each of its images must.
    AttestationDeferred = "attestation-deferred",
    /// A scan is required and has no result.
    ScanUnavailable = "scan-unavailable",
    /// Another scanner is against the image altogether.
    ScannerRefuses = "scanner-refuses",
    /// The layers cannot be looked into, or readers of them could see different files.
    Unscannable = "unscannable",
    /// A package has a known vulnerability.
    Vulnerability = "vulnerability",
    /// A package was made to do harm.
    MaliciousPackage = "malicious-package",
    /// There are no advisories about packages of the image.
    DistroUnsupported = "distro-unsupported",
    /// Programs are there and nothing says what they are made of.
    ContentUnidentified = "content-unidentified",
    /// Files that may name packages were not understood.
    FileUnread = "file-unread",
    /// The advisories are older than the policy allows.
    DatabaseStale = "database-stale",
    /// A secret was left in a file.
    SecretInFile = "secret-in-file",
    /// A program sets its user or group when it starts.
    SetuidProgram = "setuid-program",
    /// Everybody may change a file or what is in a folder.
    WorldWritable = "world-writable",
    /// Anybody may enter an account, or one is root under another name.
    EmptyPassword = "empty-password",
    /// Nobody looks after the distribution any longer.
    EndOfLife = "end-of-life",
    /// A program unpacks itself when it starts.
    PackedProgram = "packed-program",
    /// A program is on the policy's list of denied files.
    DeniedFile = "denied-file",
    /// More secrets, programs or files were found than are told.
    TooMuchFound = "too-much-found",
    /// A virus scanner calls a file infected.
    Virus = "virus",
    /// A virus scanner is required and has not looked into a file.
    VirusUnscanned = "virus-unscanned",
    /// One of the operator's YARA rules matches a file.
    YaraMatch = "yara-match",
    /// YARA rules are required and were not tried on a file.
    YaraUnscanned = "yara-unscanned",
    /// The image's configuration could not be read.
    ConfigUnavailable = "config-unavailable",
    /// The rule checks image configurations and this is no container image.
    ConfigAbsent = "config-absent",
    /// The image runs as root by its own word.
    RootUser = "root-user",
    /// The image names no user and so runs as root.
    UserMissing = "user-missing",
    /// The image exposes a port below 1024.
    PrivilegedPort = "privileged-port",
    /// An environment variable looks like a secret.
    SecretInEnv = "secret-in-env",
    /// No health check is set.
    HealthcheckMissing = "healthcheck-missing",
    /// A file came by `ADD`, where `COPY` would do.
    AddInstruction = "add-instruction",
    /// Lists of packages were updated by themselves.
    UpdateAlone = "update-alone",
    /// A required label is missing.
    LabelMissing = "label-missing",
    /// The image is younger than the rule allows.
    TooYoung = "too-young",
    /// The image does not say when it was built, and the rule needs to know.
    AgeUnknown = "age-unknown",
    /// A layer sends clients to another server.
    ForeignLayer = "foreign-layer",
    /// The index has no image for any platform of the policy.
    PlatformMissing = "platform-missing",
    /// The image could not be fetched or read, so nothing could be judged.
    ManifestUnavailable = "manifest-unavailable",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Code, ()> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or(())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| serde::de::Error::custom(format_args!("{text:?} is no finding code")))
    }
}
