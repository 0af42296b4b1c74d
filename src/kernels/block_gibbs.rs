//! Block Gibbs sampling of two layers in single precision.

use super::binary_product::{Product, Receive, Scratch};
use super::elementary::{draw, input_scale};
use super::level::{Level, VectorKernel};
use super::matrix::{BitBlock, Matrix, TileRow, WORD, mask, padded};
use super::noise::Noise;
use super::registers::Registers;
use super::sharing::LAYER;
use crate::error::Result;
use crate::law::{Chains, Clamp, Kernel, check_held};
use crate::random::Seed;
use rayon::prelude::*;

/// Most chains that move together where threads share the units: 1 MiB of sums.
const LARGE_BLOCK: usize = 1024;

/// Block Gibbs sampling of f(v, h) = exp(b.v + c.h + v'W h): one step draws h given v, then v given h.
///
/// At inverse temperature beta the joint law is f^beta: p(h_j = 1 | v) = sigmoid(beta (c_j + (v'W)_j)),
/// p(v_i = 1 | h) = sigmoid(beta (b_i + (W h)_i)). Inputs are summed in single precision; a unit's
/// probability is resolved to 2^-24.
#[derive(Debug)]
pub struct BlockGibbs {
    /// From the visible to the hidden layer: W and c.
    pub(super) up: Connection,
    /// From the hidden to the visible layer: W transposed and b.
    pub(super) down: Connection,
}

/// What the units of a layer need to know of the other layer.
#[derive(Debug)]
pub(super) struct Connection {
    /// A row for each unit of the other layer.
    pub weights: Matrix,
    pub bias: Vec<TileRow>,
}

impl BlockGibbs {
    /// From W (a row of `hidden_bias.len()` numbers for each visible unit) and both biases.
    pub fn new(weights: &[f64], visible_bias: &[f64], hidden_bias: &[f64]) -> Self {
        let (n, m) = (visible_bias.len(), hidden_bias.len());
        assert_eq!(weights.len(), n * m, "W is visible x hidden");
        let mut sampler = Self {
            up: Connection { weights: Matrix::zeros(n, m), bias: padded(hidden_bias) },
            down: Connection { weights: Matrix::zeros(m, n), bias: padded(visible_bias) },
        };
        sampler.set_weights(weights);
        sampler
    }

    pub(super) fn visible(&self) -> usize {
        self.down.weights.columns()
    }

    pub(super) fn hidden(&self) -> usize {
        self.up.weights.columns()
    }

    /// Moves a block of chains whose rows are in `bits`. `visible_bias` may differ from the machine's own.
    pub(super) fn advance_block(
        &self,
        bits: &mut [u64],
        seed: Seed,
        beta: f64,
        visible_bias: &[TileRow],
        steps: usize,
        clamp: Clamp,
    ) {
        let (n, m) = (self.visible(), self.hidden());
        let words = (n + m).div_ceil(64);
        let mut visible = BitBlock::gather(bits, words, 0, n);
        let mut hidden = BitBlock::gather(bits, words, n, m);
        let (mut up, mut down) = (layer_noise(seed, "hidden", m), layer_noise(seed, "visible", n));
        let (mut nobody, mut none) = (vec![(); up.len()], vec![(); down.len()]);
        let scale = input_scale(beta);
        for _ in 0..steps {
            let bias = &self.up.bias;
            self.up.draw(&visible, &mut hidden, scale, bias, &mut up, &mut nobody);
            if clamp == Clamp::Nothing {
                self.down.draw(&hidden, &mut visible, scale, visible_bias, &mut down, &mut none);
            }
        }
        visible.scatter(bits, words, 0);
        hidden.scatter(bits, words, n);
    }

