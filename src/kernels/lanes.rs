//! Sixteen chains side by side: the lanes of a register hold one unit of each.

use super::elementary::LANES;
use crate::configuration::{bit, set_bit};

/// The states, 0 or 1, of one unit in every chain of a group.
pub(super) type Unit = [f32; LANES];

/// Spreads up to sixteen rows over `units`.
#[inline(always)]
pub(super) fn load(rows: &[u64], words: usize, units: &mut [Unit]) {
    for (lane, row) in rows.chunks_exact(words).enumerate() {
        for (k, unit) in units.iter_mut().enumerate() {
            unit[lane] = f32::from(u8::from(bit(row, k)));
        }
    }
}

/// Gathers the rows from `units`.
#[inline(always)]
pub(super) fn store(units: &[Unit], words: usize, rows: &mut [u64]) {
    for (lane, row) in rows.chunks_exact_mut(words).enumerate() {
        for (k, unit) in units.iter().enumerate() {
            set_bit(row, k, unit[lane] == 1.0);
        }
    }
}
