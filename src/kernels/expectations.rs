//! Sums of statistics of two layers over rows, in single precision: the gradient of a sampled update.
//!
//! The sums are themselves a product with bits. With p_s = P(h = 1 | v_s), weighted, sum_s v_s p_s' adds up, for
//! each visible unit, the rows of p that belong to the rows s in which the unit is 1. A visible unit that is
//! always 1 and a hidden one that always has the row's weight bring the sums of the biases.

use super::binary_product::{Product, Receive, Scratch, put};
use super::block_gibbs::BlockGibbs;
use super::descent::{Descent, chunks_or_empty};
use super::elementary::{input_scale, sigmoid};
use super::level::{Level, VectorKernel};
use super::matrix::{BitBlock, Matrix, TILE, TileRow, WORD};
use super::registers::{LANES, Registers, Sixteen};
use super::sharing::{PRODUCT, for_each};
use crate::configuration::{Configurations, words_for};
use std::cell::RefCell;

/// Most rows whose sums are made in single precision; they are added up in double precision.
const ROWS: usize = 1024;

/// Visible units whose sums one task makes: tables cost as much as 28 of them, and the sums of 128 and their
/// weights fit the second-level cache.
const UNITS: usize = 128;

const ZERO: TileRow = [Sixteen::ZERO; TILE];

/// Rows that are worked on together, without what is beyond the visible layer, and their weights.
#[derive(Default)]
struct Rows {
    bits: Vec<u64>,
    weights: Vec<f32>,
}

impl BlockGibbs {
    /// Sets `sums` to the sum over the parts of factor x sum_s w_s E[(v h', v, h) | v = row s]: W's entries row
    /// by row, then the visible layer's, then the hidden one's. A part is rows, which may be wider than the
    /// visible layer, and a factor.
    pub fn set_expectations(&self, parts: &[(&Configurations, f64)], sums: &mut [f64]) {
        let (n, m) = (self.visible(), self.hidden());
        assert_eq!(sums.len(), n * m + n + m);
        let mut first = true;
        for rows in self.collect(parts) {
            self.sums_over(&rows, first, sums);
            first = false;
        }
        if first {
            sums.fill(0.0);
        }
    }

    /// Sets `means` to sum_s w_s E[(v, h) | v = row s]: what [`Self::set_expectations`] sets biases to,
    /// but for rounding.
    pub fn set_expected_units(&self, data: &Configurations, means: &mut [f64]) {
        let (n, m, words) = (self.visible(), self.hidden(), words_for(self.visible()));
        assert_eq!(means.len(), n + m);
        let mut first = true;
        for rows in self.collect(&[(data, 1.0)]) {
            let length = rows.weights.len();
            let probabilities = self.weighted_probabilities(&rows, length * n * m > PRODUCT);
            let (visible, hidden) = means.split_at_mut(n);
            // Visible units meet the column of weights alone.
            let mut weights = Matrix::zeros(length, 1);
            for (row, weight) in weights.tiles_mut().flatten().zip(&rows.weights) {
                row[0].0[0] = *weight;
            }
            let bits = BitBlock::gather_transposed(&rows.bits, words, 0, n);
            add_products(&bits, &weights, 0, first, Target::Units { pairs: &mut [], visible });
            let always = BitBlock::ones_row(length);
            add_products(&always, &probabilities, m, first, Target::Hidden(hidden));
            first = false;
        }
        if first {
            means.fill(0.0);
        }
    }

    /// The rows of all parts with their weights, at most [`ROWS`] together.
    fn collect(&self, parts: &[(&Configurations, f64)]) -> Vec<Rows> {
        let n = self.visible();
        let mut all: Vec<Rows> = Vec::new();
        for (data, factor) in parts {
            assert!(data.sites() >= n, "rows hold the visible layer");
            for s in 0..data.len() {
                if all.last().is_none_or(|rows| rows.weights.len() == ROWS) {
                    all.push(Rows::default());
                }
                if let Some(rows) = all.last_mut() {
                    rows.bits.extend_from_slice(&data.row(s)[..words_for(n)]);
                    rows.weights.push((factor * data.weight(s)) as f32);
                }
            }
        }
        all
    }