    /// Moves a block of chains whose units in `held` stay: the units of a layer are independent given the other layer, so
    /// that those which are held may be drawn and put back.
    fn advance_block_holding(&self, bits: &mut [u64], seed: Seed, beta: f64, steps: usize, held: &[u64]) {
        let (n, m) = (self.visible(), self.hidden());
        let words = (n + m).div_ceil(64);
        let mut visible = BitBlock::gather(bits, words, 0, n);
        let mut hidden = BitBlock::gather(bits, words, n, m);
        let (old_visible, old_hidden) = (visible.clone(), hidden.clone());
        let (held_visible, held_hidden) = (BitBlock::gather(held, words, 0, n), BitBlock::gather(held, words, n, m));
        let (mut up, mut down) = (layer_noise(seed, "hidden", m), layer_noise(seed, "visible", n));
        let (mut nobody, mut none) = (vec![(); up.len()], vec![(); down.len()]);
        let scale = input_scale(beta);
        for _ in 0..steps {
            self.up.draw(&visible, &mut hidden, scale, &self.up.bias, &mut up, &mut nobody);
            hidden.restore(&held_hidden, &old_hidden);
            self.down.draw(&hidden, &mut visible, scale, &self.down.bias, &mut down, &mut none);
            visible.restore(&held_visible, &old_visible);
        }
        visible.scatter(bits, words, 0);
        hidden.scatter(bits, words, n);
    }

    /// Calls `work(rows of a block, their companions, its seed)` for every block of chains, blocks or the units of a
    /// layer in parallel, whichever is faster; a step of the work is one of block Gibbs.
    pub(super) fn for_each_block<T: Send>(
        &self,
        chains: &mut Chains,
        steps: usize,
        companions: &mut [T],
        work: impl Fn(&mut [u64], &mut [T], Seed) + Sync + Send,
    ) {
        assert_eq!(chains.states().sites(), self.visible() + self.hidden(), "rows are (v, h)");
        let weights = self.visible() * self.hidden();
        if weights >= LAYER {
            // From within the pool, so that the shares of each half step cost no change of thread.
            rayon::scope(|_| chains.for_each_block_with(LARGE_BLOCK, 0, companions, work));
        } else {
            let operations = steps * (weights / 32 + self.visible() + self.hidden());
            chains.for_each_block_with(Chains::BLOCK, operations, companions, work);
        }
    }
}

/// A generator for every 32 units of a layer.
pub(super) fn layer_noise(seed: Seed, layer: &str, units: usize) -> Vec<Noise> {
    let tiles = 0..units.div_ceil(WORD) as u64;
    tiles.map(|tile| Noise::new(seed.child(layer, tile))).collect()
}

impl Connection {
    /// Draws the units of a layer given those of the other. `bias` is that of the layer, and every tile of 32 units has
    /// a watcher that sees the inputs first.
    pub fn draw<W: Watch>(
        &self,
        given: &BitBlock,
        drawn: &mut BitBlock,
        scale: f32,
        bias: &[TileRow],
        noise: &mut [Noise],
        watchers: &mut [W],
    ) {
        let product = Product::new(given, &self.weights);
        let (units, rows) = (drawn.units(), drawn.rows());
        assert!(noise.len() == bias.len() && watchers.len() == bias.len());
        let draw_tile = |tile: usize, noise: &mut Noise, watcher: &mut W, out: &mut [u32]| {
            Scratch::lend(rows, |scratch| {
                Level::get().run_with(DrawTile {
                    product,
                    tile,
                    bias: &bias[tile],
                    scale,
                    mask: mask(units, tile),
                    noise,
                    watcher,
                    out,
                    scratch,
                });
            });
        };
        let columns = drawn.words_mut();
        if units * given.units() >= LAYER {
            columns
                .par_chunks_mut(rows)
                .zip(noise)
                .zip(watchers)
                .enumerate()
                .for_each(|(tile, ((out, noise), watcher))| draw_tile(tile, noise, watcher, out));
        } else {
            let tiles = columns.chunks_mut(rows).zip(noise).zip(watchers);
            for (tile, ((out, noise), watcher)) in tiles.enumerate() {
                draw_tile(tile, noise, watcher, out);
            }
        }
    }
}

/// What sees the inputs of the units that are drawn.
pub(super) trait Watch: Send {
    /// Sees the inputs, biases included, of 16 or 32 units of row `s`; those of padding are 0. `#[inline(always)]`.
    fn see<R: Registers, const N: usize>(&mut self, registers: R, s: usize, inputs: [R::Floats; N]);
}

