use super::super::{Channel, MailSecurity, Transport, parse_server};
use crate::policy::{Code, EventKind, Urgency};

#[test]
fn targets_teams_and_hooks() {
    let text = r##"
[notify.mail]
kind = "mail"
server = "smtp.acme.example"
username = "u"
password_file = "p"
from = "lazaret@acme.example"
to = ["a@acme.example"]
teams = ["payments"]
quiet = "22:00-07:00"
quiet_days = ["sunday"]
time_zone = "Europe/Berlin"
title = "{image}"
[notify.log]
kind = "syslog"
server = "tls://[2001:db8::1]"
facility = "auth"
findings = ["virus"]
at_least = "error"
[notify.pager]
kind = "pagerduty"
key_file = "k"
most_per_minute = 3
[notify.siem]
kind = "file"
path = "events"
fields = "ocsf"
[team.payments]
images = ["docker.io/acme/*"]
contact = "#pay"
[hook.act]
kind = "exec"
command = ["/bin/true", "x"]
timeout = "5s"
events = ["revoked"]
"##;
    let server = parse_server(text, "/etc/lazaret/lazaret.toml").unwrap();
    let names: Vec<&str> = server.notify.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["log", "mail", "pager", "siem", "hook:act"]);
    let [log, mail, pager, siem, hook] = server.notify.as_slice() else {
        panic!("{names:?}");
    };
    let Channel::Mail(to) = &mail.channel else {
        panic!("{:?}", mail.channel);
    };
    assert_eq!(
        (to.host.as_str(), to.port, to.security),
        ("smtp.acme.example", 587, MailSecurity::StartTls)
    );
    assert_eq!(to.login, Some(("u".to_owned(), "/etc/lazaret/p".into())));
    assert_eq!(mail.scope.teams, ["payments"]);
    assert!(mail.quiet.is_some() && mail.words.0.is_some());
    assert_eq!(
        (mail.most_per_minute, pager.most_per_minute),
        (Some(10), Some(3))
    );
    let host = "2001:db8::1".to_owned();
    let syslog = Channel::Syslog {
        transport: Transport::Tls,
        host,
        port: 6514,
        facility: 4,
    };
    assert_eq!((&log.channel, log.most_per_minute), (&syslog, None));
    assert_eq!(log.scope.findings, [Code::Virus]);
    assert_eq!(log.scope.least, Urgency::Error);
    assert!(matches!(&siem.channel, Channel::File { ocsf: true, .. }));
    assert_eq!(hook.scope.events, [EventKind::Revoked]);
    assert!(matches!(&hook.channel, Channel::Program { command, .. } if command.len() == 2));
    assert_eq!(server.teams[0].contact.as_deref(), Some("#pay"));
}

