//! Letters to a mail server (RFC 5321), which takes them from here.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::upstream::{Line, Peer, Secret};

/// How long one letter may take, with all that is said before.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest line of a reply: four times what the specification has (section 4.5.3.1.5).
const MAX_LINE: u64 = 2_048;
/// Most lines of a reply: servers list a dozen extensions.
const MAX_LINES: usize = 64;
/// Most of a refusal that is told to people, in characters.
const MAX_TOLD: usize = 200;

/// A mail server and whom it is to deliver to.
#[derive(Debug)]
pub struct Mailer {
    /// The server.
    pub peer: Peer,
    /// How the connection is kept secret.
    pub security: Security,
    /// Who we are there, where it asks.
    pub login: Option<Login>,
    /// Whom letters are from: a checked address.
    pub from: String,
    /// To whom: checked addresses.
    pub to: Vec<String>,
}

/// How a connection is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS before anything is said that matters (RFC 3207); a server that does not offer it gets nothing.
    StartTls,
    /// Not at all.
    Plain,
}

/// A name and a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl Mailer {
    /// Gives the server one letter. `hello` is what we call ourselves.
    ///
    /// # Errors
    /// Why it may not have taken it.
    pub async fn send(&self, letter: &str, hello: &str) -> Result<(), String> {
        // An address is written in brackets (RFC 5321, section 4.1.3).
        let hello = match hello.parse::<std::net::Ipv4Addr>() {
            Ok(address) => &format!("[{address}]"),
            Err(_) => hello,
        };
        let sent = tokio::time::timeout(PATIENCE, self.deliver(letter, hello)).await;
        let sent = sent.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let at = format!("{}: ", self.peer);
        sent.map_err(|why| match why.starts_with(&at) {
            true => why,
            false => at + &why,
        })
    }

    async fn deliver(&self, letter: &str, hello: &str) -> Result<(), String> {
        let tcp = self.peer.connect().await?;
        match self.security {
            Security::Tls => {
                let mut talk = Talk::new(self.peer.secure(tcp).await?);
                talk.expect("the greeting", 220).await?;
                let offers = talk.hello(hello).await?;
                self.hand_over(&mut talk, &offers, letter).await
            }
            Security::Plain => {
                let mut talk = Talk::new(tcp);
                talk.expect("the greeting", 220).await?;
                let offers = talk.hello(hello).await?;
                self.hand_over(&mut talk, &offers, letter).await
            }
            Security::StartTls => {
                let mut talk = Talk::new(tcp);
                talk.expect("the greeting", 220).await?;
                let offers = talk.hello(hello).await?;
                if !offers.iter().any(|offer| offer == "STARTTLS") {
                    return Err(
                        "it does not offer STARTTLS; security = \"tls\" is for servers with TLS from the start"
                            .to_owned(),
                    );
                }
                talk.ask("STARTTLS", 220).await?;
                let tcp = talk.end()?;
                // What it said before counts for nothing now (RFC 3207, section 4.2).
                let mut talk = Talk::new(self.peer.secure(tcp).await?);
                let offers = talk.hello(hello).await?;
                self.hand_over(&mut talk, &offers, letter).await
            }
        }
    }

    async fn hand_over<L: Line>(
        &self,
        talk: &mut Talk<L>,
        offers: &[String],
        letter: &str,
    ) -> Result<(), String> {
        if let Some(login) = &self.login {
            talk.login(login, offers).await?;
        }
        talk.ask(&format!("MAIL FROM:<{}>", self.from), 250).await?;
        for to in &self.to {
            talk.ask(&format!("RCPT TO:<{to}>"), 250).await?;
        }
        talk.ask("DATA", 354).await?;
        talk.write(stuffed(letter).as_bytes()).await?;
        talk.expect("the letter", 250).await?;
        // It has the letter; how it says good-bye does not matter.
        let _ = talk.ask("QUIT", 221).await;
        Ok(())
    }
}

/// A line that begins with a dot begins with two, and one dot alone ends it (section 4.5.2).
fn stuffed(letter: &str) -> String {
    let mut stuffed = String::with_capacity(letter.len() + 5);
    for line in letter.split_terminator("\r\n") {
        if line.starts_with('.') {
            stuffed.push('.');
        }
        stuffed.push_str(line);
        stuffed.push_str("\r\n");
    }
    stuffed + ".\r\n"
}

