//! The product of a matrix of bits and a matrix of numbers: what every step and every gradient is made of.
//!
//! For a block of rows of bits x_s and a matrix W the sums are y_s = start + sum_k x_sk W_k. They are made for
//! 32 columns of W (a tile: two registers) and all rows at a time, in one of two ways:
//!
//! - *tables* (the method of four Russians, Arlazarov et al. 1970): the 16 sums that four rows of W can make are
//!   tabulated, and each row of bits looks up the one that its four bits name. One addition for four
//!   products, whatever the bits; the tables cost about as much as 28 rows of bits.
//! - *rows*: the rows of W that belong to ones are added up. One addition for each bit that is 1: the way
//!   for few rows or few ones.

use super::matrix::{BitBlock, Matrix, TILE, TileRow, WORD};
use super::registers::{LANES, Registers, Sixteen};
use std::cell::RefCell;

/// Units whose four bits share a table.
const GROUP: usize = 4;

/// Tables of a word of bits.
const GROUPS: usize = WORD / GROUP;

/// Words of bits that are added before the sums are put down, in the way of rows: 32 KiB of W.
const SPAN: usize = 8;

/// What becomes of the sums of a row of bits.
pub trait Receive<R: Registers> {
    /// Takes the finished sums of row `s`; `#[inline(always)]`.
    fn receive<const N: usize>(&mut self, registers: R, s: usize, sums: [R::Floats; N]);
}

#[derive(Clone, Copy)]
enum Way {
    Tables,
    Rows,
}

/// Memory that a product works in.
pub struct Scratch {
    tables: Box<Tables>,
    sums: Vec<TileRow>,
}

/// The 16 sums of each group of four rows, one group after another; the first of each stays zero.
type Tables = [TileRow; GROUPS << GROUP];

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        tables: Box::new([[Sixteen::ZERO; TILE]; GROUPS << GROUP]),
        sums: Vec::new(),
    });
}

impl Scratch {
    /// Lends the thread's memory, for products with at most `rows` rows of bits, to `work`, which may not
    /// ask for it again.
    pub fn lend<T>(rows: usize, work: impl FnOnce(&mut Self) -> T) -> T {
        SCRATCH.with_borrow_mut(|scratch| {
            if scratch.sums.len() < rows {
                scratch.sums.resize(rows, [Sixteen::ZERO; TILE]);
            }
            work(scratch)
        })
    }
}

/// Bits times a matrix that has a row for each unit.
#[derive(Clone, Copy)]
pub struct Product<'a> {
    bits: &'a BitBlock,
    matrix: &'a Matrix,
    way: Way,
}

impl<'a> Product<'a> {
    /// The product of `bits` and `matrix`.
    pub fn new(bits: &'a BitBlock, matrix: &'a Matrix) -> Self {
        assert_eq!(bits.units().next_multiple_of(GROUP), matrix.rows());
        let rows = bits.rows() as f64;
        // Additions of a register a unit of four bits: measured, of both ways.
        let tables = 1.0 + 28.0 / rows;
        let ones = bits.ones() as f64 / rows;
        let groups = bits.units() as f64 / GROUP as f64;
        let spans = (bits.units() as f64 / (SPAN * WORD) as f64).ceil();
        let way = if 2.2 * ones + 10.0 * spans < tables * groups { Way::Rows } else { Way::Tables };
        Self { bits, matrix, way }
    }

    /// Makes tile number `tile` for every row of bits and hands the sums, which begin at `start`, to
    /// `receiver`, rows in order.
    #[inline(always)]
    pub fn tile<R: Registers>(
        &self,
        registers: R,
        tile: usize,
        start: &TileRow,
        scratch: &mut Scratch,
        receiver: &mut impl Receive<R>,
    ) {
        assert!(self.bits.rows() <= scratch.sums.len());
        let matrix = self.matrix.tile(tile);
        // The columns of the last tile may fit one register.
        if self.matrix.columns() - tile * WORD <= LANES {
            self.tile_of::<R, 1>(registers, matrix, start, scratch, receiver);
        } else {
            self.tile_of::<R, TILE>(registers, matrix, start, scratch, receiver);
        }
    }

