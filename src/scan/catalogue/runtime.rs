//! Runtimes that images compile from source: no database names them, the image's environment does.
//!
//! Docker's official images set these variables and build what they say. Bitnami's advisories use upstream versions.

use super::Item;

/// The variable, and the component in Bitnami's advisories.
const RUNTIMES: [(&str, &str); 21] = [
    ("CASSANDRA_VERSION", "cassandra"),
    ("DOTNET_VERSION", "dotnet"),
    ("GOLANG_VERSION", "golang"),
    ("HAPROXY_VERSION", "haproxy"),
    ("HTTPD_VERSION", "apache"),
    ("JAVA_VERSION", "java"),
    ("KONG_VERSION", "kong"),
    ("MARIADB_VERSION", "mariadb"),
    ("MEMCACHED_VERSION", "memcached"),
    ("MONGO_VERSION", "mongodb"),
    ("MYSQL_VERSION", "mysql"),
    ("NGINX_VERSION", "nginx"),
    ("NODE_VERSION", "node"),
    ("OTP_VERSION", "erlang"),
    ("PG_VERSION", "postgresql"),
    ("PHP_VERSION", "php"),
    ("PYTHON_VERSION", "python"),
    ("RABBITMQ_VERSION", "rabbitmq"),
    ("REDIS_VERSION", "redis"),
    ("RUBY_VERSION", "ruby"),
    ("TOMCAT_VERSION", "tomcat"),
];

/// Longest version that is taken from a variable, in bytes.
const MAX_VERSION_BYTES: usize = 64;

/// The runtimes that `NAME=value` lines name, with the name of each one's variable.
pub(in crate::scan) fn runtimes(environment: &[String]) -> Vec<(&'static str, Item)> {
    let mut found: Vec<(&'static str, Item)> = Vec::new();
    for line in environment {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let Some((name, component)) = RUNTIMES.iter().find(|(known, _)| *known == name) else {
            continue;
        };
        if let Some(version) = upstream(value) {
            // As for a process, the last value counts.
            found.retain(|(earlier, _)| earlier != name);
            found.push((name, Item::new(component, version)));
        }
    }
    found
}

/// The upstream version: without epoch, build and packaging, as in `1:10.11.2+maria~ubu2204`, `15.2-1.pgdg110+1`.
fn upstream(value: &str) -> Option<&str> {
    let value = value.trim();
    let value = value.strip_prefix("jdk-").unwrap_or(value);
    let value = value.strip_prefix('v').unwrap_or(value);
    let value = value.split_once(':').map_or(value, |(_, version)| version);
    let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let (version, rest) = value.split_at_checked(end.unwrap_or(value.len()))?;
    let whole = rest.is_empty() || rest.starts_with(['-', '+', '~']);
    // `3.13.0rc1`: a release that is not out yet is older than its number.
    let version = if whole { version } else { value };
    let fits =
        version.starts_with(|c: char| c.is_ascii_digit()) && version.len() <= MAX_VERSION_BYTES;
    fits.then_some(version)
}
