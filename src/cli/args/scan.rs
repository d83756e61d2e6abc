//! `lazaret scan`: what may be said.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::DataArgs;

/// How bad a vulnerability is, for `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Severity {
    /// Any at all, of unknown severity too.
    Any,
    /// CVSS 0.1 to 3.9 and worse.
    Low,
    /// CVSS 4.0 and worse.
    Medium,
    /// CVSS 7.0 and worse.
    High,
    /// CVSS 9.0 and worse.
    Critical,
}

/// Formats of bills of material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sbom {
    /// CycloneDX 1.6, JSON, with vulnerabilities.
    Cyclonedx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// `lazaret scan`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Targets:\n  nginx:1.27, ghcr.io/acme/app@sha256:…   an image, through the configured registries\n  oci:FOLDER, ./layout                    an OCI layout\n  archive:FILE, image.tar, image.tar.gz   what docker save or skopeo writes\n  dir:FOLDER, /mnt/root                   a root file system\n\nExamples:\n  lazaret scan nginx:1.27\n  lazaret scan --fail-on high --only-fixable image.tar\n  lazaret scan --sarif scan.sarif ./layout\n  lazaret scan --sbom cyclonedx nginx:1.27 > nginx.cdx.json\n\nThe policy is not asked: lazaret check judges. Exits with 1 when --fail-on is met or something is made to do harm,\nexploited in the wild or unknown, and --fail-on is given; with 2 when there is no result."
)]
pub struct ScanArgs {
    /// Images, archives and folders.
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    /// For which platform, where there are several; default: this machine's, with linux.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,
    /// Leave out what has no fix.
    #[arg(long)]
    pub only_fixable: bool,
    /// Exit with 1 when something is so bad.
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Print JSON, an object a line for each image.
    #[arg(long)]
    pub json: bool,
    /// Write SARIF; `-` is stdout.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Print a bill of materials instead of what is wrong.
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["json", "sarif"])]
    pub sbom: Option<Sbom>,
    /// Settings, and where the advisories lie.
    #[command(flatten)]
    pub data: DataArgs,
}