    /// Takes one step with the weights along the gradient that [`Self::set_expectations`] would give, which never
    /// leaves the cache, and copies them; the gradient of the biases is put into `biases`. Does nothing
    /// and returns false where there are too many rows.
    pub fn descend_along(
        &mut self,
        parts: &[(&Configurations, f64)],
        descent: &Descent,
        weights: &mut [f64],
        velocity: &mut [f64],
        biases: &mut [f64],
    ) -> bool {
        let (n, m, words) = (self.visible(), self.hidden(), words_for(self.visible()));
        let all = self.collect(parts);
        let [rows] = &all[..] else {
            return false;
        };
        let parallel = rows.weights.len() * n * m > PRODUCT;
        let probabilities = self.weighted_probabilities(rows, parallel);
        let (visible, hidden) = biases.split_at_mut(n);
        let units = units_of_a_task(n, parallel);
        let velocities = chunks_or_empty(velocity, units * m, n * m);
        let mut copies = self.copies().into_iter();
        let tasks: Vec<_> = weights
            .chunks_mut(units * m)
            .zip(visible.chunks_mut(units))
            .zip(velocities)
            .enumerate()
            .map(|task| (task, copies.by_ref().take(units / WORD).collect::<Vec<_>>()))
            .collect();
        for_each(parallel, tasks, |((number, ((weights, visible), velocity)), copies)| {
            GRADIENT.with_borrow_mut(|gradient| {
                gradient.resize(units * m, 0.0);
                let pairs = &mut gradient[..weights.len()];
                let first = number * units;
                let bits = BitBlock::gather_transposed(&rows.bits, words, first, visible.len());
                let target = Target::Units { pairs, visible };
                add_products(&bits, &probabilities, m, true, target);
                descent.step(weights, &gradient[..weights.len()], velocity);
                for (weights, copy) in weights.chunks(WORD * m).zip(copies) {
                    copy.make(weights);
                }
            });
        });
        let always = BitBlock::ones_row(rows.weights.len());
        add_products(&always, &probabilities, m, true, Target::Hidden(hidden));
        true
    }

    /// The sums over some rows: set the first time, then added.
    fn sums_over(&self, rows: &Rows, first: bool, sums: &mut [f64]) {
        let parallel = rows.weights.len() * self.visible() * self.hidden() > PRODUCT;
        self.set_products(&rows.bits, &self.weighted_probabilities(rows, parallel), first, sums);
    }

    /// Sets, or adds to, `sums` the products of bits, rows of the visible layer, and of ones with a row of `factors` each:
    /// the last column, past those of the hidden units, is that of the visible units' own sums.
    pub(super) fn set_products(&self, bits: &[u64], factors: &Matrix, first: bool, sums: &mut [f64]) {
        let (n, m, words) = (self.visible(), self.hidden(), words_for(self.visible()));
        let length = bits.len() / words;
        let parallel = length * n * m > PRODUCT;
        let (pairs, biases) = sums.split_at_mut(n * m);
        let (visible, hidden) = biases.split_at_mut(n);
        let units = units_of_a_task(n, parallel);
        let block = |(number, (pairs, visible)): (usize, (&mut [f64], &mut [f64]))| {
            let bits = BitBlock::gather_transposed(bits, words, number * units, visible.len());
            let target = Target::Units { pairs, visible };
            add_products(&bits, factors, m, first, target);
        };
        let pairs = pairs.chunks_mut(units * m).zip(visible.chunks_mut(units));
        for_each(parallel, pairs.enumerate().collect(), block);
        let always = BitBlock::ones_row(length);
        add_products(&always, factors, m, first, Target::Hidden(hidden));
    }

    /// p, a row for each row of bits, times the row's weight, which is also its last column.
    fn weighted_probabilities(&self, rows: &Rows, parallel: bool) -> Matrix {
        let (n, m) = (self.visible(), self.hidden());
        let weights = &rows.weights;
        let mut probabilities = Matrix::zeros(weights.len(), m + 1);
        let bits = BitBlock::gather(&rows.bits, words_for(n), 0, n);
        let product = Product::new(&bits, &self.up.weights);
        let fill = |(tile, out): (usize, &mut [TileRow])| {
            if let Some(bias) = self.up.bias.get(tile) {
                let out = &mut *out;
                Scratch::lend(weights.len(), |scratch| {
                    Level::get().run_with(Probabilities { product, tile, bias, weights, out, scratch });
                });
            }
            if tile == m / WORD {
                for (row, weight) in out.iter_mut().zip(weights) {
                    row[m % WORD / LANES].0[m % LANES] = *weight;
                }
            }
        };
        for_each(parallel, probabilities.tiles_mut().enumerate().collect(), fill);
        probabilities
    }
}

