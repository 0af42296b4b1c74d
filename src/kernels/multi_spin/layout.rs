//! How chains are laid over registers: a bit for a site of a chain, sites of several chains or strips to a word.

use crate::configuration::{copy_bits, words_for};
use crate::kernels::registers::{Bits512, Registers};

/// Words of a register.
const WORDS: usize = 8;

/// Which sites share a word.
#[derive(Debug)]
pub(super) struct Layout {
    /// Strips of a chain: bit k of a chain's field in word p is site k sites / strips + p.
    pub strips: usize,
    /// Neighbours of every position, one after another.
    pub ends: Vec<End>,
    /// Positions with equally many neighbours that follow each other: (neighbours, positions, first end).
    pub runs: Vec<(usize, std::ops::Range<usize>, usize)>,
    /// Whether no neighbour is on another strip and no coupling is negative.
    pub plain: bool,
}

/// A neighbour.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub position: u32,
    /// How many strips further on it is.
    pub turn: u32,
    /// In which strips the coupling is negative.
    pub negative: u64,
}

impl Layout {
    /// `None` unless `neighbours` look the same from every strip, and no two sites of a position are neighbours.
    pub fn new(neighbours: &[Vec<(usize, bool)>], strips: usize) -> Option<Self> {
        let positions = neighbours.len() / strips;
        if !neighbours.len().is_multiple_of(strips) {
            return None;
        }
        let replicas = 64 / strips;
        let (mut ends, mut runs) = (Vec::new(), Vec::<(usize, std::ops::Range<usize>, usize)>::new());
        for position in 0..positions {
            // (position, turn, negative) of the neighbours seen from each strip.
            let seen = |strip: usize| {
                let site = strip * positions + position;
                let mut seen: Vec<(usize, usize, bool)> = neighbours[site]
                    .iter()
                    .map(|&(other, positive)| {
                        let turn = (other / positions + strips - strip) % strips;
                        (other % positions, turn, !positive)
                    })
                    .collect();
                seen.sort_unstable();
                seen
            };
            let first = ends.len();
            for (k, &(other, turn, _)) in seen(0).iter().enumerate() {
                if other == position {
                    return None;
                }
                let mut negative = 0;
                for strip in 0..strips {
                    let theirs = seen(strip);
                    let same = theirs.get(k).filter(|end| (end.0, end.1) == (other, turn));
                    let field = (0..replicas).fold(0, |bits, r| bits | 1 << (r * strips + strip));
                    negative |= if same?.2 { field } else { 0 };
                    if theirs.len() != seen(0).len() {
                        return None;
                    }
                }
                ends.push(End { position: other as u32, turn: turn as u32, negative });
            }
            let degree = ends.len() - first;
            match runs.last_mut() {
                Some((last, range, _)) if *last == degree => range.end += 1,
                _ => runs.push((degree, position..position + 1, first)),
            }
        }
        let plain = ends.iter().all(|end| end.turn == 0 && end.negative == 0);
        Some(Self { strips, ends, runs, plain })
    }

    /// Chains that fit a register.
    pub fn chains(&self) -> usize {
        WORDS * (64 / self.strips)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    In,
    Out,
}

/// Copies chains between their rows and registers: 64 strips at a time, by transposing blocks of 64 x 64 bits.
pub(super) fn exchange(layout: &Layout, sites: usize, rows: &mut [u64], spins: &mut [Bits512], direction: Direction) {
    let (strips, words) = (layout.strips, words_for(sites));
    let positions = sites / strips;
    let chains_of_word = 64 / strips;
    for (word, rows) in rows.chunks_mut(words * chains_of_word).enumerate() {
        for first in (0..positions).step_by(64) {
            let count = (positions - first).min(64);
            let mut block = [0_u64; 64];
            if direction == Direction::Out {
                for (target, spins) in block.iter_mut().zip(&spins[first..first + count]) {
                    *target = spins.0[word];
                }
                transpose(&mut block);
            }
            for (chain, row) in rows.chunks_exact_mut(words).enumerate() {
                for strip in 0..strips {
                    let (start, bits) = (strip * positions + first, &mut block[chain * strips + strip..][..1]);
                    match direction {
                        Direction::In => copy_bits(row, start, count, bits, 0),
                        Direction::Out => copy_bits(bits, 0, count, row, start),
                    }
                }
            }
            if direction == Direction::In {
                transpose(&mut block);
                for (source, spins) in block.iter().zip(&mut spins[first..first + count]) {
                    spins.0[word] = *source;
                }
            }
        }
    }
}

/// Exchanges bit j of word i with bit i of word j (Warren 2013, section 7-3).
fn transpose(block: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, u64::MAX >> 32);
    while width > 0 {
        for pair in block.chunks_exact_mut(2 * width) {
            let (low, high) = pair.split_at_mut(width);
            for (low, high) in low.iter_mut().zip(high) {
                let swap = (*low >> width ^ *high) & mask;
                *low ^= swap << width;
                *high ^= swap;
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

/// Brings the spin `by` strips further on to every strip of each chain.
#[inline(always)]
pub(super) fn turn<R: Registers>(registers: R, bits: R::Bits, by: u32, strips: usize) -> R::Bits {
    let field = u64::MAX >> (64 - strips);
    let low = field >> by;
    // The same in every field of the word.
    let repeat = u64::MAX / field;
    let near = registers.and(registers.shift_right(bits, by), registers.splat_bits(low * repeat));
    let high = (field & !low).wrapping_mul(repeat);
    let around = registers.shift_left(bits, strips as u32 - by);
    registers.or(near, registers.and(around, registers.splat_bits(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_block_has_rows_for_columns() {
        let mut block: [u64; 64] = std::array::from_fn(|k| (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let before = block;
        transpose(&mut block);
        for (i, row) in block.iter().enumerate() {
            for (j, before) in before.iter().enumerate() {
                assert_eq!(row >> j & 1, before >> i & 1);
            }
        }
    }
}
