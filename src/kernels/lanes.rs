//! Sixteen chains side by side: the lanes of a register hold one unit of each.

use super::registers::{LANES, Sixteen};
use crate::configuration::{bit, set_bit};

/// Spreads up to sixteen rows over `units`: the states, 0 or 1, of one unit in every chain of a group.
#[inline(always)]
pub(super) fn load(rows: &[u64], words: usize, units: &mut [Sixteen]) {
    for (lane, row) in rows.chunks_exact(words).enumerate() {
        for (k, unit) in units.iter_mut().enumerate() {
            unit.0[lane] = f32::from(u8::from(bit(row, k)));
        }
    }
}

/// Gathers the rows from `units`.
#[inline(always)]
pub(super) fn store(units: &[Sixteen], words: usize, rows: &mut [u64]) {
    debug_assert!(rows.len() <= LANES * words);
    for (lane, row) in rows.chunks_exact_mut(words).enumerate() {
        for (k, unit) in units.iter().enumerate() {
            set_bit(row, k, unit.0[lane] == 1.0);
        }
    }
}
