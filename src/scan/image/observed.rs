//! What layers show of their author's care, under the layers above.

use super::Inventory;
use crate::scan::checks::{Observed, Told};
use crate::scan::layer::LayerFacts;

/// Most of a kind of all layers that are told one by one: a policy tells fewer.
const MAX_TOLD: usize = 5_000;
/// Most digests of programs of an image.
const MAX_DIGESTS: usize = 200_000;

/// Adds what is left of a layer's.
pub(super) fn add(inventory: &mut Inventory, layer: &Observed, survives: impl Fn(&str) -> bool) {
    let all = &mut inventory.observed;
    let keep = MAX_TOLD;
    append(&mut all.setuid, &layer.setuid, keep, |one| {
        survives(&one.path)
    });
    append(
        &mut all.world_writable,
        &layer.world_writable,
        keep,
        |path| survives(path),
    );
    append(&mut all.packed, &layer.packed, keep, |path| survives(path));
    // A program that is denied is pulled all the same, and a link may keep it under another name.
    append(&mut all.digests, &layer.digests, MAX_DIGESTS, |_| true);
    for (path, flaws) in &layer.accounts {
        if survives(path) {
            all.accounts.insert(path.clone(), flaws.clone());
        }
    }
    append(&mut all.secrets, &layer.secrets, keep, |_| true);
    let buried = layer
        .secrets
        .first
        .iter()
        .filter(|one| !survives(&one.path));
    inventory.buried.extend(buried.map(|one| one.path.clone()));
}

/// Adds the programs of a layer that are left, and do not say what they are made of.
pub(super) fn unexplained(
    inventory: &mut Inventory,
    layer: &LayerFacts,
    survives: impl Fn(&str) -> bool,
) {
    let all = &mut inventory.unexplained;
    append(all, &layer.unexplained, MAX_TOLD, |path| survives(path));
}

fn append<T: Clone>(all: &mut Told<T>, layer: &Told<T>, most: usize, stays: impl Fn(&T) -> bool) {
    for one in layer.first.iter().filter(|one| stays(one)) {
        all.add(one.clone(), most);
    }
    // Those that were not told cannot be seen to be gone.
    all.more = all.more.saturating_add(layer.more);
}
