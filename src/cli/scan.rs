//! `lazaret scan`.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::check::Scratch;
use super::wire::{Trouble, about, exit, runtime, scanner, settings, upstreams};
use super::{FAILED, REFUSED, Sbom, ScanArgs, ScanSeverity, output};
use crate::evidence::{Content, Scanner, open_local};
use crate::oci::{Platform, Reference};
use crate::policy::{Paint, Severity};
use crate::report::{Survey, cyclonedx, json, sarif, spdx, text};
use crate::store::Store;

/// Endings of archives.
const ARCHIVES: [&str; 3] = [".tar", ".tar.gz", ".tgz"];

pub(super) fn scan(args: ScanArgs) -> ExitCode {
    let done = runtime().and_then(|runtime| runtime.block_on(run(args)));
    exit(done)
}

/// What is to be looked into.
enum Target {
    Image(Reference),
    Local(PathBuf),
}

impl Target {
    fn parse(written: &str) -> Result<Target, Trouble> {
        for prefix in ["oci:", "archive:", "dir:"] {
            if let Some(path) = written.strip_prefix(prefix) {
                return Ok(Target::Local(path.into()));
            }
        }
        let path = ["/", "./", "../"]
            .iter()
            .any(|start| written.starts_with(start));
        let named = path || written == "." || ARCHIVES.iter().any(|end| written.ends_with(end));
        if named {
            return Ok(Target::Local(written.into()));
        }
        let reference = written.parse().map(Target::Image);
        reference.map_err(|error| Trouble::Other(format!("{written}: {error}")))
    }
}

/// Reads in a folder of its own, which is gone after; the advisories are a server's.
async fn run(args: ScanArgs) -> Result<u8, Trouble> {
    let server = settings(&args.data)?;
    let platform = platform(args.platform.as_deref())?;
    let targets: Vec<Target> = args
        .targets
        .iter()
        .map(|written| Target::parse(written))
        .collect::<Result<_, _>>()?;
    let folder = Scratch::new();
    std::fs::create_dir_all(folder.path()).map_err(about(folder.path()))?;
    let store = Store::open(folder.path(), server.cache.max_size).await;
    let store = store.map_err(about(folder.path()))?;
    let content = Arc::new(Content::new(store, Arc::new(upstreams(&server)?)));
    let scanner = scanner(&server, folder.path(), None)?;
    let (mut code, mut all) = (0, Vec::new());
    for (target, written) in targets.iter().zip(&args.targets) {
        match look(&scanner, &content, target, &platform, folder.path()).await {
            Ok(surveys) => {
                for survey in surveys {
                    show(&args, &survey);
                    code = code.max(verdict(&args, &survey));
                    all.push(survey);
                }
            }
            Err(why) => {
                fail(&args, written, &why);
                code = FAILED;
            }
        }
    }
    if let Some(file) = &args.sarif {
        write(file, &sarif(&all).to_string())?;
    }
    Ok(code)
}

fn platform(written: Option<&str>) -> Result<Platform, Trouble> {
    let usual = match std::env::consts::ARCH {
        "x86_64" => "linux/amd64",
        "aarch64" => "linux/arm64",
        _ => "linux/riscv64",
    };
    let parsed = written.unwrap_or(usual).parse();
    parsed.map_err(|error| Trouble::Other(format!("--platform: {error}")))
}

async fn look(
    scanner: &Arc<Scanner>,
    content: &Arc<Content>,
    target: &Target,
    platform: &Platform,
    scratch: &Path,
) -> Result<Vec<Survey>, String> {
    let terminal = io::stderr().is_terminal();
    let mut progress = |done: usize, all: usize| {
        if terminal {
            output::status(&format!("{done} of {all} layers read"));
        }
    };
    let surveys = match target {
        Target::Image(reference) => {
            scanner
                .survey(content, reference, platform, &mut progress)
                .await
        }
        Target::Local(path) => {
            let (path, platform, scratch) = (path.clone(), platform.clone(), scratch.to_owned());
            let named = path.display().to_string();
            let opened =
                tokio::task::spawn_blocking(move || open_local(&path, &platform, &scratch));
            let images = opened.await.map_err(|error| error.to_string())??;
            let mut surveys = Vec::new();
            for mut image in images {
                image.name.get_or_insert_with(|| named.clone());
                surveys.push(scanner.survey_local(image, &mut progress).await?);
            }
            Ok(surveys)
        }
    };
    if terminal {
        output::status("");
    }
    surveys
}

fn show(args: &ScanArgs, survey: &Survey) {
    let silent = args.sarif.as_deref() == Some(Path::new("-"));
    match args.sbom {
        Some(Sbom::Cyclonedx) => output::out(cyclonedx(survey)),
        Some(Sbom::Spdx) => output::out(spdx(survey)),
        None if args.json => output::out(json(survey)),
        None if silent => {}
        None => {
            let paint = if output::colour() {
                Paint::Ansi
            } else {
                Paint::Plain
            };
            output::out(text(survey, args.only_fixable, paint));
        }
    }
}

/// What is unknown is not clean.
fn verdict(args: &ScanArgs, survey: &Survey) -> u8 {
    let Some(level) = args.fail_on else {
        return 0;
    };
    let level = match level {
        ScanSeverity::Any => Severity::Unknown,
        ScanSeverity::Low => Severity::Low,
        ScanSeverity::Medium => Severity::Medium,
        ScanSeverity::High => Severity::High,
        ScanSeverity::Critical => Severity::Critical,
    };
    let counts = |one: &&crate::policy::Vulnerability| {
        !args.only_fixable || one.fixed.is_some() || one.malicious || one.exploited
    };
    let unknown = survey.contents.unexplained.is_unknown() || !survey.contents.uncovered.is_empty();
    match unknown || survey.at_least(level).any(|one| counts(&one)) {
        true => REFUSED,
        false => 0,
    }
}

fn fail(args: &ScanArgs, target: &str, why: &str) {
    if args.json {
        output::out(serde_json::json!({ "target": target, "error": why }));
    } else {
        output::err(format_args!("error: {target}: {why}"));
    }
}

fn write(file: &Path, text: &str) -> Result<(), Trouble> {
    if file == Path::new("-") {
        output::out(text);
        return Ok(());
    }
    std::fs::write(file, format!("{text}\n")).map_err(about(file))
}