    #[inline(always)]
    fn tile_of<R: Registers, const N: usize>(
        &self,
        registers: R,
        matrix: &[TileRow],
        start: &TileRow,
        scratch: &mut Scratch,
        receiver: &mut impl Receive<R>,
    ) {
        let start: [R::Floats; N] = get(registers, start);
        match self.way {
            Way::Tables => self.by_tables(registers, matrix, start, scratch, receiver),
            Way::Rows => self.by_rows(registers, matrix, start, scratch, receiver),
        }
    }

    #[inline(always)]
    fn by_tables<R: Registers, const N: usize>(
        &self,
        registers: R,
        matrix: &[TileRow],
        start: [R::Floats; N],
        scratch: &mut Scratch,
        receiver: &mut impl Receive<R>,
    ) {
        let words = self.bits.units().div_ceil(WORD);
        for w in 0..words {
            let groups = ((self.matrix.rows() - w * WORD) / GROUP).min(GROUPS);
            for (g, table) in scratch.tables.chunks_exact_mut(1 << GROUP).take(groups).enumerate() {
                let rows = &matrix[w * WORD + g * GROUP..][..GROUP];
                tabulate::<R, N>(registers, rows, table);
            }
            let (tables, sums) = (&*scratch.tables, &mut scratch.sums);
            let column = self.bits.column(w).iter().zip(sums.iter_mut()).enumerate();
            for (s, (word, memory)) in column {
                let mut sum = if w == 0 { start } else { get(registers, memory) };
                if groups == GROUPS {
                    for g in 0..GROUPS {
                        add(registers, &mut sum, &tables[entry(*word, g)]);
                    }
                } else {
                    for g in 0..groups.min(GROUPS) {
                        add(registers, &mut sum, &tables[entry(*word, g)]);
                    }
                }
                if w + 1 == words {
                    receiver.receive(registers, s, sum);
                } else {
                    put(registers, sum, memory);
                }
            }
        }
    }

    #[inline(always)]
    fn by_rows<R: Registers, const N: usize>(
        &self,
        registers: R,
        matrix: &[TileRow],
        start: [R::Floats; N],
        scratch: &mut Scratch,
        receiver: &mut impl Receive<R>,
    ) {
        let words = self.bits.units().div_ceil(WORD);
        for from in (0..words).step_by(SPAN) {
            let to = (from + SPAN).min(words);
            for (s, memory) in scratch.sums[..self.bits.rows()].iter_mut().enumerate() {
                let mut sum = if from == 0 { start } else { get(registers, memory) };
                for w in from..to {
                    let mut rest = self.bits.column(w)[s];
                    while rest != 0 {
                        let row = &matrix[w * WORD + rest.trailing_zeros() as usize];
                        add(registers, &mut sum, row);
                        rest &= rest - 1;
                    }
                }
                if to == words {
                    receiver.receive(registers, s, sum);
                } else {
                    put(registers, sum, memory);
                }
            }
        }
    }
}

/// Where the sum of the rows that group `g` of a word names is tabulated.
#[inline(always)]
fn entry(word: u32, g: usize) -> usize {
    (g << GROUP) + (word >> (GROUP * g) & 15) as usize
}

#[inline(always)]
fn add<R: Registers, const N: usize>(registers: R, sum: &mut [R::Floats; N], more: &TileRow) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = registers.add(*sum, registers.load(more));
    }
}

/// Sums from memory.
#[inline(always)]
fn get<R: Registers, const N: usize>(registers: R, memory: &TileRow) -> [R::Floats; N] {
    std::array::from_fn(|t| registers.load(&memory[t]))
}

/// Puts sums into memory.
#[inline(always)]
pub fn put<R: Registers, const N: usize>(registers: R, sum: [R::Floats; N], memory: &mut TileRow) {
    for (sum, memory) in sum.into_iter().zip(memory) {
        registers.store(sum, memory);
    }
}

