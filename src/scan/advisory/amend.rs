//! What an index holds, taken apart again: for a few records that changed, an ecosystem is not read anew.

use std::collections::{HashMap, HashSet};

use fst::Streamer as _;

use super::index::{Index, IndexError};
use super::lookup::Lookup;
use super::write::Collected;

impl Collected {
    /// Everything that an index holds, without the advisories of these ids.
    ///
    /// # Errors
    /// If a block is not what was written.
    pub(super) fn of(index: &Index, without: &HashSet<&str>) -> Result<Collected, IndexError> {
        let mut collected = Collected::resumed(index.header());
        let mut lookup = Lookup::of(index)?;
        let mut numbers: HashMap<u64, u64> = HashMap::new();
        for number in 0..index.header().records {
            let facts = lookup.facts_in_order(number)?;
            if !without.contains(facts.id.as_str()) {
                numbers.insert(number, collected.add_facts(&facts));
            }
        }
        let mut keys = index.keys();
        let mut at = None;
        let mut block = None;
        while let Some((key, place)) = keys.next() {
            let key = str::from_utf8(key).map_err(|_| index.damaged("a key is damaged"))?;
            let (wanted, offset) = (place >> 16, place & 0xffff);
            if at != Some(wanted) {
                block = Some(lookup.rows_at(wanted, 0)?);
                at = Some(wanted);
            }
            let Some(rows) = &mut block else { continue };
            rows.offset = usize::try_from(offset).unwrap_or(usize::MAX);
            for row in rows.rows(index)? {
                if let Some(number) = numbers.get(&row.number) {
                    collected.add_row(key, *number, row.rating, &row.versions);
                }
            }
        }
        Ok(collected)
    }
}
