//! The gradient of -ln p(label | v), exact but for rounding, in single precision.
//!
//! The inputs of the hidden units are summed once for all labels, whose weights are added to them in the registers. What the
//! labels do to the weights of the other units is a product with bits again, of sum_l (p(l | v) - 1 if l is right)
//! sigmoid(x_j + U_lj) in the place of a hidden unit's probability.

use super::annealed_gibbs::SeeTile;
use super::binary_product::{Product, Scratch};
use super::block_gibbs::{BlockGibbs, Watch};
use super::elementary::{input_scale, power_of_two, sigmoid};
use super::level::Level;
use super::matrix::{BitBlock, Matrix, TILE, TileRow, WORD};
use super::registers::{Registers, Sixteen};
use super::sharing::{PRODUCT, for_each};
use crate::configuration::{Configurations, set_bit, words_for};
use crate::numerics::log_sum_exp;

/// Rows that are worked on together.
const ROWS: usize = 1024;

impl BlockGibbs {
    /// Adds factor x the gradient of -sum_s w_s ln p(l_s | v_s) to `gradient`, W row by row and then biases, where l_s is the
    /// label of row s, v_s the row without its label, and labels are the last visible units.
    pub fn add_label_gradient(
        &self,
        rows: &Configurations,
        own: &[usize],
        label_bias: &[f64],
        factor: f64,
        gradient: &mut [f64],
    ) {
        let (n, m, words, labels) = (self.visible(), self.hidden(), words_for(self.visible()), label_bias.len());
        for first in (0..rows.len()).step_by(ROWS) {
            let own = &own[first..rows.len().min(first + ROWS)];
            let mut bits = Vec::with_capacity(own.len() * words);
            for s in first..first + own.len() {
                let start = bits.len();
                bits.extend_from_slice(&rows.row(s)[..words]);
                (n - labels..n).for_each(|site| set_bit(&mut bits[start..], site, false));
            }
            let parallel = own.len() * n * m > PRODUCT;
            let mut shares = self.log_sums_of_labels(&bits, labels, parallel);
            for (s, shares) in shares.chunks_exact_mut(labels).enumerate() {
                shares.iter_mut().zip(label_bias).for_each(|(x, bias)| *x += bias);
                let (total, weight) = (log_sum_exp(shares), factor * rows.weight(first + s));
                for (label, share) in shares.iter_mut().enumerate() {
                    *share = weight * ((*share - total).exp() - f64::from(u8::from(label == own[s])));
                    gradient[n * m + n - labels + label] += *share;
                }
            }
            let (hidden, of_labels) = self.shared_probabilities(&bits, &shares, labels, parallel);
            self.set_products(&bits, &hidden, false, gradient);
            let rows = gradient[(n - labels) * m..n * m].chunks_exact_mut(m);
            for (label, row) in rows.enumerate() {
                for (tile, row) in of_labels.chunks_exact(labels).zip(row.chunks_mut(WORD)) {
                    let sums = tile[label].iter().flat_map(|register| register.0);
                    row.iter_mut().zip(sums).for_each(|(sum, x)| *sum += f64::from(x));
                }
            }
        }
    }

    /// sum_j softplus(c_j + (v'W)_j + U_lj) of every row and label, row after row, but for a constant: units of padding add
    /// ln 2 each. U are the weights of the labels, whose bits are 0.
    fn log_sums_of_labels(&self, bits: &[u64], labels: usize, parallel: bool) -> Vec<f64> {
        let (n, words) = (self.visible(), words_for(self.visible()));
        let mut sums = vec![0.0; bits.len() / words * labels];
        let share = if parallel { (bits.len() / words).div_ceil(2) } else { bits.len() / words };
        let tasks = sums.chunks_mut(share * labels).zip(bits.chunks(share * words));
        for_each(parallel, tasks.collect(), |(sums, bits): (&mut [f64], &[u64])| {
            let bits = BitBlock::gather(bits, words, 0, n);
            let product = Product::new(&bits, &self.up.weights);
            for (tile, bias) in self.up.bias.iter().enumerate() {
                let watcher = LogSums { weights: self.of_labels(tile, labels), sums };
                Scratch::lend(bits.rows(), |scratch| {
                    Level::get().run_with(SeeTile { product, tile, bias, watcher, scratch });
                });
            }
        });
        sums
    }

