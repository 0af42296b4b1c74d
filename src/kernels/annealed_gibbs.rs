//! Block Gibbs sampling along a path of temperatures, with the weights of annealed importance sampling.
//!
//! On the way to a hidden unit's draw its input x is in a register. What the weights need of it is softplus(beta x) at
//! two temperatures, so that a weight costs two exponentials a unit in double precision and no product of its own.

use super::binary_product::{Product, Receive, Scratch};
use super::block_gibbs::{BlockGibbs, Watch, layer_noise};
use super::elementary::{exp_of_negative, input_scale};
use super::level::{Level, VectorKernel};
use super::matrix::{BitBlock, TileRow, WORD, padded};
use super::registers::{LANES, Registers};
use crate::configuration::Configurations;
use crate::law::{Chains, Clamp};
use crate::random::Seed;
use rayon::prelude::*;
use std::borrow::Cow;

/// Rows whose weights are computed together.
const ROWS: usize = 64;

/// Tiles of 32 units whose factors, at most 2 a unit, are multiplied before a logarithm is taken: at most 2^512.
const TILES: usize = 16;

/// Rows times weights of the machine above which threads share the work.
const WORTH_A_THREAD: usize = 1 << 22;

/// The path ln f_beta(v) = [(1 - beta) a + beta b].v + sum_j softplus(beta (c_j + (v'W)_j)): the joint energy times
/// beta, with visible units of bias a at beta = 0, hidden units summed (Salakhutdinov and Murray 2008, equation 15).
///
/// A block-Gibbs step at beta draws h with p(h_j = 1 | v) = sigmoid(beta (c_j + (v'W)_j)) and v with
/// p(v_i = 1 | h) = sigmoid((1 - beta) a_i + beta (b_i + (W h)_i)). Inputs are sums in single precision; the rest of
/// ln f_beta is computed in double precision.
pub struct AnnealedGibbs<'a> {
    sampler: &'a BlockGibbs,
    base_bias: Vec<f64>,
    bias: Vec<f64>,
    base_sums: BitSums,
    sums: BitSums,
}

impl<'a> AnnealedGibbs<'a> {
    /// From the machine's sampler, a and b.
    pub fn new(sampler: &'a BlockGibbs, base_bias: &[f64], bias: &[f64]) -> Self {
        let n = sampler.visible();
        assert!(
            base_bias.len() == n && bias.len() == n,
            "a bias a visible unit"
        );
        Self {
            sampler,
            base_bias: base_bias.to_vec(),
            bias: bias.to_vec(),
            base_sums: BitSums::new(base_bias),
            sums: BitSums::new(bias),
        }
    }

    /// Moves chains of rows (v, h) by steps at beta > 0.
    pub fn advance(&self, chains: &mut Chains, beta: f64, steps: usize) {
        let bias = self.visible_bias(beta);
        let mut nothing = vec![(); chains.states().len()];
        self.sampler
            .for_each_block(chains, steps, &mut nothing, |rows, _, seed| {
                self.sampler
                    .advance_block(rows, seed, beta, &bias, steps, Clamp::Nothing);
            });
    }

    /// For each beta and the next: adds ln f_next(v) - ln f_beta(v) of every chain to its entry of `log_ratios` and
    /// moves the chains by one step at the next beta, unless that is 0.
    pub fn anneal(&self, chains: &mut Chains, betas: &[f64], log_ratios: &mut [f64]) {
        self.sampler
            .for_each_block(chains, betas.len(), log_ratios, |rows, log_ratios, seed| {
                self.anneal_block(rows, log_ratios, seed, betas);
            });
    }

