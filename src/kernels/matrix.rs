//! Single-precision matrices and blocks of bits, laid out for the registers.

use super::registers::Sixteen;
use super::single_precision;

/// Registers of a tile: 32 columns.
pub const TILE: usize = 2;

/// A row of a tile.
pub type TileRow = [Sixteen; TILE];

/// A matrix in single precision, cut into tiles of 32 columns that lie one after another, each with all its
/// rows: what a kernel reads for 32 units is one piece of memory. Columns are padded with zeros to whole
/// tiles, rows to a multiple of four.
#[derive(Debug, Clone)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    entries: Vec<TileRow>,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        let rows = rows.next_multiple_of(4);
        Self { rows, columns, entries: vec![[Sixteen::ZERO; TILE]; rows * columns.div_ceil(WORD)] }
    }

    /// Rows, with the padding.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns, without the padding.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows of tile number `tile`.
    #[inline(always)]
    pub fn tile(&self, tile: usize) -> &[TileRow] {
        &self.entries[tile * self.rows..(tile + 1) * self.rows]
    }

    /// The rows of every tile, one tile after another; what is padding must stay zero.
    pub fn tiles_mut(&mut self) -> std::slice::ChunksExactMut<'_, TileRow> {
        self.entries.chunks_exact_mut(self.rows)
    }
}

/// Sets the first numbers of a row of a tile.
pub fn set(row: &mut TileRow, values: impl Iterator<Item = f64>) {
    let row = row.iter_mut().flat_map(|register| &mut register.0);
    for (x, value) in row.zip(values) {
        *x = single_precision(value);
    }
}

/// Numbers cut into tiles, padded with zeros.
pub fn padded(values: &[f64]) -> Vec<TileRow> {
    let mut tiles = vec![[Sixteen::ZERO; TILE]; values.len().div_ceil(WORD)];
    for (tile, values) in tiles.iter_mut().zip(values.chunks(WORD)) {
        set(tile, values.iter().copied());
    }
    tiles
}

/// Units whose bits share a word.
pub const WORD: usize = 32;

/// The bits of some units in a block of rows, 32 units a word: word w of row s stands at w x rows + s, so
/// that a kernel that works on 32 units at a time reads and writes consecutive words.
#[derive(Clone)]
pub struct BitBlock {
    units: usize,
    rows: usize,
    words: Vec<u32>,
}

impl BitBlock {
    /// All bits zero; `rows` is at least 1.
    pub fn zeros(units: usize, rows: usize) -> Self {
        assert!(rows > 0, "a block has at least one row");
        Self { units, rows, words: vec![0; units.div_ceil(WORD) * rows] }
    }

    /// One row of ones.
    pub fn ones_row(units: usize) -> Self {
        let words = (0..units.div_ceil(WORD)).map(|w| mask(units, w)).collect();
        Self { units, rows: 1, words }
    }

    /// The bits `first .. first + units` of each row in `bits`, rows of `words` words.
    pub fn gather(bits: &[u64], words: usize, first: usize, units: usize) -> Self {
        let mut block = Self::zeros(units, bits.len() / words);
        for (w, column) in block.words.chunks_exact_mut(block.rows).enumerate() {
            let at = first + w * WORD;
            let mask = mask(units, w);
            for (word, row) in column.iter_mut().zip(bits.chunks_exact(words)) {
                *word = word_at(row, at) & mask;
            }
        }
        block
    }

    /// Puts the bits back where [`Self::gather`] took them.
    pub fn scatter(&self, bits: &mut [u64], words: usize, first: usize) {
        for (w, column) in self.words.chunks_exact(self.rows).enumerate() {
            let at = first + w * WORD;
            let mask = u64::from(mask(self.units, w));
            let (word, shift) = (at / 64, at % 64);
            for (bits, row) in column.iter().zip(bits.chunks_exact_mut(words)) {
                row[word] = row[word] & !(mask << shift) | u64::from(*bits) << shift;
                if shift > WORD && word + 1 < words {
                    let (mask, bits) = (mask >> (64 - shift), u64::from(*bits) >> (64 - shift));
                    row[word + 1] = row[word + 1] & !mask | bits;
                }
            }
        }
    }

    /// The bits `first .. first + sites` of each row in `bits`, rows of `words` words, rows and units
    /// exchanged: unit s of row i is bit `first + i` of row s.
    pub fn gather_transposed(bits: &[u64], words: usize, first: usize, sites: usize) -> Self {
        let mut block = Self::zeros(bits.len() / words, sites);
        let columns = block.words.chunks_exact_mut(sites);
        for (rows, column) in bits.chunks(WORD * words).zip(columns) {
            for (w, out) in column.chunks_mut(WORD).enumerate() {
                let mut square = [0_u32; WORD];
                for (line, row) in square.iter_mut().zip(rows.chunks_exact(words)) {
                    *line = word_at(row, first + w * WORD);
                }
                transpose(&mut square);
                out.copy_from_slice(&square[..out.len()]);
            }
        }
        block
    }