/// table[k] = the sum of the rows whose bit of k is set.
#[inline(always)]
fn tabulate<R: Registers, const N: usize>(registers: R, rows: &[TileRow], table: &mut [TileRow]) {
    for t in 0..N {
        let row = |k: usize| registers.load(&rows[k][t]);
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        let sum = |a, b| registers.add(a, b);
        let (ab, ac, bc) = (sum(a, b), sum(a, c), sum(b, c));
        let lower = [a, b, ab, c, ac, bc, sum(ab, c)];
        for (k, x) in lower.into_iter().enumerate() {
            registers.store(x, &mut table[k + 1][t]);
            registers.store(sum(x, d), &mut table[k + 9][t]);
        }
        registers.store(d, &mut table[8][t]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::{Level, VectorKernel};
    use crate::random::Seed;

    struct Keep(Vec<TileRow>, usize);

    impl<R: Registers> Receive<R> for Keep {
        #[inline(always)]
        fn receive<const N: usize>(&mut self, registers: R, s: usize, sums: [R::Floats; N]) {
            assert_eq!(s, self.1, "rows come in order, each once");
            self.1 += 1;
            put(registers, sums, &mut self.0[s]);
        }
    }

    struct OneTile<'a>(Product<'a>, usize, TileRow, &'a mut Scratch);

    impl VectorKernel for OneTile<'_> {
        type Output = Vec<TileRow>;

        #[inline(always)]
        fn call<R: Registers>(self, registers: R) -> Vec<TileRow> {
            let Self(product, tile, start, _) = self;
            let rows = product.bits.rows();
            let mut kept = Keep(vec![[Sixteen::ZERO; TILE]; rows], 0);
            product.tile(registers, tile, &start, self.3, &mut kept);
            assert_eq!(kept.1, rows);
            kept.0
        }
    }

    /// Both ways, on shapes that fill words, groups and registers badly, against sums one by one. The numbers
    /// are multiples of 1/256, so that every sum is exact and nothing less will do.
    #[test]
    fn products_are_exact_sums() {
        let mut noise = Seed::root(11).words();
        let mut number = || f64::from((noise.next_word() >> 52) as u32) / 256.0 - 8.0;
        for units in [1, 3, 4, 5, 31, 32, 33, 65, 300] {
            for rows in [1, 2, 17, 100] {
                for columns in [1, 16, 17, 33, 65] {
                    let mut matrix = Matrix::zeros(units, columns);
                    for (tile, entries) in matrix.tiles_mut().enumerate() {
                        let used = (columns - tile * WORD).min(WORD);
                        for row in &mut entries[..units] {
                            super::super::matrix::set(row, (0..used).map(|_| number()));
                        }
                    }
                    let mut start = [Sixteen::ZERO; TILE];
                    super::super::matrix::set(&mut start, (0..WORD).map(|_| number()));
                    let words = units.div_ceil(64);
                    let mut noise = Seed::root((units * rows) as u64).words();
                    let packed: Vec<u64> = (0..words * rows).map(|_| noise.next_word()).collect();
                    let bits = BitBlock::gather(&packed, words, 0, units);
                    let mut product = Product::new(&bits, &matrix);
                    for way in [Way::Tables, Way::Rows] {
                        product.way = way;
                        for tile in 0..columns.div_ceil(WORD) {
                            let found = Scratch::lend(rows, |scratch| {
                                Level::get().run_with(OneTile(product, tile, start, scratch))
                            });
                            for (s, found) in found.iter().enumerate() {
                                for c in 0..(columns - tile * WORD).min(WORD) {
                                    let at = |row: &TileRow| row[c / LANES].0[c % LANES];
                                    let expected = (0..units)
                                        .filter(|k| packed[s * words + k / 64] >> (k % 64) & 1 == 1)
                                        .map(|k| at(&matrix.tile(tile)[k]))
                                        .fold(at(&start), |sum, x| sum + x);
                                    assert_eq!(at(found), expected, "{units}, {rows}, {columns}");
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