    fn anneal_block(&self, bits: &mut [u64], log_ratios: &mut [f64], seed: Seed, betas: &[f64]) {
        let (n, m, rows) = (
            self.sampler.visible(),
            self.sampler.hidden(),
            log_ratios.len(),
        );
        let words = (n + m).div_ceil(64);
        let mut visible = BitBlock::gather(bits, words, 0, n);
        let mut hidden = BitBlock::gather(bits, words, n, m);
        let (mut up, mut down) = (
            layer_noise(seed, "hidden", m),
            layer_noise(seed, "visible", n),
        );
        let mut nobody = vec![(); down.len()];
        let mut parts = vec![Softplus::ONE; rows * up.len()];
        for pair in betas.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let mut watchers = watch(&mut parts, rows, [from, to]);
            let (scale, bias) = (input_scale(to), &self.sampler.up.bias);
            self.sampler
                .up
                .draw(&visible, &mut hidden, scale, bias, &mut up, &mut watchers);
            for (s, sum) in log_ratios.iter_mut().enumerate() {
                let difference = self.sums.of(&visible, s) - self.base_sums.of(&visible, s);
                let [lower, upper] = collect(&parts, rows, s, [from, to]);
                *sum += (to - from) * difference + (upper - lower);
            }
            if to > 0.0 {
                let bias = self.visible_bias(to);
                self.sampler
                    .down
                    .draw(&hidden, &mut visible, scale, &bias, &mut down, &mut nobody);
            }
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
                let rows = out
                    .chunks_exact_mut(count)
                    .zip(weights.chunks_exact(betas.len()));
                rows.for_each(|(out, weights)| {
                    out[first..][..betas.len()].copy_from_slice(weights)
                });
            }
        };
        let rows = states.bits();
        if states.len() * n * self.sampler.hidden() > WORTH_A_THREAD {
            all.par_chunks_mut(ROWS * count)
                .zip(rows.par_chunks(ROWS * words))
                .for_each(block);
        } else {
            all.chunks_mut(ROWS * count)
                .zip(rows.chunks(ROWS * words))
                .for_each(block);
        }
        all
    }

    fn block_log_weights<const B: usize>(
        &self,
        visible: &BitBlock,
        betas: [f64; B],
    ) -> Vec<[f64; B]> {
        let (rows, up) = (visible.rows(), &self.sampler.up);
        let product = Product::new(visible, &up.weights);
        let mut parts = vec![Softplus::ONE; rows * up.bias.len()];
        for (tile, watcher) in watch(&mut parts, rows, betas).into_iter().enumerate() {
            Scratch::lend(rows, |scratch| {
                Level::get().run_with(SeeTile {
                    product,
                    tile,
                    bias: &up.bias[tile],
                    watcher,
                    scratch,
                });
            });
        }
        // Every unit of padding has added softplus(0).
        let padding = up.weights.columns().next_multiple_of(LANES) - up.weights.columns();
        let padding = padding as f64 * std::f64::consts::LN_2;
        let row = |s: usize| {
            let mut weights = collect(&parts, rows, s, betas);
            let (base, own) = (self.base_sums.of(visible, s), self.sums.of(visible, s));
            for (weight, beta) in weights.iter_mut().zip(betas) {
                *weight += (1.0 - beta) * base + beta * own - padding;
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

/// What a row's softplus(beta x_j) of some units add up to: beta sum_j max(x_j, 0) + ln prod_j (1 + e^{-beta |x_j|}).
#[derive(Clone, Copy)]
struct Softplus<const B: usize> {
    linear: f64,
    factors: [f64; B],
}

impl<const B: usize> Softplus<B> {
    const ONE: Self = Self {
        linear: 0.0,
        factors: [1.0; B],
    };
}

/// Sees the inputs of a tile of hidden units.
struct SoftplusWatch<'a, const B: usize> {
    betas: [f64; B],
    rows: &'a mut [Softplus<B>],
}

/// A watcher for every tile, whose rows follow each other in `parts`.
fn watch<const B: usize>(
    parts: &mut [Softplus<B>],
    rows: usize,
    betas: [f64; B],
) -> Vec<SoftplusWatch<'_, B>> {
    let tiles = parts.chunks_mut(rows);
    tiles.map(|rows| SoftplusWatch { betas, rows }).collect()
}

impl<const B: usize> Watch for SoftplusWatch<'_, B> {
    /// Units of padding add ln 2 at every beta: their inputs are 0.
    #[inline(always)]
    fn see<R: Registers, const N: usize>(
        &mut self,
        registers: R,
        s: usize,
        inputs: [R::Floats; N],
    ) {
        let mut linear = [0.0; LANES];
        let mut factors = [[1.0; LANES]; B];
        for x in inputs {
            let mut wide = [0.0; LANES];
            registers.widen(x, &mut wide);
            for l in 0..LANES {
                linear[l] += wide[l].max(0.0);
            }
            for (factors, beta) in factors.iter_mut().zip(self.betas) {
                for l in 0..LANES {
                    factors[l] *= 1.0 + exp_of_negative(-beta * wide[l].abs());
                }
            }
        }
        self.rows[s] = Softplus {
            linear: fold(linear, |a, b| a + b),
            factors: factors.map(|factors| fold(factors, |a, b| a * b)),
        };
    }
}

/// All lanes together, halves first.
#[inline(always)]
fn fold(mut lanes: [f64; LANES], combine: impl Fn(f64, f64) -> f64) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = combine(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// sum_j softplus(beta x_j) of row `s` at every beta, from the tiles' parts.
fn collect<const B: usize>(
    parts: &[Softplus<B>],
    rows: usize,
    s: usize,
    betas: [f64; B],
) -> [f64; B] {
    let mut sums = [0.0; B];
    let (mut linear, mut logarithms) = (0.0, [0.0; B]);
    for group in parts.chunks(TILES * rows) {
        let mut factors = [1.0; B];
        for tile in group.chunks_exact(rows) {
            linear += tile[s].linear;
            factors
                .iter_mut()
                .zip(tile[s].factors)
                .for_each(|(product, factor)| *product *= factor);
        }
        logarithms
            .iter_mut()
            .zip(factors)
            .for_each(|(sum, factor)| *sum += factor.ln());
    }
    for ((sum, beta), logarithm) in sums.iter_mut().zip(betas).zip(logarithms) {
        *sum = beta * linear + logarithm;
    }
    sums
}

/// Makes the inputs of 32 hidden units in every row of a block, for a watcher.
struct SeeTile<'a, W> {
    product: Product<'a>,
    tile: usize,
    bias: &'a TileRow,
    watcher: W,
    scratch: &'a mut Scratch,
}

impl<W: Watch> VectorKernel for SeeTile<'_, W> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(mut self, registers: R) {
        let mut receiver = See(&mut self.watcher);
        self.product
            .tile(registers, self.tile, self.bias, self.scratch, &mut receiver);
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
                let entry =
                    |(k, table): (usize, &[f64; 16])| table[(word >> (4 * k) & 15) as usize];
                tables.iter().enumerate().map(entry).sum::<f64>()
            })
            .sum()
    }
}
