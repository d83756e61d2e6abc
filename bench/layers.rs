//! What reading a layer costs: MB/s of one core over a generated layer, by compression.
//!
//! `cargo bench --bench layers` prints the table. The layer is made of files of the compiler that runs this, or of
//! generated text where there are none, so that it compresses as programs do; nothing is downloaded.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that panics is a bench that says where"
)]

#[path = "../tests/support/tarball.rs"]
#[allow(dead_code, reason = "the tests take more of it")]
mod tarball;

use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lazaret::scan::{LayerFacts, Limits, read_layer};
use sha2::{Digest as _, Sha256};

/// Bytes of the generated tar.
const TAR_BYTES: usize = 256 << 20;
/// Bytes of one file: what does not fit is cut into several.
const FILE_BYTES: usize = 4 << 20;
/// Rounds; the best counts, so that other work on the machine does not.
const ROUNDS: usize = 5;
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

fn main() {
    let tar = tar();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(&tar).unwrap();
    let layers = [
        ("gzip -6", GZIP, gzip.finish().unwrap()),
        (
            "zstd -3",
            ZSTD,
            zstd::encode_all(tar.as_slice(), 3).unwrap(),
        ),
        ("plain", PLAIN, tar.clone()),
    ];
    println!(
        "{} MB of tar, best of {ROUNDS}, MB/s of one core",
        megabytes(tar.len())
    );
    println!("| layer   | MB sent | unpacked MB/s | sent MB/s | decompression and hash alone |");
    println!("|---------|--------:|--------------:|----------:|-----------------------------:|");
    for (name, media_type, layer) in &layers {
        let (spent, facts) = best(media_type, layer);
        assert_eq!(facts.counts.tar_bytes, tar.len() as u64);
        let rate = |bytes: usize| bytes as f64 / 1e6 / spent.as_secs_f64();
        let sent = megabytes(layer.len());
        println!(
            "| {name:7} | {sent:7} | {:13.0} | {:9.0} | {:28.0} |",
            rate(tar.len()),
            rate(layer.len()),
            tar.len() as f64 / 1e6 / alone(media_type, layer).as_secs_f64(),
        );
    }
    if let Some(peak) = peak() {
        println!("peak memory of the process, layers included: {peak} MB");
    }
}

fn megabytes(bytes: usize) -> usize {
    bytes / 1_000_000
}

fn best(media_type: &str, layer: &[u8]) -> (Duration, LayerFacts) {
    let mut rounds = (0..ROUNDS).map(|_| {
        let started = spent();
        let facts = read_layer(media_type, None, layer, &Limits::default()).unwrap();
        (spent().saturating_sub(started), facts)
    });
    let first = rounds.next().unwrap();
    rounds.fold(
        first,
        |best, round| if round.0 < best.0 { round } else { best },
    )
}

/// The least that a layer can cost: unpacked and hashed as it comes and as it is unpacked, with nobody looking into it.
fn alone(media_type: &str, layer: &[u8]) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let started = spent();
        let mut unpacked: Box<dyn Read> = match media_type {
            GZIP => Box::new(flate2::read::GzDecoder::new(layer)),
            ZSTD => Box::new(zstd::Decoder::new(layer).unwrap()),
            _ => Box::new(layer),
        };
        let (mut sent, mut inside, mut piece) = (Sha256::new(), Sha256::new(), vec![0; 64 << 10]);
        sent.update(layer);
        loop {
            let count = unpacked.read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            inside.update(&piece[..count]);
        }
        std::hint::black_box((sent.finalize(), inside.finalize()));
        spent().saturating_sub(started)
    });
    rounds.min().unwrap()
}

/// Time that this thread has run, where the system tells; else of the clock.
fn spent() -> Duration {
    thread_local!(static START: Instant = Instant::now());
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.with(Instant::elapsed), Duration::from_nanos)
}

fn peak() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1000)
}

fn tar() -> Vec<u8> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.map(|output| String::from_utf8(output.stdout).unwrap());
    let mut files = Vec::new();
    collect(Path::new(sysroot.unwrap_or_default().trim()), &mut files);
    files.sort();
    let mut tar = Vec::with_capacity(TAR_BYTES + FILE_BYTES);
    for file in &files {
        for (at, part) in fs::read(file)
            .unwrap_or_default()
            .chunks(FILE_BYTES)
            .enumerate()
        {
            let name = format!("usr/lib/{at}-{}", tar.len());
            tarball::entry(&mut tar, &name, b'0', "", part);
            if tar.len() >= TAR_BYTES {
                return tarball::ended(tar);
            }
        }
    }
    let mut number = 0_u64;
    while tar.len() < TAR_BYTES {
        let text = (0..20_000).map(|_| {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            format!("line {:x}\n", number >> 40)
        });
        let text: String = text.collect();
        let name = format!("usr/share/{}", tar.len());
        tarball::entry(&mut tar, &name, b'0', "", text.as_bytes());
    }
    tarball::ended(tar)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
