//! `lazaret doctor`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum as _;
use jiff::Timestamp;

use super::args::DoctorArgs;
use super::doctor_machine::{egress, find};
use super::doctor_server::Asked;
use super::wire::{Trouble, about, exit, runtime, server};
use super::{ca, output, programs, setup_files, setup_wanted};
use crate::canary::Canary;
use crate::clients::{
    Checked, Client, Diagnosis, Facts, Heard, Program, Report, Tried, Wanted, diagnose, infer,
    judge, of_authorities, of_egress, of_listener, of_mode, prometheus, text,
};
use crate::config::Server;
use crate::telemetry;

/// Longest time to forget an image.
const FORGET: Duration = Duration::from_secs(60);

pub(super) fn doctor(args: &DoctorArgs) -> ExitCode {
    exit(runtime().and_then(|runtime| runtime.block_on(run(args))))
}

async fn run(args: &DoctorArgs) -> Result<u8, Trouble> {
    let server = server(args.config.as_deref())?;
    let known = setup_wanted::registries(&server, &args.registry)?;
    let asked = Asked::new(&server, args.admin.as_deref())?;
    let mut report = Report::default();
    let machine = find(args, &known).await?;
    report.skipped = machine.skipped;
    let mut diagnoses = machine.diagnoses;
    let mut told: Vec<Client> = Vec::new();
    for (program, version, facts) in machine.programs {
        let client = program.client();
        let mut checked = Checked {
            program: program.name(),
            version,
            tried: Vec::new(),
            diagnoses: Vec::new(),
        };
        if !told.contains(&client) && !matches!(program, Program::Buildx(_)) {
            told.push(client);
            if let Some(wanted) = wanted(args, client, &known)? {
                let disk = setup_files::disk(&args.root, client)?;
                checked.diagnoses = diagnose(&wanted, &disk, &facts);
            }
        }
        let mut served = Vec::new();
        for registry in registries(args) {
            let (tried, by) = try_at(args, &program, &registry, &asked, &mut report).await?;
            checked.tried.push(tried);
            served = by;
        }
        let astray = astray(args, client, &known, &checked.tried, &served)?;
        checked.diagnoses.splice(0..0, astray);
        if let Some(end) = program.end() {
            let _ = programs::run(&end, FORGET).await;
        }
        report.checked.push(checked);
    }
    for client in led(args) {
        diagnoses.extend(of_files(args, client)?);
    }
    if !args.no_egress_check {
        let mut ours = address_hosts(args, &known)?;
        ours.extend(asked.host());
        let reached = egress(&server, &known, &ours).await?;
        diagnoses.extend(of_egress(&reached));
    }
    report.diagnoses.append(&mut diagnoses);
    tell(args, &server, &report)
}

fn registries(args: &DoctorArgs) -> Vec<String> {
    match args.registry.is_empty() {
        true => vec!["docker.io".to_owned()],
        false => args.registry.clone(),
    }
}

/// What a client is set up for: by the journal of `lazaret setup`, else by what its files seem to say.
pub(super) fn wanted(
    args: &DoctorArgs,
    client: Client,
    known: &[String],
) -> Result<Option<Wanted>, Trouble> {
    let root = args.root.as_path();
    if let Some(journal) = setup_files::journal(root, client)? {
        return setup_wanted::remembered(root, &journal).map(Some);
    }
    Ok(infer(client, &setup_files::disk(root, client)?, known))
}

/// What leads programs to Lazaret beside their own files, and is not seen in what a pull says: k3s writes containerd's files
/// itself, and has the registry as last endpoint unless it is told otherwise.
fn led(args: &DoctorArgs) -> impl Iterator<Item = Client> {
    let asked = |client: &Client| {
        let of_k3s = |id: &String| ["ctr", "crictl"].contains(&id.as_str());
        *client == Client::Machine || args.client.is_empty() || args.client.iter().any(of_k3s)
    };
    let all = [Client::K3s, Client::Rke2, Client::Machine];
    all.into_iter().filter(asked)
}

/// What is wrong with the files of a client that `lazaret setup` has written.
fn of_files(args: &DoctorArgs, client: Client) -> Result<Vec<Diagnosis>, Trouble> {
    let root = args.root.as_path();
    let Some(journal) = setup_files::journal(root, client)? else {
        return Ok(Vec::new());
    };
    let wanted = setup_wanted::remembered(root, &journal)?;
    let disk = setup_files::disk(root, client)?;
    Ok(diagnose(&wanted, &disk, &Facts::default()))
}

/// Hosts that are Lazaret: reaching them is no way round it.
fn address_hosts(args: &DoctorArgs, known: &[String]) -> Result<Vec<(String, u16)>, Trouble> {
    let mut hosts = Vec::new();
    for client in Client::value_variants() {
        if let Some(wanted) = wanted(args, *client, known)? {
            hosts.push((wanted.address.host().to_owned(), wanted.address.port()));
        }
    }
    Ok(hosts)
}

