//! The registries of `lazaret.toml`, checked.

use std::collections::HashSet;

use toml::Spanned;
use url::Url;

use super::{
    AddressRange, Credentials, Registry,
    server_check::Check,
    server_raw::{RawRegistry, Text},
};

/// Longest name of a credential helper; it becomes part of a program's name.
const MAX_HELPER: usize = 64;

impl Check<'_> {
    pub(super) fn registries(&mut self, raw: Vec<Spanned<RawRegistry>>) -> Vec<Registry> {
        let mut seen = HashSet::new();
        let mut registries = Vec::with_capacity(raw.len());
        for entry in raw {
            let span = entry.span();
            let raw = entry.into_inner();
            let Some(host) = &raw.host else {
                self.notes
                    .error(span, "a registry without `host`")
                    .help("add its name in image references: `host = \"docker.io\"`");
                continue;
            };
            if let Some(name) = self.host(host, true)
                && !seen.insert(name)
            {
                self.notes
                    .error(
                        host.span(),
                        format!("the registry `{}` is here twice", host.get_ref()),
                    )
                    .help("join the two entries");
            }
            registries.push(self.registry(raw));
        }
        registries
    }

    fn registry(&mut self, raw: RawRegistry) -> Registry {
        let url_span = raw.url.as_ref().map(Spanned::span);
        let url = self.url(raw.url, "https://registry.example");
        let plain = raw
            .plain_http
            .as_ref()
            .is_some_and(|plain| *plain.get_ref());
        match (&url, url_span, raw.plain_http) {
            (Some(url), Some(span), _) if url.scheme() == "http" && !plain => {
                self.notes
                    .error(span, "this registry would be spoken to without TLS")
                    .help("write `https://`, or say `plain_http = true` beside it");
            }
            (url, _, Some(said))
                if plain && url.as_ref().is_none_or(|url| url.scheme() != "http") =>
            {
                self.notes
                    .error(said.span(), "`plain_http = true` without an `http://` url")
                    .help("remove it, or give `url = \"http://…\"`");
            }
            _ => {}
        }
        let mut allow_addresses = Vec::new();
        for text in raw.allow_addresses.unwrap_or_default() {
            match AddressRange::parse(text.get_ref()) {
                Ok(range) => allow_addresses.push(range),
                Err(problem) => {
                    self.notes
                        .error(text.span(), problem)
                        .help("write `10.0.0.0/8` or `fd00::/8`");
                }
            }
        }
        Registry {
            host: raw
                .host
                .map(|host| host.into_inner().to_ascii_lowercase())
                .unwrap_or_default(),
            url,
            token_hosts: self.hosts(raw.token_hosts),
            redirect_hosts: self.hosts(raw.redirect_hosts),
            allow_addresses,
            credentials: self.credentials(
                raw.username,
                raw.password_file,
                raw.docker_config,
                raw.credential_helper,
            ),
            ca_file: self.path(raw.ca_file),
        }
    }

    fn credentials(
        &mut self,
        username: Text,
        password_file: Text,
        config: Text,
        helper: Text,
    ) -> Credentials {
        let ways: Vec<_> = [
            username.as_ref().or(password_file.as_ref()),
            config.as_ref(),
            helper.as_ref(),
        ]
        .into_iter()
        .flatten()
        .map(Spanned::span)
        .collect();
        if let [_, second, ..] = ways.as_slice() {
            self.notes
                .error(second.clone(), "credentials are given in more than one way")
                .help("keep one of `username` with `password_file`, `docker_config`, `credential_helper`");
        }
        if let Some((username, file)) =
            self.pair(("username", username), ("password_file", password_file))
        {
            return Credentials::Password {
                username: username.into_inner(),
                password_file: self.resolve(file.get_ref()),
            };
        }
        if let Some(config) = self.path(config) {
            return Credentials::DockerConfig(config);
        }
        let Some(helper) = helper else {
            return Credentials::Anonymous;
        };
        let name = helper.get_ref();
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_HELPER || !name.chars().all(good) {
            self.notes
                .error(helper.span(), "this is not the name of a credential helper")
                .help("`ecr-login` runs `docker-credential-ecr-login`");
        }
        Credentials::Helper(helper.into_inner())
    }

    fn hosts(&mut self, raw: Option<Vec<Spanned<String>>>) -> Vec<String> {
        let raw = raw.unwrap_or_default();
        raw.iter()
            .filter_map(|host| self.host(host, false))
            .collect()
    }

    /// A host with an optional port, in lower case; never a URL.
    fn host(&mut self, text: &Spanned<String>, name: bool) -> Option<String> {
        let host = text.get_ref().to_ascii_lowercase();
        let parsed = Url::parse(&format!("https://{host}/"));
        let good = parsed.is_ok_and(|url| {
            url.path() == "/"
                && url.username().is_empty()
                && url.query().is_none()
                && url.host().is_some()
        }) && host.is_ascii()
            && !host.contains(['/', '@', '?', '#', '\\', ' ', '*']);
        if good {
            return Some(host);
        }
        let example = if name {
            "`docker.io`"
        } else {
            "`auth.docker.io`"
        };
        self.notes
            .error(text.span(), format!("`{}` is not a host", text.get_ref()))
            .help(format!("write the name alone: {example}"));
        None
    }
}
