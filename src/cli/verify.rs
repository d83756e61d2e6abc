//! `lazaret verify`.

use std::process::ExitCode;

use super::check::Scratch;
use super::wire::{Trouble, build, exit, known_roots, policy_with, runtime, server};
use super::{REFUSED, VerifyArgs, output};
use crate::evidence::{Found, signatures_of};
use crate::oci::{Reference, Target};
use crate::trust::Says;

pub(super) fn verify(args: VerifyArgs) -> ExitCode {
    let done = runtime().and_then(|runtime| runtime.block_on(run(args)));
    exit(done)
}

async fn run(args: VerifyArgs) -> Result<u8, Trouble> {
    let other = |error: &dyn std::fmt::Display| Trouble::Other(format!("{}: {error}", args.image));
    let server = server(args.config.as_deref())?;
    let loaded = policy_with(
        args.policy.or_else(|| server.policy.clone()),
        &known_roots(&server.data_dir),
    )?;
    let folder = Scratch::new();
    let built = build(&server, loaded.policy.clone(), folder.path()).await?;
    let reference: Reference = args.image.parse().map_err(|error| other(&error))?;
    let content = built.admission.content();
    let upstream = content
        .upstream(reference.repository())
        .map_err(|error| other(&error))?;
    let digest = match reference.target() {
        Target::Digest(digest) => digest,
        tag => {
            let resolved = upstream.resolve(reference.repository(), &tag).await;
            resolved.map_err(|error| other(&error))?.digest
        }
    };
    let (found, incomplete) = signatures_of(content, &reference, digest, &loaded.policy)
        .await
        .map_err(|error| other(&error))?;
    if !args.json {
        output::out(format_args!("{}", reference.repository().at_digest(digest)));
    }
    for found in &found {
        if args.json {
            output::out(as_json(found));
        } else {
            show(found);
        }
    }
    if let Some(why) = incomplete {
        output::err(format_args!("warning: there may be more: {why}"));
    }
    if found.is_empty() && !args.json {
        output::out("  no signature and no attestation");
    }
    let vouched = found
        .iter()
        .any(|found| found.identity.is_some() || !found.signers.is_empty());
    Ok(if vouched { 0 } else { REFUSED })
}

fn show(found: &Found) {
    let what = match &found.says {
        Some(Says::Signature { .. }) => "signature".to_owned(),
        Some(Says::Attestation(statement)) => format!("attestation {}", statement.predicate_type),
        None => "unreadable".to_owned(),
    };
    output::out(format_args!("  {what}, {}", found.place));
    if let Some(Says::Signature {
        reference: Some(name),
    }) = &found.says
    {
        output::out(format_args!("    under     {name}"));
    }
    for signer in &found.signers {
        output::out(format_args!(
            "    signer    [signer.{signer}] of the policy"
        ));
    }
    if let Some(at) = found.at {
        output::out(format_args!(
            "    at        {}",
            at.strftime("%Y-%m-%d %H:%M:%S UTC")
        ));
    }
    match &found.identity {
        Some(seen) => {
            output::out("    to trust  kind = \"keyless\"");
            output::out(format_args!("              issuer = {:?}", seen.issuer));
            output::out(format_args!("              subject = {:?}", seen.subject));
        }
        None => found
            .refusals
            .iter()
            .for_each(|why| output::out(format_args!("    refused   {why}"))),
    }
}

fn as_json(found: &Found) -> serde_json::Value {
    let (kind, reference) = match &found.says {
        Some(Says::Signature { reference }) => ("signature", reference.clone()),
        Some(Says::Attestation(statement)) => {
            ("attestation", Some(statement.predicate_type.clone()))
        }
        None => ("unreadable", None),
    };
    serde_json::json!({
        "found": found.place, "kind": kind, "about": reference, "signers": found.signers, "at": found.at,
        "identity": found.identity.as_ref().map(|seen| serde_json::json!({
            "issuer": seen.issuer, "subject": seen.subject, "root": seen.root,
        })),
        "refusals": found.refusals,
    })
}