#[test]
fn every_mistake_about_targets_has_its_remedy() {
    let mail = "kind = \"mail\"\nserver = \"smtp.acme.example\"\nfrom = \"a@b\"\nto = [\"c@d\"]";
    let slack = "kind = \"slack\"\nurl = \"https://hooks.example/x\"";
    for (lines, mistake, help) in [
        (
            "kind = \"slak\"\nurl = \"https://x.example\"",
            "unknown value `slak`",
            "did you mean `slack`?",
        ),
        (slack, "", ""),
        (
            &format!("{slack}\nevents = [\"bloked\"]"),
            "unknown event `bloked`",
            "did you mean `blocked`?",
        ),
        (
            &format!("{slack}\nfindings = [\"virsu\"]"),
            "unknown finding `virsu`",
            "did you mean `virus`?",
        ),
        (
            &format!("{slack}\nat_least = \"eror\""),
            "unknown urgency `eror`",
            "did you mean `error`?",
        ),
        (
            &format!("{slack}\nteams = [\"pay\"]"),
            "there is no team `pay`",
            "add [team.pay]",
        ),
        (
            &format!("{slack}\nteams = [\"opps\"]"),
            "there is no team `opps`",
            "did you mean `ops`?",
        ),
        (
            &format!("{slack}\ntitle = \"{{imgae}}\""),
            "no message has a field `{imgae}`",
            "did you mean `{image}`?",
        ),
        (
            &format!("{slack}\ntext = \"{{image\""),
            "a brace without its like",
            "write {{ or }} for a brace",
        ),
        (
            &format!("{slack}\nquiet = \"22-7\""),
            "`22-7` are no hours",
            "write `22:00-07:00`",
        ),
        (
            &format!("{slack}\nquiet = \"22:00-07:00\"\ntime_zone = \"Berlin\""),
            "`Berlin` is no time zone",
            "write one of the IANA's names, as in `Europe/Berlin`",
        ),
        (
            &format!("{slack}\ntime_zone = \"Europe/Berlin\""),
            "`time_zone` without quiet hours",
            "add quiet = \"22:00-07:00\" or quiet_days",
        ),
        (
            &format!("{slack}\nquiet_days = [\"someday\"]"),
            "unknown day `someday`",
            "",
        ),
        (
            &format!("{slack}\nmost_per_minute = 0"),
            "that is not how fast people read",
            "write a number from 1 to 60",
        ),
        (
            &format!("{slack}\npath = \"x\""),
            "`path` is not for this kind of target",
            "",
        ),
        (
            "kind = \"slack\"",
            "a target needs either `url` or `url_file`",
            "",
        ),
        (
            "kind = \"slack\"\nurl = \"http://169.254.169.254/x\"",
            "169.254.169.254 is never sent anything",
            "link-local addresses are where clouds keep credentials; name a host",
        ),
        (
            "kind = \"pagerduty\"",
            "a target of this kind needs `key_file`",
            "",
        ),
        ("kind = \"file\"", "a target of this kind needs `path`", ""),
        (
            "kind = \"syslog\"\nserver = \"logs.example:514\"",
            "a log server needs a transport",
            "write `tls://logs.acme.example:6514`, or tcp:// or udp://",
        ),
        (
            "kind = \"syslog\"\nserver = \"udp://[fe80::1]\"",
            "fe80::1 is never sent anything",
            "link-local addresses are where clouds keep credentials; name a host",
        ),
        (
            &format!("{mail}\nsecurity = \"plain\""),
            "letters would leave this machine unencrypted",
            "write security = \"starttls\", or allow_plain = true if the way is safe",
        ),
        (
            &format!("{mail}\nsecurity = \"plain\"\nallow_plain = true"),
            "",
            "",
        ),
        (&mail.replace("smtp.acme.example", "localhost"), "", ""),
        (
            &mail.replace("c@d", "Ops <c@d>"),
            "\"Ops <c@d>\" is no address",
            "write `security@acme.example`, without a name",
        ),
        (
            &mail.replace("c@d", "c@d\\r\\nBcc: x@y"),
            "\"c@d\\r\\nBcc: x@y\" is no address",
            "write `security@acme.example`, without a name",
        ),
        (
            &mail.replace("smtp.acme.example", "a b"),
            "`a b` is no host and port",
            "write `smtp.acme.example:587`",
        ),
    ] {
        let text = format!("[notify.x]\n{lines}\n[team.ops]\nimages = [\"docker.io/acme/*\"]\n");
        let said = parse_server(&text, "lazaret.toml")
            .err()
            .map(|mistakes| mistakes.to_string());
        let said = said.unwrap_or_default();
        assert_eq!(
            said.contains("error:"),
            !mistake.is_empty(),
            "{lines}\n{said}"
        );
        assert!(
            said.contains(mistake) && said.contains(help),
            "{lines}\n{said}"
        );
    }
    for (table, mistake) in [
        (
            "[hook.x]\nkind = \"exec\"\nevents = [\"revoked\"]",
            "a hook of kind \"exec\" needs `command`",
        ),
        (
            "[hook.x]\nkind = \"exec\"\ncommand = [\"/bin/true\"]",
            "a hook needs `events`",
        ),
        (
            "[hook.x]\nkind = \"exec\"\ncommand = [\"true\"]\nevents = [\"revoked\"]",
            "the program needs its whole path",
        ),
        (
            "[hook.x]\nkind = \"exec\"\ncommand = [\"/bin/true\"]\ntimeout = \"1h\"\nevents = [\"revoked\"]",
            "write at most `600s`",
        ),
        (
            "[hook.x]\nkind = \"webhook\"\ncommand = [\"/bin/true\"]\nurl = \"https://x.example\"\nevents = [\"revoked\"]",
            "`command` is not for this kind of hook",
        ),
        (
            "[team.x]\ncontact = \"#x\"",
            "nothing belongs to the team `x`",
        ),
        (
            "[team.x]\nclients = [\"a*b\"]",
            "a `*` stands at the end alone",
        ),
    ] {
        let said = parse_server(table, "lazaret.toml").unwrap_err().to_string();
        assert!(said.contains(mistake), "{table}\n{said}");
    }
}
