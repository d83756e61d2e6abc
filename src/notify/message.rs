//! What people read: who, what, why, and what to do next. Pure; `forms` puts it into the shape of each channel.

use jiff::Timestamp;

use crate::ledger::{Decision, Event};
use crate::oci::Reference;
use crate::policy::{
    EventKind, Excuse, Finding, PROPOSED, Teams, Template, Urgency, is_excusable, last_day,
    printable, proposal,
};

/// Most findings of a message: who is blocked for a hundred reasons reads the first, and the page has all.
const MAX_REASONS: usize = 10;
/// Most characters of one line of a reason: words of images are in it.
const MAX_LINE: usize = 500;

/// An event with all that a message says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What happened.
    pub event: Event,
    /// Who asked, as far as is known.
    pub client: Option<String>,
    /// Whose it is, with how to reach them.
    pub team: Option<String>,
    /// How to reach them.
    pub contact: Option<String>,
    /// Why, a line each.
    pub reasons: Vec<Reason>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// What to do, a line each.
    pub next: Vec<String>,
    /// The waiver to propose, where one would help.
    pub waiver: Option<String>,
    /// Where to read on.
    pub why: Option<String>,
    /// Words of the operator's own instead of ours.
    own_title: Option<String>,
    own_text: Option<String>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `deny[vulnerability]: CVE-2026-1, critical, in …`
    pub said: String,
    /// The line of the policy behind it.
    pub origin: Option<String>,
}

/// What a message is made with beside its event.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The decision behind it.
    pub decision: Option<&'a Decision>,
    /// An image of the same repository that was admitted, and when.
    pub instead: Option<&'a (Reference, Timestamp)>,
    /// Where explain pages are.
    pub source: &'a str,
    /// All teams.
    pub teams: &'a Teams,
    /// Words of the operator's own: the title, the text.
    pub words: (Option<&'a Template>, Option<&'a Template>),
    /// Now: waivers are proposed for some time from here.
    pub now: Timestamp,
}

impl Message {
    /// Puts together all that is known.
    pub fn new(event: Event, around: &Around<'_>) -> Message {
        let decision = around.decision;
        let told = |finding: &&Finding| finding.denies() || finding.waived.is_some();
        let findings: Vec<&Finding> = decision
            .iter()
            .flat_map(|decision| decision.verdict.findings.iter().filter(told))
            .collect();
        let reference = event.image();
        let repository = reference.as_ref().map(Reference::repository);
        let team = around.teams.of(repository, &event.called());
        let page = match event.kind {
            EventKind::Digest => Some(format!("{}/", around.source)),
            _ => event
                .decision
                .map(|id| format!("{}/why/{id}", around.source)),
        };
        let waiver = decision.and_then(|decision| waiver(decision, around.now));
        let mut message = Message {
            client: decision.map(client).or_else(|| event.client()),
            team: team.map(|team| team.name.clone()),
            contact: team.and_then(|team| team.contact.clone()),
            reasons: reasons(&event, &findings),
            rule: decision.map(|decision| decision.verdict.rule.to_string()),
            next: next(&event, &findings, around.instead),
            waiver: waiver.filter(|_| event.kind != EventKind::Waived),
            why: page,
            own_title: None,
            own_text: None,
            event,
        };
        let (title, text) = around.words;
        let title = title.map(|words| words.fill(|name| message.field(name)));
        let text = text.map(|words| words.fill(|name| message.field(name)));
        (message.own_title, message.own_text) = (title.map(|title| one_line(&title)), text);
        message
    }

    /// One line.
    pub fn title(&self) -> String {
        if let Some(own) = &self.own_title {
            return own.clone();
        }
        let Event {
            reference, before, ..
        } = &self.event;
        let again = match before {
            0 => String::new(),
            more => format!(" (and {more} times more before)"),
        };
        format!("{}: {reference}{again}", lead(self.event.kind))
    }

    /// The operator's own text, where there is one.
    pub fn own_text(&self) -> Option<&str> {
        self.own_text.as_deref()
    }

    /// How much it matters.
    pub fn urgency(&self) -> Urgency {
        self.event.kind.urgency(&self.event.codes)
    }

    /// Who asked and whose it is, in one line.
    pub fn who(&self) -> Option<String> {
        let team = self.team.as_ref().map(|team| match &self.contact {
            Some(contact) => format!("team {team} ({contact})"),
            None => format!("team {team}"),
        });
        match (&self.client, team) {
            (None, None) => None,
            (Some(who), None) => Some(who.clone()),
            (None, Some(team)) => Some(team),
            (Some(who), Some(team)) => Some(format!("{who}, {team}")),
        }
    }

    /// The value of a field of templates.
    fn field(&self, name: &str) -> String {
        let event = &self.event;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match name {
            "title" => self.title(),
            "event" => event.kind.as_str().to_owned(),
            "urgency" => self.urgency().as_str().to_owned(),
            "image" => event.reference.clone(),
            "digest" => event.digest.map(|one| one.to_string()).unwrap_or_default(),
            "client" => text(&self.client),
            "team" => text(&self.team),
            "contact" => text(&self.contact),
            "findings" => {
                let said: Vec<&str> = self.reasons.iter().map(|one| one.said.as_str()).collect();
                said.join("\n")
            }
            "codes" => {
                let codes: Vec<&str> = event.codes.iter().map(|code| code.as_str()).collect();
                codes.join(", ")
            }
            "next" => self.next.join("\n"),
            "rule" => text(&self.rule),
            "waiver" => text(&self.waiver),
            "why" => text(&self.why),
            "count" => event.count.to_string(),
            "time" => event.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            "id" => event.id.to_string(),
            _ => String::new(),
        }
    }
}