/// A conversation: one says something, the other answers with a number and lines.
struct Talk<L>(BufReader<L>);

impl<L: Line> Talk<L> {
    fn new(line: L) -> Talk<L> {
        Talk(BufReader::new(line))
    }

    /// What is extended, in upper case; a server that knows no extensions has none.
    async fn hello(&mut self, name: &str) -> Result<Vec<String>, String> {
        let lines = self.ask(&format!("EHLO {name}"), 250).await?;
        Ok(lines.iter().map(|line| line.to_ascii_uppercase()).collect())
    }

    async fn login(&mut self, login: &Login, offers: &[String]) -> Result<(), String> {
        let knows = |way: &str| {
            let ways = offers
                .iter()
                .filter_map(|offer| offer.strip_prefix("AUTH "));
            ways.flat_map(str::split_whitespace).any(|one| one == way)
        };
        let (name, password) = (&login.username, login.password.reveal());
        if knows("PLAIN") {
            let words = STANDARD.encode(format!("\0{name}\0{password}"));
            let answer = self.ask(&format!("AUTH PLAIN {words}"), 235).await;
            return answer.map(drop).map_err(|why| hidden(&why));
        }
        if !knows("LOGIN") {
            return Err("it offers no way to log in that is known here: PLAIN, LOGIN".to_owned());
        }
        self.ask("AUTH LOGIN", 334).await?;
        self.ask(&STANDARD.encode(name), 334)
            .await
            .map_err(|why| hidden(&why))?;
        let answer = self.ask(&STANDARD.encode(password), 235).await;
        answer.map(drop).map_err(|why| hidden(&why))
    }

    async fn ask(&mut self, said: &str, wanted: u16) -> Result<Vec<String>, String> {
        self.write(format!("{said}\r\n").as_bytes()).await?;
        self.expect(said, wanted).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let line = self.0.get_mut();
        let written = async {
            line.write_all(bytes).await?;
            line.flush().await
        };
        written.await.map_err(|error| error.to_string())
    }

    /// The lines of a good answer, without numbers.
    async fn expect(&mut self, said: &str, wanted: u16) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        loop {
            let mut raw = Vec::new();
            let mut bounded = (&mut self.0).take(MAX_LINE);
            let read = bounded.read_until(b'\n', &mut raw).await;
            read.map_err(|error| error.to_string())?;
            if raw.last() != Some(&b'\n') {
                return Err(format!("no answer to {said}"));
            }
            let text = String::from_utf8_lossy(&raw);
            let (number, rest) = text.split_at_checked(3).ok_or("it speaks no SMTP")?;
            let code: u16 = number.parse().map_err(|_| "it speaks no SMTP")?;
            let last = !rest.starts_with('-');
            let rest = rest.get(1..).unwrap_or_default().trim_end();
            lines.push(rest.to_owned());
            // 251: it will forward, which is as good (section 4.2.3).
            let good = code == wanted || (wanted == 250 && code == 251);
            if last && !good {
                let told = lines
                    .join(" ")
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(MAX_TOLD)
                    .collect::<String>();
                return Err(format!("{code} to {said}: {told}"));
            }
            if last {
                return Ok(lines);
            }
            if lines.len() == MAX_LINES {
                return Err("an endless answer".to_owned());
            }
        }
    }

    /// The bare connection. Whatever came with the last answer is not from who will prove who it is.
    fn end(self) -> Result<L, String> {
        match self.0.buffer().is_empty() {
            true => Ok(self.0.into_inner()),
            false => Err("it says something before TLS begins".to_owned()),
        }
    }
}

/// A refusal to log in, without what was said.
fn hidden(why: &str) -> String {
    let said = why.split_once(" to ").map(|(code, rest)| {
        let told = rest.split_once(": ").map_or("", |(_, told)| told);
        format!("{code} to the login: {told}")
    });
    said.unwrap_or_else(|| "it ended at the login".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_ends_nothing_before_its_time() {
        assert_eq!(stuffed("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(stuffed("a\r\n"), "a\r\n.\r\n");
    }

    #[test]
    fn no_password_is_told() {
        let why = "535 to AUTH PLAIN AHVzZXIAc2VjcmV0: 5.7.8 no";
        assert_eq!(hidden(why), "535 to the login: 5.7.8 no");
        assert_eq!(hidden("no answer"), "it ended at the login");
    }
}