    /// Units of a row.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Word number `w` of every row.
    #[inline(always)]
    pub fn column(&self, w: usize) -> &[u32] {
        &self.words[w * self.rows..(w + 1) * self.rows]
    }

    /// The words, those of a column together.
    pub fn words_mut(&mut self) -> &mut [u32] {
        &mut self.words
    }

    /// Takes the units that are 1 in `held`, a block of one row, from `states`, a block of the same shape.
    pub fn restore(&mut self, held: &BitBlock, states: &BitBlock) {
        let old = states.words.chunks_exact(self.rows);
        for ((column, old), held) in self.words.chunks_exact_mut(self.rows).zip(old).zip(&held.words) {
            if *held != 0 {
                column.iter_mut().zip(old).for_each(|(bits, old)| *bits = *bits & !held | old & held);
            }
        }
    }

    /// Bits that are 1.
    pub fn ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// The bits of word `w` that belong to `units` units.
pub fn mask(units: usize, w: usize) -> u32 {
    match units - w * WORD {
        rest if rest >= WORD => u32::MAX,
        rest => (1 << rest) - 1,
    }
}

/// The 32 bits of a row from bit `at` on; past its end zeros.
fn word_at(row: &[u64], at: usize) -> u32 {
    let (word, shift) = (at / 64, at % 64);
    let low = row[word] >> shift;
    let high = if shift > WORD && word + 1 < row.len() { row[word + 1] << (64 - shift) } else { 0 };
    (low | high) as u32
}

/// Exchanges rows and columns of 32 x 32 bits by swapping ever smaller off-diagonal squares (Warren,
/// Hacker's Delight, 2nd edition, section 7-3).
fn transpose(square: &mut [u32; WORD]) {
    let mut size = WORD / 2;
    let mut mask = u32::MAX >> size;
    while size > 0 {
        for block in square.chunks_exact_mut(2 * size) {
            let (upper, lower) = block.split_at_mut(size);
            for (a, b) in upper.iter_mut().zip(lower) {
                let swap = (*a >> size ^ *b) & mask;
                *a ^= swap << size;
                *b ^= swap;
            }
        }
        size /= 2;
        mask ^= mask << size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{bit, words_for};
    use crate::random::Seed;

    fn random_rows(words: usize, rows: usize) -> Vec<u64> {
        let mut noise = Seed::root(3).words();
        (0..words * rows).map(|_| noise.next_word()).collect()
    }

    #[test]
    fn bits_travel_to_a_block_and_back() {
        for (sites, first, units, rows) in
            [(1, 0, 1, 1), (65, 33, 32, 3), (130, 37, 93, 5), (200, 0, 200, 2), (70, 63, 7, 4)]
        {
            let words = words_for(sites);
            let bits = random_rows(words, rows);
            let block = BitBlock::gather(&bits, words, first, units);
            for s in 0..rows {
                let row = &bits[s * words..(s + 1) * words];
                for i in 0..units {
                    let word = block.column(i / WORD)[s];
                    assert_eq!(word >> (i % WORD) & 1 == 1, bit(row, first + i));
                }
            }
            let expected: usize =
                (0..rows * units).filter(|k| bit(&bits[k / units * words..], first + k % units)).count();
            assert_eq!(block.ones(), expected);
            let mut other: Vec<u64> = bits.iter().map(|word| !word).collect();
            block.scatter(&mut other, words, first);
            for s in 0..rows {
                for i in 0..words * 64 {
                    let same = (first..first + units).contains(&i);
                    let (there, here) = (&bits[s * words..], &other[s * words..]);
                    assert_eq!(bit(there, i) == bit(here, i), same, "row {s}, bit {i}");
                }
            }
        }
    }

    #[test]
    fn a_transposed_block_has_sites_for_rows() {
        for (sites, rows, first) in [(1, 1, 0), (33, 65, 0), (64, 34, 32), (90, 32, 7)] {
            let words = words_for(sites);
            let bits = random_rows(words, rows);
            let block = BitBlock::gather_transposed(&bits, words, first, sites - first);
            assert_eq!((block.units(), block.rows()), (rows, sites - first));
            for i in 0..sites - first {
                for s in 0..rows {
                    let found = block.column(s / WORD)[i] >> (s % WORD) & 1 == 1;
                    assert_eq!(found, bit(&bits[s * words..], first + i));
                }
            }
        }
    }
}
