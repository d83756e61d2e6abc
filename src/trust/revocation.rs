//! Which certificates were taken back: by lists beside the policy, and by what their issuers tell when they are asked.
//!
//! Nothing is asked here. Looking leaves [`Question`]s; whoever has a network brings [`Answer`]s, and looks again.

mod list;
mod source;
mod status;

use std::cell::RefCell;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::certificate::Certificate;

use list::MAX_LIST_BYTES;
pub use list::RevocationList;
use status::{MAX_STATUS_BYTES, Status};

/// How far the clocks of issuers may be ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How a policy has revocation looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Lists beside the policy.
    pub lists: Vec<RevocationList>,
    /// Whether issuers are asked where these lists do not tell.
    pub ask: bool,
    /// How long after its end a list or an answer is still believed about who is not revoked.
    pub grace: Duration,
}

/// From when until when something told is of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    what: String,
    from: Timestamp,
    until: Timestamp,
}

/// What can be asked about a certificate whose chain ends in a root that the policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to GET, as the issuer wrote it into the certificate.
    pub address: String,
    /// Most bytes of an answer.
    pub most: usize,
    of: Option<Certificate>,
    issuer: Certificate,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    List(RevocationList),
    Status(Status),
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    address: String,
    told: Result<Told, String>,
}

impl Question {
    /// An answer, if these bytes are one that may be believed. How old it may be is the policy's matter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn answer(&self, bytes: &[u8], now: Timestamp) -> Result<Answer, String> {
        let told = match &self.of {
            None => {
                let list = RevocationList::parse(bytes)?;
                list.is_signed_by(&self.issuer)?;
                Told::List(list)
            }
            Some(of) => Told::Status(Status::read(bytes, of, &self.issuer, now)?),
        };
        Ok(Answer {
            address: self.address.clone(),
            told: Ok(told),
        })
    }

    /// There is no answer, and why.
    pub fn unanswered(&self, why: impl std::fmt::Display) -> Answer {
        Answer {
            address: self.address.clone(),
            told: Err(why.to_string()),
        }
    }
}

impl Answer {
    /// Whether the issuer told anything.
    pub fn is_told(&self) -> bool {
        self.told.is_ok()
    }

    /// Whether it is of now, without any grace.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let span = match &self.told {
            Ok(Told::List(list)) => list.span(),
            Ok(Told::Status(status)) => Ok(status.span.clone()),
            Err(_) => return false,
        };
        span.is_ok_and(|span| span.holds(now, Duration::ZERO).is_ok())
    }
}

/// A look at chains of certificates, under one signer's policy.
pub(super) struct Look<'a> {
    pub(super) policy: &'a Revocation,
    pub(super) answers: &'a [Answer],
    /// Whether it matters that nothing is known.
    pub(super) strict: bool,
    pub(super) now: Timestamp,
    /// What could still be asked.
    pub(super) questions: &'a RefCell<Vec<Question>>,
}

/// What is known of a certificate's revocation.
enum Standing {
    /// Something of now does not name it, or its issuer publishes nothing.
    Good,
    /// It was taken back.
    Revoked(String),
    /// Nobody knows.
    Unknown(String),
}

impl Look<'_> {
    /// An error where a certificate of a chain is revoked, or where that is unknown and matters. The chain must end in
    /// a trusted root: its issuers are whom to ask.
    pub(super) fn unrevoked(&self, chain: &[Certificate]) -> Result<(), String> {
        let mut unknown = Ok(());
        for link in chain.windows(2) {
            let [subject, issuer] = link else { continue };
            match self.standing(subject, issuer)? {
                Standing::Good => {}
                Standing::Revoked(why) => return Err(why),
                Standing::Unknown(why) => {
                    if self.policy.ask {
                        self.ask(subject, issuer)?;
                    }
                    unknown = unknown.and(Err(why));
                }
            }
        }
        match self.strict {
            true => unknown.map_err(|why| match self.policy.ask {
                true => why,
                false => format!(
                    "{why}: add it to crl, write revocation = \"fetched\" to have its issuer asked, or \"skip\""
                ),
            }),
            false => Ok(()),
        }
    }

    /// One that a list names is revoked, however old that list is.
    fn standing(&self, subject: &Certificate, issuer: &Certificate) -> Result<Standing, String> {
        let revoked = || {
            let whose = subject.subject();
            Standing::Revoked(format!(
                "the certificate of {whose} was revoked by its issuer"
            ))
        };
        let (now, grace) = (self.now, self.policy.grace);
        let (mut why, mut current) = (None, false);
        let mut told =
            |span: Result<Span, String>| match span.and_then(|span| span.holds(now, grace)) {
                Ok(()) => current = true,
                Err(error) => why = Some(error),
            };
        let answered = self.answers.iter().filter_map(|answer| match &answer.told {
            Ok(Told::List(list)) => Some(list),
            _ => None,
        });
        for list in self.policy.lists.iter().chain(answered) {
            if !list.is_of(issuer) || !list.covers(subject)? {
                continue;
            }
            if list.names(subject) {
                return Ok(revoked());
            }
            told(list.is_signed_by(issuer).and_then(|()| list.span()));
        }
        for answer in self.answers {
            if let Ok(Told::Status(status)) = &answer.told
                && status.is_about(subject, issuer)
            {
                if status.revoked {
                    return Ok(revoked());
                }
                told(Ok(status.span.clone()));
            }
        }
        if current || !source::any(subject)? {
            return Ok(Standing::Good);
        }
        Ok(Standing::Unknown(why.unwrap_or_else(|| {
            self.unanswered(subject, issuer).unwrap_or_else(|| {
                format!(
                    "no revocation list of {} is beside the policy",
                    issuer.subject()
                )
            })
        })))
    }

    /// The next thing that was not asked yet: lists first, which tell nobody what is pulled here.
    fn ask(&self, subject: &Certificate, issuer: &Certificate) -> Result<(), String> {
        let asked = |address: &String| self.answers.iter().any(|by| by.address == *address);
        let next = questions(subject, issuer)?
            .into_iter()
            .find(|question| !asked(&question.address));
        let mut questions = self.questions.borrow_mut();
        if let Some(question) = next
            && !questions.contains(&question)
        {
            questions.push(question);
        }
        Ok(())
    }

    /// Why those who were asked do not tell.
    fn unanswered(&self, subject: &Certificate, issuer: &Certificate) -> Option<String> {
        let questions = questions(subject, issuer).ok()?;
        let about = |answer: &&Answer| questions.iter().any(|by| by.address == answer.address);
        let failed = self.answers.iter().filter(about);
        let why: Vec<String> = failed
            .filter_map(|answer| answer.told.clone().err())
            .collect();
        let whose = subject.subject();
        (!why.is_empty()).then(|| {
            format!(
                "whether the certificate of {whose} was revoked cannot be learnt: {}",
                why.join("; ")
            )
        })
    }
}

fn questions(subject: &Certificate, issuer: &Certificate) -> Result<Vec<Question>, String> {
    let question = |address: String, most, of| Question {
        address,
        most,
        of,
        issuer: issuer.clone(),
    };
    let mut questions = Vec::new();
    for address in source::lists(subject)? {
        questions.push(question(address, MAX_LIST_BYTES, None));
    }
    for responder in source::responders(subject)? {
        let address = status::question(&responder, subject, issuer)?;
        questions.push(question(address, MAX_STATUS_BYTES, Some(subject.clone())));
    }
    Ok(questions)
}