thread_local! {
    /// The gradient of the weights of one task: kept, so that it stays in the cache.
    static GRADIENT: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

/// Whole words of visible units, so that each task has tiles of the transpose for itself.
fn units_of_a_task(visible: usize, parallel: bool) -> usize {
    let tasks = visible.div_ceil(UNITS).max(if parallel { 2 } else { 1 });
    visible.div_ceil(tasks).next_multiple_of(WORD)
}

fn add_products(bits: &BitBlock, probabilities: &Matrix, hidden: usize, first: bool, target: Target) {
    Scratch::lend(bits.rows(), |scratch| {
        Level::get().run_with(Accumulate {
            product: Product::new(bits, probabilities),
            scratch,
            tiles: probabilities.columns().div_ceil(WORD),
            receiver: Sums { tile: 0, hidden, first, target },
        });
    });
}

/// Fills 32 columns of p.
struct Probabilities<'a> {
    product: Product<'a>,
    tile: usize,
    bias: &'a TileRow,
    weights: &'a [f32],
    out: &'a mut [TileRow],
    scratch: &'a mut Scratch,
}

impl VectorKernel for Probabilities<'_> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(self, registers: R) {
        let mut receiver = Sigmoids { scale: input_scale(1.0), weights: self.weights, out: self.out };
        self.product.tile(registers, self.tile, self.bias, self.scratch, &mut receiver);
    }
}

struct Sigmoids<'a> {
    scale: f32,
    weights: &'a [f32],
    out: &'a mut [TileRow],
}

impl<R: Registers> Receive<R> for Sigmoids<'_> {
    #[inline(always)]
    fn receive<const N: usize>(&mut self, registers: R, s: usize, sums: [R::Floats; N]) {
        let weight = registers.splat(self.weights[s]);
        // Not `map`: what the compiler does not inline is compiled without the vector registers.
        let mut weighted = sums;
        for x in &mut weighted {
            *x = registers.multiply(weight, sigmoid(registers, *x, self.scale));
        }
        put(registers, weighted, &mut self.out[s]);
    }
}

/// The product of transposed bits and p, all tiles.
struct Accumulate<'a> {
    product: Product<'a>,
    scratch: &'a mut Scratch,
    tiles: usize,
    receiver: Sums<'a>,
}

impl VectorKernel for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(mut self, registers: R) {
        for tile in 0..self.tiles {
            self.receiver.tile = tile;
            self.product.tile(registers, tile, &ZERO, self.scratch, &mut self.receiver);
        }
    }
}

/// Where sums go.
enum Target<'a> {
    /// The pairs of some visible units, and their own sums.
    Units { pairs: &'a mut [f64], visible: &'a mut [f64] },
    /// The hidden units' own sums.
    Hidden(&'a mut [f64]),
}

struct Sums<'a> {
    tile: usize,
    hidden: usize,
    first: bool,
    target: Target<'a>,
}

impl<R: Registers> Receive<R> for Sums<'_> {
    #[inline(always)]
    fn receive<const N: usize>(&mut self, registers: R, s: usize, sums: [R::Floats; N]) {
        let m = self.hidden;
        let column = self.tile * WORD;
        // Nearly always: a whole tile of pairs.
        if let Target::Units { pairs, .. } = &mut self.target
            && column + WORD <= m
        {
            let row = &mut pairs[s * m + column..][..WORD];
            for (x, to) in sums.into_iter().zip(row.as_chunks_mut().0) {
                if self.first {
                    registers.widen(x, to);
                } else {
                    let mut values = [0.0; LANES];
                    registers.widen(x, &mut values);
                    to.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
                }
            }
            return;
        }
        for (t, x) in sums.into_iter().enumerate() {
            let mut values = [0.0; LANES];
            registers.widen(x, &mut values);
            let from = (column + t * LANES).min(m);
            let to = (from + LANES).min(m);
            let row = match &mut self.target {
                Target::Units { pairs, .. } => &mut pairs[s * m + from..s * m + to],
                Target::Hidden(hidden) => &mut hidden[from..to],
            };
            if self.first && row.len() == LANES {
                row.copy_from_slice(&values);
            } else {
                for (sum, x) in row.iter_mut().zip(values) {
                    *sum = x + if self.first { 0.0 } else { *sum };
                }
            }
            if let Target::Units { visible, .. } = &mut self.target
                && column + t * LANES == m / LANES * LANES
            {
                let kept = if self.first { 0.0 } else { visible[s] };
                visible[s] = kept + values[m % LANES];
            }
        }
    }
}
