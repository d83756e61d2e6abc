//! What is counted, by name. Labels are few and known in advance; no image name is ever one.

use std::{
    fmt::Write,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use jiff::Timestamp;

use super::primitive::{Counter, CounterVec, Gauge, Histogram, Show, show};
use crate::policy::{Code, Level, Verdict};

/// Kinds of content that the cache holds.
const KINDS: &[&str] = &["manifest", "blob", "tag"];

/// What shows that a client may have gone past the gate.
const SIGNS: &[&str] = &[
    "content-after-denial",
    "unknown-content",
    "no-follow-up",
    "left-waiting",
    "index-only",
];

/// All numbers of the program.
#[derive(Debug)]
pub struct Metrics {
    /// `listener` (mirror, gateway), `outcome` (served, blocked).
    pub pulls: CounterVec,
    /// The canary's: `listener` (mirror, gateway, proxy), `outcome` (served, blocked).
    pub canaries: CounterVec,
    /// `outcome` (allowed, denied, audited).
    pub verdicts: CounterVec,
    /// `code`, `level`.
    pub findings: CounterVec,
    /// `kind` (manifest, blob, tag).
    pub cache_hits: CounterVec,
    /// `kind` (manifest, blob, tag).
    pub cache_misses: CounterVec,
    /// `result` (complete, failed).
    pub fills: CounterVec,
    upstream_requests: OnceLock<CounterVec>,
    /// Time to a registry's answer.
    pub upstream_seconds: Histogram,
    /// Time from question to verdict.
    pub verdict_seconds: Histogram,
    /// Bytes on disk.
    pub store_bytes: Gauge,
    /// Blobs removed for room.
    pub store_evictions: Counter,
    /// 1 when the last reload was good.
    pub reload_successful: Gauge,
    /// When the last good reload was, Unix seconds.
    pub reload_timestamp: Gauge,
    /// Open client connections.
    pub connections: Gauge,
    /// Bytes of blobs sent to clients.
    pub pull_bytes: Counter,
    /// Transactions that the ledger could not commit.
    pub ledger_errors: Counter,
    /// 1 when the last reading of the whole ledger found it changed.
    pub ledger_broken: Gauge,
    /// `outcome` (told, failed).
    pub notices: CounterVec,
    /// Refreshes of trusted roots that failed.
    pub root_refresh_failures: Counter,
    /// `sign`: what a client left behind that may have gone past the gate.
    pub suspected_bypasses: CounterVec,
}

/// The numbers of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Metrics {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let levels = [Level::Note, Level::Warn, Level::Deny].map(Level::as_str);
        let metrics = Metrics {
            pulls: CounterVec::two(
                &["listener", "outcome"],
                &["mirror", "gateway", "proxy"],
                &["served", "blocked"],
            ),
            canaries: CounterVec::two(
                &["listener", "outcome"],
                &["mirror", "gateway", "proxy"],
                &["served", "blocked"],
            ),
            verdicts: CounterVec::one(&["outcome"], ["allowed", "denied", "audited"]),
            findings: CounterVec::two(&["code", "level"], &codes, &levels),
            cache_hits: CounterVec::one(&["kind"], KINDS.iter().copied()),
            cache_misses: CounterVec::one(&["kind"], KINDS.iter().copied()),
            fills: CounterVec::one(&["result"], ["complete", "failed"]),
            upstream_requests: OnceLock::new(),
            upstream_seconds: Histogram::default(),
            verdict_seconds: Histogram::default(),
            store_bytes: Gauge::default(),
            store_evictions: Counter::default(),
            reload_successful: Gauge::default(),
            reload_timestamp: Gauge::default(),
            connections: Gauge::default(),
            pull_bytes: Counter::default(),
            ledger_errors: Counter::default(),
            ledger_broken: Gauge::default(),
            notices: CounterVec::one(&["outcome"], ["told", "failed"]),
            root_refresh_failures: Counter::default(),
            suspected_bypasses: CounterVec::one(&["sign"], SIGNS.iter().copied()),
        };
        metrics.reload_successful.set(1);
        metrics
    }

    /// Names the registries whose requests are counted; only the first call counts.
    pub fn set_upstreams<'a>(&self, hosts: impl Iterator<Item = &'a str>) {
        let _ = self
            .upstream_requests
            .set(CounterVec::one(&["upstream"], hosts));
    }

    /// One request to a registry was answered or failed after `time`.
    pub fn upstream(&self, host: &str, time: Duration) {
        if let Some(requests) = self.upstream_requests.get() {
            requests.inc(&[host]);
        }
        self.upstream_seconds.observe(time);
    }

    /// One manifest was asked for at this listener (`mirror`, `gateway`).
    pub fn pull(&self, listener: &str, served: bool) {
        self.pulls
            .inc(&[listener, if served { "served" } else { "blocked" }]);
    }

    /// One manifest of the canary was asked for at this listener (`mirror`, `gateway`, `proxy`).
    pub fn canary(&self, listener: &str, served: bool) {
        self.canaries
            .inc(&[listener, if served { "served" } else { "blocked" }]);
    }

    /// One message was sent to a target.
    pub fn told(&self, reached: bool) {
        self.notices.inc(&[if reached { "told" } else { "failed" }]);
    }

    /// A client is suspected by this sign.
    pub fn suspected(&self, sign: &str) {
        self.suspected_bypasses.inc(&[sign]);
    }

    /// One look into the cache for this kind (`manifest`, `blob`, `tag`).
    pub fn cache(&self, kind: &str, hit: bool) {
        let counters = if hit {
            &self.cache_hits
        } else {
            &self.cache_misses
        };
        counters.inc(&[kind]);
    }

    /// One verdict after `time`; `permitted` though it denies means audit mode.
    pub fn verdict(&self, verdict: &Verdict, permitted: bool, time: Duration) {
        let outcome = match (verdict.allows(), permitted) {
            (true, _) => "allowed",
            (false, true) => "audited",
            (false, false) => "denied",
        };
        self.verdicts.inc(&[outcome]);
        for finding in &verdict.findings {
            self.findings
                .inc(&[finding.code.as_str(), finding.level.as_str()]);
        }
        self.verdict_seconds.observe(time);
    }

    /// A file was loaded again, or could not be.
    pub fn reloaded(&self, good: bool, at: Timestamp) {
        self.reload_successful.set(i64::from(good));
        if good {
            self.reload_timestamp.set(at.as_second());
        }
    }

    /// The text exposition format 0.0.4 of Prometheus.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        for (name, help, family) in self.of_pulls().into_iter().chain(self.of_server()) {
            show(out, name, help, family)?;
        }
        if let Some(requests) = self.upstream_requests.get() {
            show(
                out,
                "lazaret_upstream_requests_total",
                "Requests to registries.",
                requests,
            )?;
        }
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            out,
            "# HELP lazaret_build_info The version that runs.\n# TYPE lazaret_build_info gauge\nlazaret_build_info{{version=\"{version}\"}} 1"
        )
    }

    fn of_pulls(&self) -> [Family<'_>; 11] {
        [
            ("lazaret_pulls_total", "Manifests asked for.", &self.pulls),
            (
                "lazaret_canaries_total",
                "Manifests of the canary asked for.",
                &self.canaries,
            ),
            (
                "lazaret_verdicts_total",
                "Verdicts reached.",
                &self.verdicts,
            ),
            (
                "lazaret_findings_total",
                "Findings of verdicts.",
                &self.findings,
            ),
            (
                "lazaret_cache_hits_total",
                "Asked for and there.",
                &self.cache_hits,
            ),
            (
                "lazaret_cache_misses_total",
                "Asked for and not there.",
                &self.cache_misses,
            ),
            (
                "lazaret_fills_total",
                "Downloads into the store.",
                &self.fills,
            ),
            (
                "lazaret_upstream_seconds",
                "Time to a registry's answer.",
                &self.upstream_seconds,
            ),
            (
                "lazaret_verdict_seconds",
                "Time to a verdict.",
                &self.verdict_seconds,
            ),
            (
                "lazaret_pull_bytes_total",
                "Bytes of blobs sent to clients.",
                &self.pull_bytes,
            ),
            (
                "lazaret_suspected_bypass_total",
                "Clients that may have gone past the gate, by what shows it.",
                &self.suspected_bypasses,
            ),
        ]
    }

    fn of_server(&self) -> [Family<'_>; 9] {
        [
            (
                "lazaret_store_bytes",
                "Bytes of blobs on disk.",
                &self.store_bytes,
            ),
            (
                "lazaret_store_evictions_total",
                "Blobs removed for room.",
                &self.store_evictions,
            ),
            (
                "lazaret_config_last_reload_successful",
                "1 when the last reload was good.",
                &self.reload_successful,
            ),
            (
                "lazaret_config_last_reload_timestamp_seconds",
                "Time of the last good reload.",
                &self.reload_timestamp,
            ),
            (
                "lazaret_connections",
                "Open client connections.",
                &self.connections,
            ),
            (
                "lazaret_ledger_errors_total",
                "Transactions that the ledger could not commit.",
                &self.ledger_errors,
            ),
            (
                "lazaret_ledger_broken",
                "1 when the last reading of the whole ledger found it changed.",
                &self.ledger_broken,
            ),
            (
                "lazaret_notices_total",
                "Messages sent to targets of notifications.",
                &self.notices,
            ),
            (
                "lazaret_root_refresh_failures_total",
                "Refreshes of trusted roots that failed.",
                &self.root_refresh_failures,
            ),
        ]
    }
}

