//! The registries that are known without configuration.

use super::RegistrySettings;

/// Name in references, where it is, and where its token service is (if not at its own host).
const KNOWN: [(&str, &str, &[&str]); 13] = [
    (
        "docker.io",
        "https://registry-1.docker.io",
        &["auth.docker.io"],
    ),
    ("ghcr.io", "https://ghcr.io", &[]),
    ("quay.io", "https://quay.io", &[]),
    ("registry.k8s.io", "https://registry.k8s.io", &[]),
    ("gcr.io", "https://gcr.io", &[]),
    ("mcr.microsoft.com", "https://mcr.microsoft.com", &[]),
    ("public.ecr.aws", "https://public.ecr.aws", &[]),
    ("cgr.dev", "https://cgr.dev", &[]),
    (
        "registry.gitlab.com",
        "https://registry.gitlab.com",
        &["gitlab.com"],
    ),
    ("nvcr.io", "https://nvcr.io", &["authn.nvidia.com"]),
    (
        "docker.elastic.co",
        "https://docker.elastic.co",
        &["docker-auth.elastic.co"],
    ),
    // A second name for the same paths at ghcr.io, to which it would redirect us.
    ("lscr.io", "https://ghcr.io", &[]),
    (
        "registry.access.redhat.com",
        "https://registry.access.redhat.com",
        &[],
    ),
];

/// The closed list where the configuration adds nothing, without credentials.
pub fn default_registries() -> Vec<RegistrySettings> {
    KNOWN
        .iter()
        .map(|(host, url, token_hosts)| RegistrySettings {
            token_hosts: token_hosts.iter().map(|&host| host.to_owned()).collect(),
            ..RegistrySettings::new(host, url)
        })
        .collect()
}
