//! Block Gibbs sampling along a path of temperatures, with the weights of annealed importance sampling.
//!
//! On the way to a hidden unit's draw its input x is in a register. What the weights need of it is softplus(beta x) at
//! two temperatures, so that a weight costs two exponentials a unit in double precision and no product of its own.

use super::binary_product::{Product, Receive, Scratch};
use super::block_gibbs::{BlockGibbs, Watch, layer_noise};
use super::elementary::{input_scale, power_of_two_double};
use super::level::{Level, VectorKernel};
use super::matrix::{BitBlock, TileRow, WORD, padded};
use super::registers::{Eight, LANES, Registers};
use super::sharing::PRODUCT;
use crate::configuration::Configurations;
use crate::law::{Chains, Clamp};
use crate::random::Seed;
use rayon::prelude::*;
use std::borrow::Cow;
use std::f64::consts::LOG2_E;

/// Rows whose weights are computed together.
const ROWS: usize = 64;

/// Tiles of 32 units whose factors, at most 2 a unit, are multiplied before a logarithm is taken: at most 2^512.
const TILES: usize = 16;

/// The path ln f_beta(v) = [(1 - beta) a + beta b].v + sum_j softplus(beta (c_j + (v'W)_j)): the joint energy times
/// beta, with visible units of bias a at beta = 0, hidden units summed (Salakhutdinov and Murray 2008).
///
/// A block-Gibbs step at beta draws h with p(h_j = 1 | v) = sigmoid(beta (c_j + (v'W)_j)) and v with
/// p(v_i = 1 | h) = sigmoid((1 - beta) a_i + beta (b_i + (W h)_i)). Inputs are sums in single precision; the rest of
/// ln f_beta is computed in double precision.
#[derive(Debug)]
pub struct AnnealedGibbs<'a> {
    sampler: &'a BlockGibbs,
    base_bias: Vec<f64>,
    bias: Vec<f64>,
    /// a.v
    base_sums: BitSums,
    /// (b - a).v
    changes: BitSums,
}

impl<'a> AnnealedGibbs<'a> {
    /// From the machine's sampler, a and b.
    pub fn new(sampler: &'a BlockGibbs, base_bias: &[f64], bias: &[f64]) -> Self {
        let n = sampler.visible();
        assert!(base_bias.len() == n && bias.len() == n, "a bias a visible unit");
        let changes = bias.iter().zip(base_bias).map(|(b, a)| b - a);
        Self {
            sampler,
            base_bias: base_bias.to_vec(),
            bias: bias.to_vec(),
            base_sums: BitSums::new(base_bias),
            changes: BitSums::new(&changes.collect::<Vec<f64>>()),
        }
    }

    /// Moves chains of rows (v, h) by steps at beta > 0.
    pub fn advance(&self, chains: &mut Chains, beta: f64, steps: usize) {
        let bias = self.visible_bias(beta);
        let mut nothing = vec![(); chains.states().len()];
        self.sampler.for_each_block(chains, steps, &mut nothing, |rows, _, seed| {
            self.sampler.advance_block(rows, seed, beta, &bias, steps, Clamp::Nothing);
        });
    }

    /// For each beta and the next: adds ln f_next(v) - ln f_beta(v) of every chain to its entry of `log_ratios` and
    /// moves the chains by one step at the next beta, unless that is 0.
    pub fn anneal(&self, chains: &mut Chains, betas: &[f64], log_ratios: &mut [f64]) {
        self.sampler.for_each_block(chains, betas.len(), log_ratios, |rows, log_ratios, seed| {
            self.anneal_block(rows, log_ratios, seed, betas);
        });
    }