/// What is wrong with where the pulls arrived, and with what the client trusts of what is `served` there.
fn astray(
    args: &DoctorArgs,
    client: Client,
    known: &[String],
    tried: &[Tried],
    served: &[String],
) -> Result<Vec<Diagnosis>, Trouble> {
    let Some(wanted) = wanted(args, client, known)? else {
        return Ok(Vec::new());
    };
    let mut listeners = tried.iter().filter_map(|tried| tried.listener.as_deref());
    let astray = listeners.find_map(|listener| of_listener(&wanted, listener));
    let trusted = ca::fingerprints_of(wanted.ca.as_deref().unwrap_or_default());
    let old = of_authorities(&wanted, &trusted, served);
    Ok(astray.into_iter().chain(old).collect())
}

/// Both canaries at one registry; and the authorities by which the server answers.
async fn try_at(
    args: &DoctorArgs,
    program: &Program,
    registry: &str,
    asked: &Asked,
    report: &mut Report,
) -> Result<(Tried, Vec<String>), Trouble> {
    let nonce = ulid::Ulid::generate().to_string().to_ascii_lowercase();
    let allowed = pull(args, program, Canary::Allowed, registry, &nonce).await?;
    let denied = pull(args, program, Canary::Denied, registry, &nonce).await?;
    let answer = asked.about(&nonce).await;
    if let Some(answer) = &answer {
        report.server = Some(asked.url().to_owned());
        let audit = of_mode(&answer.mode);
        if !report
            .diagnoses
            .iter()
            .any(|one| Some(one) == audit.as_ref())
        {
            report.diagnoses.extend(audit);
        }
    }
    let name = Canary::Denied.reference(registry, &nonce);
    let repository = name
        .rsplit_once(':')
        .map_or("", |(repository, _)| repository);
    let listener = answer.as_ref().map(|answer| answer.listener(repository));
    let reached = listener.as_ref().map(Option::is_some);
    let outcome = judge(&allowed, &denied, &nonce, reached);
    let tried = Tried {
        registry: registry.to_owned(),
        reached,
        listener: listener.flatten(),
        allowed: allowed.code == Some(0),
        denied: denied.code != Some(0),
        reason: denied.said.contains(&crate::canary::proof(&nonce)),
        outcome,
        said: last_line(&denied.said),
        nonce,
    };
    Ok((
        tried,
        answer.map_or_else(Vec::new, |answer| answer.authorities),
    ))
}

/// The last line with something in it: where programs put their error.
fn last_line(said: &str) -> String {
    let plain = |line: &&str| !line.trim().is_empty();
    let line = said.lines().rfind(plain).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}

async fn pull(
    args: &DoctorArgs,
    program: &Program,
    canary: Canary,
    registry: &str,
    nonce: &str,
) -> Result<Heard, Trouble> {
    let image = canary.reference(registry, nonce);
    let folder = tempdir(nonce, &image)?;
    let limit = Duration::from_secs(u64::from(args.timeout));
    let command = program.pull(&image, &folder.0.to_string_lossy());
    let heard = programs::run(&command, limit).await;
    let heard = heard.map_err(|error| Trouble::Other(format!("{}: {error}", program.name())))?;
    if heard.code == Some(0)
        && let Some(forget) = program.forget(&image)
    {
        let _ = programs::run(&forget, FORGET).await;
    }
    Ok(heard)
}

/// A folder with a `Dockerfile`; it goes when this does.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tempdir(nonce: &str, image: &str) -> Result<Folder, Trouble> {
    let path = std::env::temp_dir().join(format!("lazaret-doctor-{nonce}"));
    std::fs::create_dir(&path).map_err(about(&path))?;
    let folder = Folder(path);
    let file = folder.0.join("Dockerfile");
    std::fs::write(&file, format!("FROM {image}\n")).map_err(about(&file))?;
    Ok(folder)
}

/// Prints the report, and writes the metrics.
fn tell(args: &DoctorArgs, server: &Server, report: &Report) -> Result<u8, Trouble> {
    let code = report.code(args.strict);
    if let Some(file) = &args.textfile {
        write_metrics(file, report, telemetry::now())?;
    }
    if args.json {
        let mut value = serde_json::json!(report);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("exit_code".to_owned(), code.into());
        }
        output::out(value);
        return Ok(code);
    }
    output::out(text(report, output::colour()).trim_end());
    if report.server.is_none() && !report.checked.is_empty() {
        output::err(format_args!(
            "the server could not be asked at {}: judged by the refusal's proof alone (--admin URL)",
            Asked::place(server, args.admin.as_deref())
        ));
    }
    output::err(match code {
        0 => "all hold",
        1 => "something does NOT hold",
        _ => "not known of all",
    });
    Ok(code)
}

/// Replaced at once: node_exporter may read at any time.
fn write_metrics(file: &Path, report: &Report, now: Timestamp) -> Result<(), Trouble> {
    let new = file.with_extension("prom.new");
    std::fs::write(&new, prometheus(report, now)).map_err(about(&new))?;
    std::fs::rename(&new, file).map_err(about(file))
}
