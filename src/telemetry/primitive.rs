//! Counters, gauges and histograms: atomics with labels fixed in advance, so that nothing an outsider
//! sends can add a series.

use std::{
    fmt::Write,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// Adds to it; a negative number takes away.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// A counter for each set of label values, all sets known when it is made.
#[derive(Debug)]
pub struct CounterVec {
    names: &'static [&'static str],
    series: Vec<(Vec<String>, Counter)>,
}

impl CounterVec {
    /// One label.
    pub(super) fn one<S: Into<String>>(
        names: &'static [&'static str; 1],
        values: impl IntoIterator<Item = S>,
    ) -> CounterVec {
        let series = values
            .into_iter()
            .map(|value| (vec![value.into()], Counter::default()))
            .collect();
        CounterVec { names, series }
    }

    /// Two labels, every pair of their values.
    pub(super) fn two(
        names: &'static [&'static str; 2],
        first: &[&str],
        second: &[&str],
    ) -> CounterVec {
        let pairs = first.iter().flat_map(|a| {
            second
                .iter()
                .map(|b| vec![(*a).to_owned(), (*b).to_owned()])
        });
        CounterVec {
            names,
            series: pairs.map(|pair| (pair, Counter::default())).collect(),
        }
    }

    /// The counter of these label values, in the order of the names; `None` for values not foreseen.
    pub fn with(&self, values: &[&str]) -> Option<&Counter> {
        self.series
            .iter()
            .find(|(known, _)| known.iter().map(String::as_str).eq(values.iter().copied()))
            .map(|(_, counter)| counter)
    }

    /// One more for these label values; values not foreseen are not counted.
    pub fn inc(&self, values: &[&str]) {
        if let Some(counter) = self.with(values) {
            counter.inc();
        }
    }
}

/// Upper bounds of the buckets, in microseconds: from a warm answer to the longest hold.
const BOUNDS: [u64; 14] = [
    100,
    500,
    1_000,
    5_000,
    10_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000,
    30_000_000,
    120_000_000,
];

/// How long things take.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    /// One thing took so long.
    pub fn observe(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        BOUNDS
            .iter()
            .zip(&self.buckets)
            .find(|(bound, _)| micros <= **bound)
            .map_or(&self.beyond, |(_, bucket)| bucket)
            .fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }
}

/// A thing that can be written in the text exposition format 0.0.4 of Prometheus.
pub(super) trait Show {
    /// Prometheus's word for it.
    fn kind(&self) -> &'static str;
    fn samples(&self, name: &str, out: &mut String) -> std::fmt::Result;
}

/// Writes one family with its head.
pub(super) fn show(
    out: &mut String,
    name: &str,
    help: &str,
    metric: &dyn Show,
) -> std::fmt::Result {
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {}", metric.kind())?;
    metric.samples(name, out)
}

impl Show for Counter {
    fn kind(&self) -> &'static str {
        "counter"
    }
    fn samples(&self, name: &str, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{name} {}", self.get())
    }
}

impl Show for Gauge {
    fn kind(&self) -> &'static str {
        "gauge"
    }
    fn samples(&self, name: &str, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{name} {}", self.get())
    }
}

impl Show for CounterVec {
    fn kind(&self) -> &'static str {
        "counter"
    }
    fn samples(&self, name: &str, out: &mut String) -> std::fmt::Result {
        for (values, counter) in &self.series {
            let labels: Vec<String> = self
                .names
                .iter()
                .zip(values)
                .map(|(label, value)| format!("{label}=\"{}\"", escape(value)))
                .collect();
            writeln!(out, "{name}{{{}}} {}", labels.join(","), counter.get())?;
        }
        Ok(())
    }
}

impl Show for Histogram {
    fn kind(&self) -> &'static str {
        "histogram"
    }
    fn samples(&self, name: &str, out: &mut String) -> std::fmt::Result {
        let mut count = 0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            count += bucket.load(Relaxed);
            let le = Duration::from_micros(*bound).as_secs_f64();
            writeln!(out, "{name}_bucket{{le=\"{le}\"}} {count}")?;
        }
        count += self.beyond.load(Relaxed);
        let sum = Duration::from_micros(self.micros.load(Relaxed)).as_secs_f64();
        writeln!(
            out,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"
        )
    }
}

/// A label value between its quotes.
pub(super) fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