    fn anneal_block(&self, bits: &mut [u64], log_ratios: &mut [f64], seed: Seed, betas: &[f64]) {
        let (n, m, rows) = (self.sampler.visible(), self.sampler.hidden(), log_ratios.len());
        let words = (n + m).div_ceil(64);
        let mut visible = BitBlock::gather(bits, words, 0, n);
        let mut hidden = BitBlock::gather(bits, words, n, m);
        let (mut up, mut down) = (layer_noise(seed, "hidden", m), layer_noise(seed, "visible", n));
        let mut nobody = vec![(); down.len()];
        let mut parts = vec![Softplus::ONE; rows * up.len()];
        // Products over the temperatures, whose logarithms are taken when they must be: a group of tiles is a factor
        // between 2^-512 and 2^512.
        let mut ratios = vec![1.0_f64; rows];
        for pair in betas.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let mut watchers = watch(&mut parts, rows, [from, to]);
            let (scale, bias) = (input_scale(to), &self.sampler.up.bias);
            self.sampler.up.draw(&visible, &mut hidden, scale, bias, &mut up, &mut watchers);
            for (s, (sum, ratio)) in log_ratios.iter_mut().zip(&mut ratios).enumerate() {
                *sum += (to - from) * self.changes.of(&visible, s);
                for (linear, [lower, upper]) in collect(&parts, rows, s) {
                    *sum += (to - from) * linear;
                    *ratio *= upper / lower;
                    if !(1e-120..1e120).contains(ratio) {
                        *sum += ratio.ln();
                        *ratio = 1.0;
                    }
                }
            }
            if to > 0.0 {
                let bias = self.visible_bias(to);
                self.sampler.down.draw(&hidden, &mut visible, scale, &bias, &mut down, &mut nobody);
            }
        }
        for (sum, ratio) in log_ratios.iter_mut().zip(ratios) {
            *sum += ratio.ln();
        }
        visible.scatter(bits, words, 0);
        hidden.scatter(bits, words, n);
    }

    /// ln f_beta(v) of every row, which begins with v, at every beta, row after row.
    pub fn log_weights(&self, states: &Configurations, betas: &[f64]) -> Vec<f64> {
        let (n, words, count) = (self.sampler.visible(), states.words(), betas.len());
        assert!(states.sites() >= n, "rows begin with v");
        let mut all = vec![0.0; states.len() * count];
        let block = |(out, rows): (&mut [f64], &[u64])| {
            let visible = BitBlock::gather(rows, words, 0, n);
            for (first, betas) in (0..).step_by(3).zip(betas.chunks(3)) {
                let weights = match *betas {
                    [a, b, c] => self.block_log_weights(&visible, [a, b, c]).into_flattened(),
                    [a, b] => self.block_log_weights(&visible, [a, b]).into_flattened(),
                    [a] => self.block_log_weights(&visible, [a]).into_flattened(),
                    _ => Vec::new(),
                };
                let rows = out.chunks_exact_mut(count).zip(weights.chunks_exact(betas.len()));
                rows.for_each(|(out, weights)| out[first..][..betas.len()].copy_from_slice(weights));
            }
        };
        let rows = states.bits();
        if states.len() * n * self.sampler.hidden() > PRODUCT {
            all.par_chunks_mut(ROWS * count).zip(rows.par_chunks(ROWS * words)).for_each(block);
        } else {
            all.chunks_mut(ROWS * count).zip(rows.chunks(ROWS * words)).for_each(block);
        }
        all
    }

    fn block_log_weights<const B: usize>(&self, visible: &BitBlock, betas: [f64; B]) -> Vec<[f64; B]> {
        let (rows, up) = (visible.rows(), &self.sampler.up);
        let product = Product::new(visible, &up.weights);
        let mut parts = vec![Softplus::ONE; rows * up.bias.len()];
        for (tile, watcher) in watch(&mut parts, rows, betas).into_iter().enumerate() {
            Scratch::lend(rows, |scratch| {
                Level::get().run_with(SeeTile { product, tile, bias: &up.bias[tile], watcher, scratch });
            });
        }
        // Every unit of padding has added softplus(0).
        let padding = up.weights.columns().next_multiple_of(LANES) - up.weights.columns();
        let padding = padding as f64 * std::f64::consts::LN_2;
        let row = |s: usize| {
            let (base, change) = (self.base_sums.of(visible, s), self.changes.of(visible, s));
            let mut weights = betas.map(|beta| base + beta * change - padding);
            for (linear, factors) in collect(&parts, rows, s) {
                for ((weight, beta), factor) in weights.iter_mut().zip(betas).zip(factors) {
                    *weight += beta * linear + factor.ln();
                }
            }
            weights
        };
        (0..rows).map(row).collect()
    }

    /// What the visible units' inputs begin with at beta > 0, which multiplies them: b + (1 - beta) / beta a.
    fn visible_bias(&self, beta: f64) -> Cow<'_, [TileRow]> {
        if self.base_bias.iter().all(|a| *a == 0.0) {
            return Cow::Borrowed(&self.sampler.down.bias);
        }
        let both = self.bias.iter().zip(&self.base_bias);
        let inputs: Vec<f64> = both.map(|(b, a)| b + (1.0 - beta) / beta * a).collect();
        Cow::Owned(padded(&inputs))
    }
}

/// What a row's softplus(beta x_j) of some units add up to: beta sum_j max(x_j, 0) + ln prod_j (1 + e^{-beta |x_j|}),
/// units of eight classes apart.
#[derive(Clone, Copy)]
struct Softplus<const B: usize> {
    linear: Eight,
    factors: [Eight; B],
}

impl<const B: usize> Softplus<B> {
    const ONE: Self = Self { linear: Eight::ZERO, factors: [Eight([1.0; 8]); B] };
}

