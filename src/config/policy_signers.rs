//! `[signer.NAME]` and `[[rule.attestation]]`: who is trusted, and with what.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::policy::{Condition, WantedAttestation};
use crate::trust::{
    Claim, Hash, Keyless, PUBLIC_GOOD, PublicKey, Roots, Signer, SignerKind, Subject, publishers,
};

use super::policy_build::Build;
use super::policy_file::{At, AttestationTable, HashWord, SignerKind as Kind, SignerTable, Text};
use super::policy_tables::suggestion;
use super::reload;

/// Short names of predicate types, with what they stand for.
const TYPES: [(&str, &[&str]); 5] = [
    (
        "slsa-provenance",
        &[
            "https://slsa.dev/provenance/v1",
            "https://slsa.dev/provenance/v0.2",
        ],
    ),
    ("spdx", &["https://spdx.dev/Document"]),
    ("cyclonedx", &["https://cyclonedx.org/bom"]),
    (
        "vuln",
        &[
            "https://cosign.sigstore.dev/attestation/vuln/v1",
            "https://in-toto.io/attestation/vulns",
        ],
    ),
    ("openvex", &["https://openvex.dev/ns"]),
];

impl Build {
    /// A signer of a kind that is verified. The other kinds are known and never found, so they deny.
    pub(super) fn signer(
        &mut self,
        name: &str,
        table: &At<SignerTable>,
        roots: &Roots,
    ) -> Option<Signer> {
        let written = table.get();
        let kind = match (written.kind, &written.publisher) {
            (Some(kind), _) => kind,
            (None, Some(_)) => Kind::Publisher,
            (None, None) => {
                self.error(table.span(), format!("[signer.{name}] has no kind"))
                    .help("write kind = \"key\" or \"keyless\", or publisher = \"…\"");
                return None;
            }
        };
        self.complete(name, kind, table)?;
        let kind = match kind {
            Kind::Key => self.key(written, roots)?,
            Kind::Keyless => SignerKind::Keyless(self.keyless(written, roots)?),
            Kind::Publisher => self.publisher(written.publisher.as_ref()?)?,
            Kind::Notation => SignerKind::Notation(self.notation(written)?),
            Kind::Pgp => self.openpgp(name, table)?,
        };
        Some(Signer {
            name: name.to_owned(),
            kind,
        })
    }

    /// Whether all is said that keeps a signer from being anybody.
    fn complete(&mut self, name: &str, kind: Kind, table: &At<SignerTable>) -> Option<()> {
        let written = table.get();
        let empty = |list: &Option<Vec<Text>>| list.as_ref().is_none_or(Vec::is_empty);
        let missing = match kind {
            Kind::Keyless if written.issuer.is_none() => "issuer",
            Kind::Keyless if written.subject.is_none() => "subject",
            Kind::Key | Kind::Pgp if empty(&written.pem) => "pem",
            Kind::Notation if empty(&written.ca) && empty(&written.signing_authority) => "ca",
            Kind::Notation if empty(&written.subjects) => "subjects",
            Kind::Publisher if written.publisher.is_none() => "publisher",
            _ => return Some(()),
        };
        self.error(
            table.span(),
            format!("[signer.{name}] has no {missing}, so it could be anybody"),
        )
        .help(format!("add {missing} = …"));
        None
    }

    fn key(&mut self, written: &SignerTable, roots: &Roots) -> Option<SignerKind> {
        let mut keys = Vec::new();
        for text in written.pem.iter().flatten() {
            let pem = self.pem(text)?;
            match PublicKey::from_pem(&pem) {
                Ok(found) => keys.extend(found),
                Err(why) => drop(self.error(text.span(), why)),
            }
        }
        let log = match written
            .tlog
            .as_ref()
            .map(|tlog| (tlog, tlog.get().as_str()))
        {
            None | Some((_, "required")) => Some(self.root(written.root.as_ref(), roots)?),
            Some((_, "off")) => None,
            Some((tlog, word)) => {
                self.error(tlog.span(), format!("unknown word `{word}`"))
                    .help(suggestion(word, ["off", "required"]));
                return None;
            }
        };
        let hash = match written.hash {
            None | Some(HashWord::Auto) => Hash::Auto,
            Some(HashWord::Sha256) => Hash::Sha256,
            Some(HashWord::Sha384) => Hash::Sha384,
            Some(HashWord::Sha512) => Hash::Sha512,
        };
        Some(SignerKind::Key { keys, hash, log })
    }

    /// A PEM text: what is written, or what is in the file of that name.
    pub(super) fn pem(&mut self, text: &Text) -> Option<String> {
        let written = text.get();
        if written.contains("-----BEGIN") {
            return Some(written.clone());
        }
        self.beside(text)
    }

