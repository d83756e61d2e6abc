//! Mail: handed over in secret, or not at all.

use super::*;

/// How a mail server behaves.
#[derive(Clone, Default)]
struct Manners {
    offers: Vec<&'static str>,
    /// The answer to what begins so.
    says: Option<(&'static str, &'static str)>,
    tls: Option<TlsAcceptor>,
    /// Said right behind the word to begin TLS, by somebody in between.
    slips: bool,
}

type Said = Arc<Mutex<Vec<String>>>;

async fn post_office(manners: Manners) -> (SocketAddr, Said) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let said = Said::default();
    let heard = said.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tcp.write_all(b"220 mail.test\r\n").await.unwrap();
            if !converse(&mut tcp, &manners, &heard).await {
                continue;
            }
            heard.lock().unwrap().push("<TLS>".to_owned());
            let acceptor = manners.tls.clone().unwrap();
            if let Ok(mut secured) = acceptor.accept(tcp).await {
                converse(&mut secured, &manners, &heard).await;
            }
        }
    });
    (at, said)
}

/// Whether TLS is to begin.
async fn converse(
    line: &mut (impl AsyncRead + AsyncWrite + Unpin),
    by: &Manners,
    said: &Said,
) -> bool {
    let mut line = BufReader::new(line);
    let mut letter = false;
    loop {
        let mut text = String::new();
        if line.read_line(&mut text).await.unwrap_or(0) == 0 {
            return false;
        }
        let text = text.trim_end().to_owned();
        said.lock().unwrap().push(text.clone());
        let own = by.says.filter(|(start, _)| text.starts_with(start));
        let answer = match text.as_str() {
            "." => {
                letter = false;
                "250 taken".to_owned()
            }
            _ if letter => continue,
            _ if own.is_some() => own.unwrap().1.to_owned(),
            "DATA" => {
                letter = true;
                "354 go on".to_owned()
            }
            "STARTTLS" if by.slips => "220 go on\r\n250 I am your server".to_owned(),
            "STARTTLS" => "220 go on".to_owned(),
            "QUIT" => "221 bye".to_owned(),
            _ if text.starts_with("EHLO") => {
                let mut lines: Vec<String> =
                    by.offers.iter().map(|one| format!("250-{one}")).collect();
                lines.insert(0, "250-mail.test".to_owned());
                lines.push("250 HELP".to_owned());
                lines.join("\r\n")
            }
            _ if text.starts_with("AUTH PLAIN") => "235 welcome".to_owned(),
            _ => "250 fine".to_owned(),
        };
        let written = line
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .await;
        if written.is_err() {
            return false;
        }
        if text == "STARTTLS" {
            return true;
        }
    }
}

fn mailer(at: SocketAddr, security: Security, ca: Option<&PathBuf>) -> Mailer {
    Mailer {
        peer: peer(at, ca),
        security,
        login: None,
        from: "lazaret@acme.example".to_owned(),
        to: ["a@acme.example", "b@acme.example"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn mail(mailer: Mailer) -> Target {
    target("mail", Way::Mail(Box::new(mailer)))
}

#[tokio::test]
async fn a_letter_is_handed_over_in_secret() {
    let (acceptor, ca, _folder) = tls();
    let manners = Manners {
        offers: vec!["STARTTLS", "AUTH LOGIN PLAIN"],
        tls: Some(acceptor),
        ..Manners::default()
    };
    let (at, said) = post_office(manners).await;
    let mut mailer = mailer(at, Security::StartTls, Some(&ca));
    mailer.login = Some(Login {
        username: "lazaret".to_owned(),
        password: Secret::new("secret"),
    });
    let told = message(EventKind::Blocked, "docker.io/library/ngnix:1");
    send(&mail(mailer), &told).await.unwrap();
    let said = said.lock().unwrap().clone();
    let login = STANDARD.encode("\0lazaret\0secret");
    assert_eq!(
        said[..8],
        [
            "EHLO lazaret.test",
            "STARTTLS",
            "<TLS>",
            "EHLO lazaret.test",
            &format!("AUTH PLAIN {login}"),
            "MAIL FROM:<lazaret@acme.example>",
            "RCPT TO:<a@acme.example>",
            "RCPT TO:<b@acme.example>",
        ]
    );
    let letter = said.join("\n");
    assert!(
        letter.contains("Subject: Pull blocked: docker.io/library/ngnix:1"),
        "{letter}"
    );
    assert!(letter.contains(&format!("Message-ID: <{}@acme.example>", told.event.id)));
    assert!(letter.ends_with("\n.\nQUIT"), "{letter}");
}

#[tokio::test]
async fn a_server_without_manners_gets_no_letter() {
    let (acceptor, ca, _folder) = tls();
    let open = |says| Manners {
        says: Some(says),
        ..Manners::default()
    };
    let hidden = |slips| Manners {
        offers: vec!["STARTTLS"],
        tls: Some(acceptor.clone()),
        slips,
        ..Manners::default()
    };
    for (manners, security, why) in [
        (
            Manners::default(),
            Security::StartTls,
            "it does not offer STARTTLS",
        ),
        (
            hidden(true),
            Security::StartTls,
            "it says something before TLS begins",
        ),
        (
            open(("RCPT TO:<b", "550 no such\x1b[2J user")),
            Security::Plain,
            "550 to RCPT TO:<b@acme.example>: no such[2J user",
        ),
        (
            open(("MAIL", "HTTP/1.1 400 Bad Request")),
            Security::Plain,
            "it speaks no SMTP",
        ),
        (
            open(("EHLO", ENDLESS)),
            Security::Plain,
            "an endless answer",
        ),
        (
            open(("DATA", "451-wait\r\n451 a moment")),
            Security::Plain,
            "451 to DATA: wait a moment",
        ),
    ] {
        let (at, said) = post_office(manners).await;
        let target = mail(mailer(at, security, Some(&ca)));
        let told = send(&target, &message(EventKind::Blocked, "ngnix"))
            .await
            .unwrap_err();
        assert!(told.contains(why), "{told}, not {why}");
        let said = said.lock().unwrap().join("\n");
        assert!(!said.contains("Subject"), "{said}");
    }
    // A certificate that nobody vouches for.
    let (at, _) = post_office(hidden(false)).await;
    let target = mail(mailer(at, Security::StartTls, None));
    let told = send(&target, &message(EventKind::Blocked, "ngnix"))
        .await
        .unwrap_err();
    assert!(told.contains("certificate"), "{told}");
}

static ENDLESS: &str = concat!(
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a"
);