/// Name, help and the numbers.
type Family<'a> = (&'static str, &'static str, &'a dyn Show);

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_what_was_seen() {
        let metrics = Metrics::new();
        metrics.pull("mirror", true);
        metrics.pull("elsewhere", true);
        metrics.cache("blob", false);
        metrics.set_upstreams(["docker.io", "a\"\\\nb"].into_iter());
        metrics.upstream("docker.io", Duration::from_millis(2));
        metrics.upstream("evil.example", Duration::from_secs(500));
        metrics.reloaded(false, Timestamp::UNIX_EPOCH);
        let text = metrics.render();
        for line in [
            "# HELP lazaret_pulls_total Manifests asked for.",
            "# TYPE lazaret_pulls_total counter",
            "lazaret_pulls_total{listener=\"mirror\",outcome=\"served\"} 1",
            "lazaret_pulls_total{listener=\"gateway\",outcome=\"served\"} 0",
            "lazaret_cache_misses_total{kind=\"blob\"} 1",
            "lazaret_findings_total{code=\"name-squat\",level=\"deny\"} 0",
            "lazaret_upstream_requests_total{upstream=\"docker.io\"} 1",
            "lazaret_upstream_requests_total{upstream=\"a\\\"\\\\\\nb\"} 0",
            "lazaret_upstream_seconds_bucket{le=\"0.001\"} 0",
            "lazaret_upstream_seconds_bucket{le=\"0.005\"} 1",
            "lazaret_upstream_seconds_bucket{le=\"+Inf\"} 2",
            "lazaret_upstream_seconds_sum 500.002",
            "lazaret_upstream_seconds_count 2",
            "lazaret_config_last_reload_successful 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("evil"), "labels are bounded");
    }
}