    /// sum_l share_sl sigmoid(c_j + (v'W)_j + U_lj), a row for each row of bits, and sum_s share_sl sigmoid(...), tile after
    /// tile with a row a label. Shares of a row add up to 0, and so does what is in columns of padding.
    fn shared_probabilities(
        &self,
        bits: &[u64],
        shares: &[f64],
        labels: usize,
        parallel: bool,
    ) -> (Matrix, Vec<TileRow>) {
        let (n, m) = (self.visible(), self.hidden());
        let bits = BitBlock::gather(bits, words_for(n), 0, n);
        let product = Product::new(&bits, &self.up.weights);
        let shares: Vec<f32> = shares.iter().map(|share| *share as f32).collect();
        let mut hidden = Matrix::zeros(bits.rows(), m + 1);
        let mut of_labels = vec![[Sixteen::ZERO; TILE]; self.up.bias.len() * labels];
        let tiles = hidden.tiles_mut().zip(of_labels.chunks_exact_mut(labels));
        let tasks: Vec<_> = tiles.zip(&self.up.bias).enumerate().collect();
        for_each(parallel, tasks, |(tile, ((out, sums), bias))| {
            let watcher = Shared { weights: self.of_labels(tile, labels), shares: &shares, out, sums };
            Scratch::lend(bits.rows(), |scratch| {
                Level::get().run_with(SeeTile { product, tile, bias, watcher, scratch });
            });
        });
        (hidden, of_labels)
    }

    /// U of 32 hidden units, a row a label.
    fn of_labels(&self, tile: usize, labels: usize) -> &[TileRow] {
        &self.up.weights.tile(tile)[self.visible() - labels..self.visible()]
    }
}

/// Adds up what the inputs of a tile of hidden units give every label.
struct LogSums<'a> {
    /// A row a label.
    weights: &'a [TileRow],
    /// A number a row and label.
    sums: &'a mut [f64],
}

impl Watch for LogSums<'_> {
    /// softplus(x) = max(x, 0) + ln(1 + e^-|x|); at most 32 factors of at most 2 are multiplied before a logarithm is taken.
    #[inline(always)]
    fn see<R: Registers, const N: usize>(&mut self, registers: R, s: usize, inputs: [R::Floats; N]) {
        let (zero, two) = (registers.splat(0.0), registers.splat(2.0));
        let scale = registers.splat(input_scale(1.0));
        let sums = &mut self.sums[s * self.weights.len()..];
        for (row, sum) in self.weights.iter().zip(sums) {
            let (mut linear, mut factor) = (zero, registers.splat(1.0));
            for (x, weights) in inputs.into_iter().zip(row) {
                let x = registers.add(x, registers.load(weights));
                let positive = registers.multiply(x, registers.indicator(zero, x));
                let magnitude = registers.fused(two, positive, registers.subtract(zero, x));
                linear = registers.add(linear, positive);
                let power = power_of_two(registers, registers.multiply(magnitude, scale));
                factor = registers.fused(factor, power, factor);
            }
            let (mut linears, mut factors) = (Sixteen::ZERO, Sixteen::ZERO);
            registers.store(linear, &mut linears);
            registers.store(factor, &mut factors);
            let (mut total, mut product) = (0.0, 1.0);
            for (linear, factor) in linears.0.into_iter().zip(factors.0) {
                total += f64::from(linear);
                product *= f64::from(factor);
            }
            *sum += total + product.ln();
        }
    }
}

/// Adds up the probabilities of a tile of hidden units over labels, and over rows.
struct Shared<'a> {
    /// A row a label.
    weights: &'a [TileRow],
    /// A number a row and label.
    shares: &'a [f32],
    /// A row a row.
    out: &'a mut [TileRow],
    /// A row a label.
    sums: &'a mut [TileRow],
}

impl Watch for Shared<'_> {
    #[inline(always)]
    fn see<R: Registers, const N: usize>(&mut self, registers: R, s: usize, inputs: [R::Floats; N]) {
        let (scale, labels) = (input_scale(1.0), self.weights.len());
        let mut total = [registers.splat(0.0); N];
        for ((weights, sums), share) in self.weights.iter().zip(&mut *self.sums).zip(&self.shares[s * labels..]) {
            let share = registers.splat(*share);
            for (t, x) in inputs.into_iter().enumerate() {
                let x = registers.add(x, registers.load(&weights[t]));
                let part = registers.multiply(share, sigmoid(registers, x, scale));
                total[t] = registers.add(total[t], part);
                let sum = registers.add(registers.load(&sums[t]), part);
                registers.store(sum, &mut sums[t]);
            }
        }
        for (total, out) in total.into_iter().zip(&mut self.out[s]) {
            registers.store(total, out);
        }
    }
}