    /// The text of a file that the policy names.
    pub(super) fn beside(&mut self, text: &Text) -> Option<String> {
        let path = match &self.folder {
            Some(folder) => folder.join(text.get()),
            None => text.get().into(),
        };
        match reload::read(&path) {
            Ok(content) => {
                self.read.push_str(&content);
                Some(content)
            }
            Err(error) => {
                self.error(text.span(), format!("{}: {error}", path.display()))
                    .help("a file beside the policy");
                None
            }
        }
    }

    fn keyless(&mut self, written: &SignerTable, roots: &Roots) -> Option<Keyless> {
        let (issuer, subject) = (written.issuer.as_ref()?, written.subject.as_ref()?);
        if !issuer.get().starts_with("https://") || issuer.get().contains('*') {
            self.error(issuer.span(), "an issuer is one address, compared whole")
                .help("as in issuer = \"https://token.actions.githubusercontent.com\"");
        }
        let parsed = Subject::parse(subject.get());
        if let Err(why) = &parsed {
            self.error(
                subject.span(),
                format!("the subject could be anybody: {why}"),
            )
            .help("`*` stands for anything but / and @, `**` for anything");
        }
        let mut claims = BTreeMap::new();
        for (name, values) in &written.claims {
            let known = Claim::ALL.iter().find(|(known, _)| known == name);
            match known {
                Some((_, claim)) => {
                    claims.insert(*claim, values.get().iter().cloned().collect());
                }
                None => {
                    self.error(values.span(), format!("unknown claim `{name}`"))
                        .help(suggestion(name, Claim::ALL.map(|(known, _)| known)));
                }
            }
        }
        Some(Keyless {
            root: self.root(written.root.as_ref(), roots)?,
            issuer: issuer.get().clone(),
            subject: parsed.ok()?,
            claims,
        })
    }

    fn root(&mut self, written: Option<&Text>, roots: &Roots) -> Option<String> {
        let Some(name) = written else {
            return Some(PUBLIC_GOOD.to_owned());
        };
        if !roots.has(name.get()) {
            let known: Vec<String> = roots.iter().map(|root| root.name.clone()).collect();
            self.error(
                name.span(),
                format!("there is no trusted root {}", name.get()),
            )
            .help(suggestion(name.get(), known.iter().map(String::as_str)));
            return None;
        }
        Some(name.get().clone())
    }

    fn publisher(&mut self, name: &Text) -> Option<SignerKind> {
        let found = publishers().iter().find(|known| known.id == *name.get());
        if found.is_none() {
            let known = publishers().iter().map(|known| known.id.as_str());
            let help = suggestion(name.get(), known);
            self.error(
                name.span(),
                format!("{} is not in the catalogue of publishers", name.get()),
            )
            .help(help);
        }
        Some(found?.kind.clone())
    }

    pub(super) fn attestation(&mut self, written: &AttestationTable) -> WantedAttestation {
        if written.signed_by.get().is_empty() {
            self.error(
                written.signed_by.span(),
                "an attestation that anybody may sign proves nothing",
            )
            .help("name signers in signed_by");
        }
        let name = written.predicate_type.get().clone();
        let short = TYPES.iter().find(|(short, _)| *short == name);
        if short.is_none() && !name.contains(':') {
            let help = suggestion(&name, TYPES.map(|(short, _)| short));
            self.error(
                written.predicate_type.span(),
                format!("`{name}` is no predicate type"),
            )
            .help(help);
        }
        WantedAttestation {
            types: match short {
                Some((_, types)) => types.iter().map(|kind| (*kind).to_owned()).collect(),
                None => vec![name.clone()],
            },
            name,
            signed_by: written
                .signed_by
                .get()
                .iter()
                .map(|name| name.get().clone())
                .collect(),
            max_age: written.max_age.as_ref().and_then(|age| self.duration(age)),
            builder: written.builder.clone(),
            source: written.source.clone(),
            when: written.when.as_ref().and_then(|when| self.condition(when)),
        }
    }

    /// A condition, or its first mistake where it stands in the file.
    fn condition(&mut self, when: &Text) -> Option<Arc<Condition>> {
        let error = match Condition::parse(when.get()) {
            Ok(condition) => return Some(Arc::new(condition)),
            Err(error) => error,
        };
        let span = error.at.and_then(|at| self.inside(when, at));
        self.error(
            span.unwrap_or(when.span()),
            format!(
                "the condition is no CEL that is understood here: {}",
                error.message
            ),
        )
        .help(
            "as in when = 'predicate.buildDefinition.buildType == \"https://example.org/build\"'",
        );
        None
    }

    /// The place of a byte of a text in the file, where the text stands there as it is, without escapes.
    fn inside(&self, text: &Text, at: usize) -> Option<std::ops::Range<usize>> {
        let span = text.span();
        let whole = self.diagnostics.source().get(span.clone())?;
        let start = span.start + whole.find(text.get().as_str())? + at;
        (start < span.end).then_some(start..start + 1)
    }
}
