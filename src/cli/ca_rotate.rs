//! `lazaret ca rotate`.

use jiff::Timestamp;

use super::ca::{self as own, other};
use super::wire::Trouble;
use super::{output, when};
use crate::ca;
use crate::config::Server;
use crate::telemetry;

/// What is asked for.
pub(super) enum Step {
    /// A new authority, which signs from a time on, if that is said.
    Make(Option<Timestamp>),
    /// It signs.
    Finish,
    /// It goes.
    Cancel,
}

/// The step that the flags ask for.
pub(super) fn step(on: Option<&str>, finish: bool, cancel: bool) -> Result<Step, Trouble> {
    let now = telemetry::now();
    let on = on.map(|text| when::ahead(text, now)).transpose();
    let on = on.map_err(|why| other(format!("--on: {why}")))?;
    Ok(match (finish, cancel) {
        (true, _) => Step::Finish,
        (_, true) => Step::Cancel,
        _ => Step::Make(on),
    })
}

/// Takes the step, and says what to do next.
pub(super) fn rotate(server: &Server, step: &Step, json: bool) -> Result<(), Trouble> {
    if let Some((certificate, _)) = &server.authority {
        return Err(other(format!(
            "{}: this authority is the company's: have it renewed there, and clients trust both meanwhile",
            certificate.display()
        )));
    }
    let (folder, now) = (own::folder(server), telemetry::now());
    // Also an error where there is none that could be followed.
    own::trusted(server)?;
    let then = match step {
        Step::Make(from) => {
            ca::rotate(&folder, &own::hosts(server)?, *from, now).map_err(other)?;
            "the old one signs on. Give clients both (lazaret ca export, lazaret setup CLIENT --apply), see that they know them (lazaret doctor), then: lazaret ca rotate --finish"
        }
        Step::Finish => {
            ca::finish(&folder).map_err(other)?;
            "the new one signs, and the old one is gone. Clients may forget it: lazaret ca export"
        }
        Step::Cancel => {
            ca::cancel(&folder, now).map_err(other)?;
            "the new one is gone, and the old one signs on"
        }
    };
    own::show(server, json)?;
    output::err(then);
    Ok(())
}
