//! Mail servers and log servers: the keys of `[notify.NAME]` that have a `server`.

use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;
use url::Url;

use super::server_channel::{Channel, Mail, MailSecurity, Transport};
use super::server_check::Check;
use super::server_notify::RawNotify;

/// Most recipients of one letter: a list has an address of its own.
const MAX_RECIPIENTS: usize = 20;
/// Longest address of a mailbox (RFC 5321, section 4.5.3.1.3, without the brackets).
const MAX_MAILBOX: usize = 254;
/// Facilities (RFC 5424, section 6.2.1) that a service may have.
const FACILITIES: [(&str, u8); 12] = [
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

impl Check<'_> {
    pub(super) fn mail(&mut self, whole: Range<usize>, raw: &RawNotify) -> Option<Mail> {
        let known = ["starttls", "tls", "plain"];
        let find = |word: &str| match word {
            "starttls" => Some(MailSecurity::StartTls),
            "tls" => Some(MailSecurity::Tls),
            "plain" => Some(MailSecurity::Plain),
            _ => None,
        };
        let security = match &raw.security {
            Some(word) => self.word(word, "security", known.into_iter(), find)?,
            None => MailSecurity::StartTls,
        };
        let server = self.wanted(raw.server.clone(), &whole, "server")?;
        let port = match security {
            MailSecurity::StartTls => 587,
            MailSecurity::Tls => 465,
            MailSecurity::Plain => 25,
        };
        let (host, port) = self.host_and_port(&server, "smtp.acme.example:587", port)?;
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if security == MailSecurity::Plain && !here && raw.allow_plain != Some(true) {
            self.notes
                .error(
                    server.span(),
                    "letters would leave this machine unencrypted",
                )
                .help("write security = \"starttls\", or allow_plain = true if the way is safe");
        }
        let login = self.pair(
            ("username", raw.username.clone()),
            ("password_file", raw.password_file.clone()),
        );
        let login = login.map(|(name, file)| (name.into_inner(), self.resolve(file.get_ref())));
        let from = self.wanted(raw.from.clone(), &whole, "from")?;
        let from = self.mailbox(&from)?;
        let to = self.wanted(raw.to.clone(), &whole, "to")?;
        if to.is_empty() || to.len() > MAX_RECIPIENTS {
            self.notes
                .error(whole, format!("`to` needs 1 to {MAX_RECIPIENTS} addresses"));
        }
        let to = to.iter().filter_map(|one| self.mailbox(one)).collect();
        Some(Mail {
            host,
            port,
            security,
            login,
            from,
            to,
        })
    }

    /// A bare address in ASCII: it stands in commands and headers as it is.
    fn mailbox(&mut self, written: &Spanned<String>) -> Option<String> {
        let text = written.get_ref();
        let plain = |b: u8| b.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&b);
        let good = text.len() <= MAX_MAILBOX
            && text.bytes().all(plain)
            && text.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && !host.is_empty() && !host.contains('@')
            });
        if !good {
            self.notes
                .error(written.span(), format!("{text:?} is no address"))
                .help("write `security@acme.example`, without a name");
        }
        good.then(|| text.clone())
    }

    pub(super) fn syslog(&mut self, whole: Range<usize>, raw: &RawNotify) -> Option<Channel> {
        let server = self.wanted(raw.server.clone(), &whole, "server")?;
        let example = "tls://logs.acme.example:6514";
        let (transport, port, rest) = match server.get_ref().split_once("://") {
            Some(("udp", rest)) => (Transport::Udp, 514, rest),
            Some(("tcp", rest)) => (Transport::Tcp, 514, rest),
            Some(("tls", rest)) => (Transport::Tls, 6514, rest),
            _ => {
                self.notes
                    .error(server.span(), "a log server needs a transport")
                    .help(format!("write `{example}`, or tcp:// or udp://"));
                return None;
            }
        };
        let bare = Spanned::new(server.span(), rest.to_owned());
        let (host, port) = self.host_and_port(&bare, example, port)?;
        let known = FACILITIES.iter().map(|(word, _)| *word);
        let find = |word: &str| {
            let found = FACILITIES.iter().find(|(known, _)| *known == word);
            found.map(|(_, number)| *number)
        };
        let facility = match &raw.facility {
            Some(word) => self.word(word, "facility", known, find)?,
            None => 16,
        };
        Some(Channel::Syslog {
            transport,
            host,
            port,
            facility,
        })
    }

    fn host_and_port(
        &mut self,
        written: &Spanned<String>,
        example: &str,
        usual: u16,
    ) -> Option<(String, u16)> {
        let text = written.get_ref();
        let read = || {
            let url = Url::parse(&format!("lazaret://{text}")).ok()?;
            let bare = matches!(url.path(), "" | "/") && url.query().is_none();
            let host = url
                .host_str()
                .filter(|host| !host.is_empty() && host.is_ascii())?;
            let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
            (bare && url.username().is_empty()).then(|| (host, url.port().unwrap_or(usual)))
        };
        let found = read();
        match &found {
            Some((host, _)) => self.literal(host, &written.span()),
            None => {
                self.notes
                    .error(written.span(), format!("`{text}` is no host and port"))
                    .help(format!("write `{example}`"));
            }
        }
        found
    }
}
