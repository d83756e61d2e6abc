//! `[signer.NAME]` of kind `notation`.

use std::time::Duration;

use crate::trust::{Certificate, Notation, NotationLevel, Revocation, RevocationList, SubjectName};

use super::policy_build::Build;
use super::policy_file::{SignerTable, Text};
use super::policy_tables::suggestion;

impl Build {
    pub(super) fn notation(&mut self, written: &SignerTable) -> Option<Notation> {
        let mut subjects = Vec::new();
        for text in written.subjects.iter().flatten() {
            match SubjectName::parse(text.get()) {
                Ok(subject) => subjects.push(subject),
                Err(why) => drop(
                    self.error(text.span(), format!("the subject could be anybody: {why}"))
                        .help("as in \"C=US, ST=Washington, O=Acme, CN=ci\""),
                ),
            }
        }
        let permissive = self.word(written.level.as_ref(), ["strict", "permissive"])?;
        let revocation = self.revocation(written)?;
        Some(Notation {
            roots: self.certificates(written.ca.as_deref())?,
            authority_roots: self.certificates(written.signing_authority.as_deref())?,
            timestamp_roots: self.certificates(written.tsa.as_deref())?,
            subjects,
            level: match permissive == 1 {
                true => NotationLevel::Permissive,
                false => NotationLevel::Strict,
            },
            revocation,
        })
    }

    fn revocation(&mut self, written: &SignerTable) -> Option<Option<Revocation>> {
        let how = self.word(written.revocation.as_ref(), ["cached", "fetched", "skip"])?;
        let grace = match &written.revocation_grace {
            Some(text) => self.duration(text)?,
            None => Duration::ZERO,
        };
        let lists = self.revocation_lists(written.crl.as_deref())?;
        Some((how < 2).then_some(Revocation {
            lists,
            ask: how == 1,
            grace,
        }))
    }

    /// Which of some words stands there; the first is the default.
    fn word<const N: usize>(&mut self, written: Option<&Text>, words: [&str; N]) -> Option<usize> {
        let Some(text) = written else {
            return Some(0);
        };
        let found = words.iter().position(|word| word == text.get());
        if found.is_none() {
            self.error(text.span(), format!("unknown word `{}`", text.get()))
                .help(match text.get().as_str() {
                    "audit" => {
                        "it would accept anybody; write unsigned = \"warn\" in the rule".to_owned()
                    }
                    word => suggestion(word, words),
                });
        }
        found
    }

    fn certificates(&mut self, written: Option<&[Text]>) -> Option<Vec<Certificate>> {
        let mut found = Vec::new();
        for text in written.into_iter().flatten() {
            match Certificate::from_pem(&self.pem(text)?) {
                Ok(certificates) => found.extend(certificates),
                Err(why) => {
                    self.error(text.span(), why)
                        .help("a PEM file; openssl x509 -inform DER -in F makes one of a DER file");
                    return None;
                }
            }
        }
        Some(found)
    }

    fn revocation_lists(&mut self, written: Option<&[Text]>) -> Option<Vec<RevocationList>> {
        let mut found = Vec::new();
        for text in written.into_iter().flatten() {
            match RevocationList::parse(self.pem(text)?.as_bytes()) {
                Ok(list) => found.push(list),
                Err(why) => {
                    self.error(text.span(), why)
                        .help("a PEM file; openssl crl -inform DER -in F makes one of a DER file");
                    return None;
                }
            }
        }
        Some(found)
    }
}
