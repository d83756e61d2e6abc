//! `lazaret vsa`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::wire::{Built, Trouble, exit, ledger, runtime, settings};
use super::{VsaArgs, VsaCommand, output};
use crate::config::{Server, VsaSettings};
use crate::console::latest;
use crate::gateway::Voucher;
use crate::ledger::{DecisionId, Ledger};
use crate::vsa::{VsaSigner, statement};

/// The key's file in the data folder.
const KEY: &str = "vsa.key";

pub(super) fn vsa(args: &VsaArgs) -> ExitCode {
    exit(match &args.command {
        Some(VsaCommand::Key { data }) => settings(data).and_then(|server| {
            output::raw(signer(&server)?.public_pem().as_bytes());
            Ok(0)
        }),
        None => runtime().and_then(|runtime| runtime.block_on(show(args))),
    })
}

/// Where a server's key is.
fn key(server: &Server) -> PathBuf {
    let named = server.vsa.as_ref().and_then(|vsa| vsa.key.clone());
    named.unwrap_or_else(|| server.data_dir.join(KEY))
}

/// The key, made where it is not there.
pub(super) fn signer(server: &Server) -> Result<VsaSigner, Trouble> {
    VsaSigner::open(&key(server)).map_err(|error| Trouble::Other(error.to_string()))
}

/// Who signs summaries for a server, where it is to.
pub(super) async fn voucher(
    server: &Server,
    built: &Built,
) -> Result<Option<Arc<Voucher>>, Trouble> {
    let Some(vsa) = &server.vsa else {
        return Ok(None);
    };
    let voucher = Voucher::new(signer(server)?, verifier(vsa), built.ledger.as_ref()).await;
    let voucher = voucher.map_err(|error| Trouble::Other(error.to_string()))?;
    Ok(Some(Arc::new(voucher)))
}

/// Who we are, as the file says it, without a slash at the end.
fn verifier(vsa: &VsaSettings) -> String {
    vsa.verifier.as_str().trim_end_matches('/').to_owned()
}

async fn show(args: &VsaArgs) -> Result<u8, Trouble> {
    let other = |error: &dyn std::fmt::Display| Trouble::Other(error.to_string());
    let server = settings(&args.data)?;
    let Some(vsa) = &server.vsa else {
        return Err(other(
            &"who vouches? The server's file has no [vsa]; see docs/vsa.md",
        ));
    };
    let what = args.what.as_deref().unwrap_or_default();
    let ledger = ledger(&args.data)?;
    let found = match what.parse::<DecisionId>() {
        Ok(id) => ledger.decision(id).await,
        Err(()) => latest(&ledger, what).await,
    };
    let decision = found.map_err(|error| other(&error))?;
    let decision = decision.ok_or_else(|| other(&format!("no decision about {what:?} is kept")))?;
    let Some(digest) = decision.digest else {
        return Err(other(
            &"its name alone was refused, so there is no image to say anything of",
        ));
    };
    let said = statement(&decision, &digest, &verifier(vsa));
    if args.statement {
        output::out(format_args!("{said:#}"));
        return Ok(0);
    }
    let bundle = signer(&server)?.bundle(&said);
    output::out(bundle.map_err(|error| other(&error))?);
    Ok(0)
}