/// Nobody looks.
impl Watch for () {
    #[inline(always)]
    fn see<R: Registers, const N: usize>(&mut self, _: R, _: usize, _: [R::Floats; N]) {}
}

/// Draws 32 units in every chain of a block.
struct DrawTile<'a, W> {
    product: Product<'a>,
    tile: usize,
    bias: &'a TileRow,
    scale: f32,
    mask: u32,
    noise: &'a mut Noise,
    watcher: &'a mut W,
    out: &'a mut [u32],
    scratch: &'a mut Scratch,
}

impl<W: Watch> VectorKernel for DrawTile<'_, W> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(self, registers: R) {
        let mut receiver = Draw {
            noise: self.noise.clone(),
            scale: self.scale,
            mask: self.mask,
            watcher: self.watcher,
            out: self.out,
        };
        self.product.tile(registers, self.tile, self.bias, self.scratch, &mut receiver);
        *self.noise = receiver.noise;
    }
}

/// Turns inputs into states.
struct Draw<'a, W> {
    noise: Noise,
    scale: f32,
    mask: u32,
    watcher: &'a mut W,
    out: &'a mut [u32],
}

impl<R: Registers, W: Watch> Receive<R> for Draw<'_, W> {
    #[inline(always)]
    fn receive<const N: usize>(&mut self, registers: R, s: usize, sums: [R::Floats; N]) {
        self.watcher.see(registers, s, sums);
        let mut bits = 0;
        for (t, x) in sums.into_iter().enumerate() {
            let u = self.noise.uniform(registers);
            let score = draw(registers, x, self.scale, u);
            bits |= u32::from(registers.less(score, registers.splat(1.0))) << (16 * t);
        }
        self.out[s] = bits & self.mask;
    }
}

impl Kernel for BlockGibbs {
    fn units(&self) -> usize {
        self.visible() + self.hidden()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let mut nothing = vec![(); chains.states().len()];
        self.for_each_block(chains, steps, &mut nothing, |rows, _, seed| {
            self.advance_block(rows, seed, beta, &self.down.bias, steps, clamp);
        });
    }

    fn advance_holding(&self, chains: &mut Chains, beta: f64, steps: usize, held: &[u64]) -> Result<()> {
        check_held(held, self.units())?;
        let mut nothing = vec![(); chains.states().len()];
        self.for_each_block(chains, steps, &mut nothing, |rows, _, seed| {
            self.advance_block_holding(rows, seed, beta, steps, held);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;
    use crate::random::uniform;

    /// Against the enumerated joint law, at two temperatures, on shapes that fill a register badly.
    #[test]
    fn block_gibbs_keeps_the_contract_of_a_kernel() {
        for (n, m) in [(6, 6), (1, 3), (5, 4), (9, 1)] {
            let mut generator = Seed::root(7).child("machine", (n * 10 + m) as u64).generator();
            let mut numbers = |count| -> Vec<f64> { (0..count).map(|_| 2.0 * uniform(&mut generator) - 1.0).collect() };
            let (weights, b, c) = (numbers(n * m), numbers(n), numbers(m));
            for beta in [1.0, 0.5] {
                let energy = |row: u64| -> f64 {
                    let on = |k: usize| (row >> k & 1) as f64;
                    let pair = |k: usize| weights[k] * on(k / m) * on(n + k % m);
                    (0..n * m).map(pair).sum::<f64>()
                        + (0..n).map(|i| b[i] * on(i)).sum::<f64>()
                        + (0..m).map(|j| c[j] * on(n + j)).sum::<f64>()
                };
                let factors: Vec<f64> = (0..1 << (n + m)).map(|row| (beta * energy(row)).exp()).collect();
                let z: f64 = factors.iter().sum();
                let law: Vec<f64> = factors.iter().map(|f| f / z).collect();
                let kernel = BlockGibbs::new(&weights, &b, &c);
                contract::kernel(&kernel, beta, &law, n, 20, 300_000, 8)
                    .and_then(|()| contract::holding(&kernel, beta, &law, 40, 300_000, 9))
                    .unwrap_or_else(|problem| panic!("{n}x{m}: {problem}"));
            }
        }
    }
}
