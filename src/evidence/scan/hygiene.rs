//! What an image shows of its author's care, in the words of the policy.

use jiff::Timestamp;

use super::lookers::Said;
use crate::policy::{Hygiene, LeftSecret, RaisingProgram};
use crate::scan::{Flaw, Inventory, System, end_of_life};

/// The judge's words for what the layers showed.
pub(super) fn judged(inventory: &Inventory, said: Said) -> Hygiene {
    let seen = &inventory.observed;
    let secrets = seen.secrets.first.iter().map(|one| LeftSecret {
        path: one.path.clone(),
        rule: one.rule.clone(),
        line: one.line,
        buried: inventory.buried.contains(&one.path),
    });
    let setuid = seen.setuid.first.iter().map(|one| RaisingProgram {
        path: one.path.clone(),
        user: one.user,
        packaged: one.packaged,
    });
    let accounts = |wanted: Flaw| {
        let files = seen.accounts.iter();
        let flaws = files.flat_map(|(path, flaws)| flaws.iter().map(move |flaw| (path, flaw)));
        flaws
            .filter(|(_, (_, flaw))| *flaw == wanted)
            .map(|(path, (name, _))| (path.clone(), name.clone()))
            .collect()
    };
    let untold = [
        seen.secrets.more,
        seen.setuid.more,
        seen.world_writable.more,
        seen.packed.more,
    ];
    Hygiene {
        secrets: secrets.collect(),
        setuid: setuid.collect(),
        world_writable: seen.world_writable.first.clone(),
        empty_passwords: accounts(Flaw::EmptyPassword),
        second_roots: accounts(Flaw::SecondRoot),
        packed: seen.packed.first.clone(),
        digests: seen.digests.first.clone(),
        undigested: seen.digests.more,
        untold: untold.iter().sum(),
        end_of_life: inventory.system.as_ref().and_then(end),
        viruses: said.viruses,
        yara: said.yara,
    }
}

/// What a distribution calls itself, and the first moment after its last day.
fn end(system: &System) -> Option<(String, Timestamp)> {
    let next = end_of_life(system)?.tomorrow().ok()?;
    let end: Timestamp = format!("{next}T00:00:00Z").parse().ok()?;
    let name = match system.pretty_name.is_empty() {
        true => format!("{} {}", system.id, system.version_id),
        false => system.pretty_name.clone(),
    };
    Some((name, end))
}