/// Sees the inputs of a tile of hidden units.
struct SoftplusWatch<'a, const B: usize> {
    betas: [f64; B],
    rows: &'a mut [Softplus<B>],
}

/// A watcher for every tile, whose rows follow each other in `parts`.
fn watch<const B: usize>(parts: &mut [Softplus<B>], rows: usize, betas: [f64; B]) -> Vec<SoftplusWatch<'_, B>> {
    let tiles = parts.chunks_mut(rows);
    tiles.map(|rows| SoftplusWatch { betas, rows }).collect()
}

impl<const B: usize> Watch for SoftplusWatch<'_, B> {
    /// Units of padding add ln 2 at every beta: their inputs are 0.
    #[inline(always)]
    fn see<R: Registers, const N: usize>(&mut self, registers: R, s: usize, inputs: [R::Floats; N]) {
        let zero = registers.splat_double(0.0);
        let mut linear = zero;
        let mut factors = [registers.splat_double(1.0); B];
        for x in inputs.into_iter().flat_map(|x| registers.doubles(x)) {
            linear = registers.add_doubles(linear, registers.larger_double(x, zero));
            let magnitude = registers.larger_double(x, registers.subtract_doubles(zero, x));
            for (factor, beta) in factors.iter_mut().zip(self.betas) {
                let scale = registers.splat_double(-beta * LOG2_E);
                let t = registers.multiply_doubles(magnitude, scale);
                *factor = registers.fused_doubles(*factor, power_of_two_double(registers, t), *factor);
            }
        }
        let row = &mut self.rows[s];
        registers.store_doubles(linear, &mut row.linear);
        for (factor, out) in factors.into_iter().zip(&mut row.factors) {
            registers.store_doubles(factor, out);
        }
    }
}

/// Of row `s`, for every [`TILES`] tiles: sum_j max(x_j, 0), and prod_j (1 + e^{-beta |x_j|}) at every beta.
fn collect<const B: usize>(parts: &[Softplus<B>], rows: usize, s: usize) -> impl Iterator<Item = (f64, [f64; B])> {
    parts.chunks(TILES * rows).map(move |group| {
        let (mut linear, mut factors) = ([0.0; 8], [[1.0; 8]; B]);
        for tile in group.chunks_exact(rows).map(|tile| &tile[s]) {
            for (sum, x) in linear.iter_mut().zip(tile.linear.0) {
                *sum += x;
            }
            for (products, factors) in factors.iter_mut().zip(&tile.factors) {
                for (product, factor) in products.iter_mut().zip(factors.0) {
                    *product *= factor;
                }
            }
        }
        let sum = fold(linear, |a, b| a + b);
        (sum, factors.map(|factors| fold(factors, |a, b| a * b)))
    })
}

/// All lanes together, halves first.
fn fold(x: [f64; 8], join: impl Fn(f64, f64) -> f64) -> f64 {
    let four: [f64; 4] = std::array::from_fn(|l| join(x[l], x[l + 4]));
    join(join(four[0], four[2]), join(four[1], four[3]))
}

/// Makes the inputs of 32 hidden units in every row of a block, for a watcher.
pub(super) struct SeeTile<'a, W> {
    pub product: Product<'a>,
    pub tile: usize,
    pub bias: &'a TileRow,
    pub watcher: W,
    pub scratch: &'a mut Scratch,
}

impl<W: Watch> VectorKernel for SeeTile<'_, W> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(mut self, registers: R) {
        let mut receiver = See(&mut self.watcher);
        self.product.tile(registers, self.tile, self.bias, self.scratch, &mut receiver);
    }
}

struct See<'a, W>(&'a mut W);

impl<R: Registers, W: Watch> Receive<R> for See<'_, W> {
    #[inline(always)]
    fn receive<const N: usize>(&mut self, registers: R, s: usize, sums: [R::Floats; N]) {
        self.0.see(registers, s, sums);
    }
}

/// Sums a.v over the bits of a row, by tables of the 16 sums of four units.
#[derive(Debug)]
struct BitSums(Vec<[f64; 16]>);

impl BitSums {
    fn new(values: &[f64]) -> Self {
        let table = |four: &[f64]| {
            std::array::from_fn(|k| {
                let on = four.iter().enumerate().filter(|(i, _)| k >> i & 1 == 1);
                on.map(|(_, value)| value).sum()
            })
        };
        Self(values.chunks(4).map(table).collect())
    }

    fn of(&self, bits: &BitBlock, s: usize) -> f64 {
        let words = self.0.chunks(WORD / 4).enumerate();
        words
            .map(|(w, tables)| {
                let word = bits.column(w)[s];
                let entry = |(k, table): (usize, &[f64; 16])| table[(word >> (4 * k) & 15) as usize];
                tables.iter().enumerate().map(entry).sum::<f64>()
            })
            .sum()
    }
}
