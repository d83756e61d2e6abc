//! `lazaret trust …` and `lazaret publishers`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::wire::{Trouble, about};
use super::{FAILED, REFUSED, TrustCommand, VerifyBundleArgs, output, roots};
use crate::config::reload;
use crate::oci::Digest;
use crate::telemetry;
use crate::trust::{
    Hash, Image, Keyless, Material, PUBLIC_GOOD, PublicKey, Publisher, Root, Roots, Signer,
    SignerKind, Subject, examine,
};

pub(super) fn trust(command: TrustCommand) -> ExitCode {
    match command {
        TrustCommand::Show(args) => roots::show(&args),
        TrustCommand::Update { names, args } => roots::update(&names, &args),
        TrustCommand::VerifyBundle(args) => match verify(&args) {
            Ok(None) => {
                output::err("verified");
                ExitCode::SUCCESS
            }
            Ok(Some(why)) => {
                output::err(format_args!("not verified: {why}"));
                ExitCode::from(REFUSED)
            }
            Err(trouble) => {
                output::err(trouble);
                ExitCode::from(FAILED)
            }
        },
    }
}

/// Why not, if not.
fn verify(args: &VerifyBundleArgs) -> Result<Option<String>, Trouble> {
    let image = match args.artifact.parse::<Digest>() {
        Ok(digest) => Image {
            digest,
            manifest: None,
        },
        Err(_) => {
            let path = std::path::Path::new(&args.artifact);
            let bytes = std::fs::read(path).map_err(about(path))?;
            Image {
                digest: Digest::of(&bytes),
                manifest: Some(bytes.into()),
            }
        }
    };
    let mut roots = Roots::embedded();
    if let Some(file) = &args.trusted_root {
        let json = reload::read(file).map_err(about(file))?;
        match Root::parse(PUBLIC_GOOD, &json) {
            Ok(root) => roots.add(root),
            Err(why) => return Ok(Some(format!("{}: {why}", file.display()))),
        }
    }
    let kind = match kind(args)? {
        Ok(kind) => kind,
        Err(why) => return Ok(Some(why)),
    };
    let signer = Signer {
        name: "signer".to_owned(),
        kind,
    };
    let bundle = std::fs::read(&args.bundle).map_err(about(&args.bundle))?;
    let examined = examine(
        &Material::AnyBundle(bundle.into()),
        &image,
        &[&signer],
        &roots,
        telemetry::now(),
    );
    Ok(examined
        .signed
        .is_empty()
        .then(|| examined.refusals.join("; ")))
}

fn kind(args: &VerifyBundleArgs) -> Result<Result<SignerKind, String>, Trouble> {
    if let Some(file) = &args.key {
        let pem = reload::read(file).map_err(about(file))?;
        return Ok(PublicKey::from_pem(&pem).map(|keys| SignerKind::Key {
            keys,
            hash: Hash::Auto,
            log: Some(PUBLIC_GOOD.to_owned()),
        }));
    }
    let subject = args.certificate_identity.as_deref().unwrap_or_default();
    let issuer = args.certificate_oidc_issuer.clone().unwrap_or_default();
    Ok(Subject::parse(subject).map(|subject| {
        SignerKind::Keyless(Keyless {
            root: PUBLIC_GOOD.to_owned(),
            issuer,
            subject,
            claims: BTreeMap::new(),
        })
    }))
}

pub(super) fn publishers(id: Option<&str>, json: bool) -> ExitCode {
    let all = crate::trust::publishers();
    let chosen: Vec<&Publisher> = all
        .iter()
        .filter(|known| id.is_none_or(|id| known.id == id))
        .collect();
    if chosen.is_empty() {
        output::err(format_args!(
            "error: no publisher {}; `lazaret publishers` lists all",
            id.unwrap_or_default()
        ));
        return ExitCode::from(FAILED);
    }
    for known in chosen {
        if json {
            output::out(as_json(known));
        } else {
            output::out(format_args!("{:<20} {}", known.id, known.scope.join(" ")));
            output::out(format_args!("{:<20} {}", "", how(known)));
            output::out(format_args!(
                "{:<20} {} ({}, read {})",
                "", known.source, known.grade, known.read
            ));
        }
    }
    ExitCode::SUCCESS
}

fn how(known: &Publisher) -> String {
    match &known.kind {
        SignerKind::Keyless(keyless) => format!("{} by {}", keyless.subject, keyless.issuer),
        SignerKind::Notation(notation) => {
            let subjects: Vec<String> = notation.subjects.iter().map(ToString::to_string).collect();
            format!("certificates of {}", subjects.join(" or "))
        }
        #[cfg(feature = "pgp")]
        SignerKind::Pgp(_) => "OpenPGP keys".to_owned(),
        SignerKind::Key { keys, log, .. } => {
            let keys: Vec<String> = keys.iter().map(PublicKey::fingerprint).collect();
            let log = log.as_deref().map_or("no log", |_| "logged");
            format!("key {}, {log}", keys.join(" "))
        }
    }
}

fn as_json(known: &Publisher) -> serde_json::Value {
    let kind = match &known.kind {
        SignerKind::Keyless(keyless) => serde_json::json!({
            "kind": "keyless", "issuer": keyless.issuer, "subject": keyless.subject.to_string(),
        }),
        SignerKind::Notation(notation) => serde_json::json!({
            "subjects": notation.subjects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        #[cfg(feature = "pgp")]
        SignerKind::Pgp(_) => serde_json::json!({ "kind": "pgp" }),
        SignerKind::Key { keys, log, .. } => serde_json::json!({
            "kind": "key", "keys": keys.iter().map(PublicKey::fingerprint).collect::<Vec<_>>(), "log": log,
        }),
    };
    serde_json::json!({
        "id": known.id, "scope": known.scope, "signs": kind,
        "grade": known.grade, "source": known.source, "read": known.read,
    })
}
