//! The closed list of registries: those of the file, on top of the built-in ones.

use url::Url;

use super::wire::{Trouble, about};
use crate::config::{self, Credentials, Server};
use crate::upstream::{self, RegistrySettings, Secret};

/// Name, host and port of each registry that is known or in `more`: where a client that goes round Lazaret connects.
pub(super) fn dialled(
    server: &Server,
    more: &[String],
) -> Result<Vec<(String, String, u16)>, Trouble> {
    let mut all = registries(server)?;
    let unknown = more
        .iter()
        .filter(|name| !all.iter().any(|known| known.host == **name));
    let unknown: Vec<RegistrySettings> = unknown
        .map(|name| RegistrySettings::new(name, &format!("https://{name}")))
        .collect();
    all.extend(unknown);
    let place = |registry: RegistrySettings| {
        let url = Url::parse(&registry.url).ok()?;
        let (host, port) = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        Some((
            registry.host,
            host.trim_matches(['[', ']']).to_owned(),
            port,
        ))
    };
    Ok(all.into_iter().filter_map(place).collect())
}

/// The registries of the file, and the built-in ones where they are wanted.
pub(super) fn registries(server: &Server) -> Result<Vec<RegistrySettings>, Trouble> {
    let settings = &server.upstream;
    let mut registries = if settings.include_defaults {
        upstream::default_registries()
    } else {
        Vec::new()
    };
    for written in &server.registries {
        let known = registries
            .iter()
            .position(|registry| registry.host == written.host);
        let built_in = known.map(|at| registries.remove(at)).or_else(|| {
            upstream::default_registries()
                .into_iter()
                .find(|registry| registry.host == written.host)
        });
        registries.push(registry(written, built_in)?);
    }
    Ok(registries)
}

fn registry(
    written: &config::Registry,
    built_in: Option<RegistrySettings>,
) -> Result<RegistrySettings, Trouble> {
    let usual = built_in.as_ref().map_or_else(
        || format!("https://{}", written.host),
        |registry| registry.url.clone(),
    );
    let url = written
        .url
        .as_ref()
        .map_or(usual, |url| url.as_str().trim_end_matches('/').to_owned());
    let mut registry = built_in.unwrap_or_else(|| RegistrySettings::new(&written.host, &url));
    registry.plain_http = url.starts_with("http://");
    registry.url = url;
    if !written.token_hosts.is_empty() {
        registry.token_hosts = written.token_hosts.clone();
    }
    registry
        .redirect_hosts
        .extend(written.redirect_hosts.iter().cloned());
    registry.allow_addresses = written
        .allow_addresses
        .iter()
        .filter_map(|range| range.to_string().parse().ok())
        .collect();
    registry.ca_files = written.ca_file.iter().cloned().collect();
    registry.credentials = match &written.credentials {
        Credentials::Anonymous => upstream::Credentials::None,
        Credentials::Password {
            username,
            password_file,
        } => {
            let password = std::fs::read_to_string(password_file).map_err(about(password_file))?;
            upstream::Credentials::Static {
                username: username.clone(),
                password: Secret::new(password.trim_end()),
            }
        }
        Credentials::DockerConfig(path) => {
            upstream::Credentials::DockerConfig { path: path.clone() }
        }
        Credentials::Helper(name) => upstream::Credentials::Helper { name: name.clone() },
    };
    Ok(registry)
}