/// What a title begins with.
pub(super) fn lead(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Blocked => "Pull blocked",
        EventKind::WouldBlock => "Pull would be blocked",
        EventKind::Waived => "Pull allowed by a waiver",
        EventKind::VerdictChanged => "Admitted image refused from now on",
        EventKind::NewFinding => "Something new in an admitted image",
        EventKind::Revoked => "Revoked",
        EventKind::FirstSeen => "Pulled for the first time",
        EventKind::TagMoved => "Tag moved",
        EventKind::SignerChanged => "Signer changed",
        EventKind::Guessing => "One refused name after another",
        EventKind::SuspectedBypass => "The gate may be bypassed",
        EventKind::WaiverExpiring => "Waiver ends soon",
        EventKind::WaiverExpired => "Waiver has ended",
        EventKind::DataStale => "Verdicts rest on old data",
        EventKind::DataFresh => "Data is fresh again",
        EventKind::UpstreamDown => "Registry does not answer",
        EventKind::UpstreamBack => "Registry answers again",
        EventKind::StorageTrouble => "Storage is in trouble",
        EventKind::StorageWell => "Storage is well again",
        EventKind::Digest => "In short",
    }
}

fn client(decision: &Decision) -> String {
    let client = &decision.client;
    let agent = client.user_agent.split(' ').next().unwrap_or_default();
    let with = match agent {
        "" => String::new(),
        agent => format!(" with {agent}"),
    };
    one_line(&format!(
        "{}{with} through the {}",
        client.who(),
        client.listener
    ))
}

/// The findings with the policy lines behind them; where no decision is kept, what the event itself says.
fn reasons(event: &Event, findings: &[&Finding]) -> Vec<Reason> {
    if findings.is_empty() {
        let lines = event.detail.lines().map(|line| Reason {
            said: one_line(line),
            origin: None,
        });
        return lines.collect();
    }
    let shown = findings.iter().take(MAX_REASONS);
    let mut reasons: Vec<Reason> = shown.map(|finding| reason(finding)).collect();
    let more = findings.len().saturating_sub(MAX_REASONS);
    if more > 0 {
        reasons.push(Reason {
            said: format!("and {more} more"),
            origin: None,
        });
    }
    reasons
}

fn reason(finding: &Finding) -> Reason {
    let (level, code) = (finding.level.as_str(), finding.code);
    let platform = finding.platform.as_ref();
    let platform = platform.map(|one| format!(" ({one})")).unwrap_or_default();
    let message = &finding.message;
    let said = match &finding.waived {
        None => format!("{level}[{code}]: {message}{platform}"),
        Some(by) => {
            let until = last_day(by.until);
            let (owner, reason, origin) = (&by.owner, &by.reason, &by.origin);
            format!(
                "waived {level}[{code}]: {message}{platform}; until {until} by {owner}: {reason} ({origin})"
            )
        }
    };
    Reason {
        said: one_line(&said),
        origin: Some(one_line(&finding.origin.to_string())),
    }
}

fn next(
    event: &Event,
    findings: &[&Finding],
    instead: Option<&(Reference, Timestamp)>,
) -> Vec<String> {
    let mut next: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.denies()) {
        if let Some(help) = finding.help.as_deref().map(one_line)
            && !next.contains(&help)
            && next.len() < MAX_REASONS
        {
            next.push(help);
        }
    }
    if let Some((reference, at)) = instead {
        let day = at.strftime("%Y-%m-%d");
        next.push(format!("{reference} was admitted on {day}"));
    }
    next.extend(advice(event));
    next
}

/// What helps with events of this kind, whatever the findings.
fn advice(event: &Event) -> Option<String> {
    let about = match event.digest {
        Some(digest) => digest.to_string(),
        None => event.reference.clone(),
    };
    let fixed = |text: &str| Some(text.to_owned());
    match event.kind {
        // A signer or publisher that is revoked is no image.
        EventKind::Revoked if about.contains(' ') => None,
        EventKind::VerdictChanged | EventKind::Revoked | EventKind::TagMoved => {
            Some(format!("who has it: lazaret who-pulled {about}"))
        }
        EventKind::WaiverExpiring => {
            fixed("fixed? remove the table; still needed? have a new end reviewed")
        }
        EventKind::WaiverExpired => fixed(
            "what it excused is denied again: fix that, or have a new end reviewed; remove the table otherwise",
        ),
        EventKind::DataStale => fixed("lazaret db update; lazaret trust update"),
        EventKind::UpstreamDown => fixed(
            "what is cached and admitted is served; look at egress, and at the registry's status page",
        ),
        EventKind::StorageTrouble => fixed(
            "what cannot be recorded is blocked: make room where the data folder is, then look at /readyz",
        ),
        EventKind::SuspectedBypass => {
            fixed("close egress to the registries for that client: docs/enforcement.md")
        }
        EventKind::Guessing => {
            fixed("look at what runs there; a script with a wrong list is usual")
        }
        EventKind::FirstSeen => fixed("expected? lazaret names approve"),
        _ => None,
    }
}

/// The waiver that would let the pull pass, for a person to finish: a reason and an owner are theirs to give.
pub fn waiver(decision: &Decision, now: Timestamp) -> Option<String> {
    let findings = decision.verdict.findings.iter();
    let denying: Vec<_> = findings.filter(|finding| finding.denies()).collect();
    // One waiver is one finding: where there are many the image is the problem.
    let [finding] = denying.as_slice() else {
        return None;
    };
    if !is_excusable(finding) {
        return None;
    }
    let until = now.checked_add(PROPOSED).unwrap_or(now);
    let repository = decision.reference.repository().as_str();
    proposal(repository, finding, &Excuse::default(), until)
}

/// Words from outside must begin no line of their own and be of no length of their own.
fn one_line(text: &str) -> String {
    cut(&printable(text), MAX_LINE)
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}
