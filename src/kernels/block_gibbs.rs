//! Block Gibbs sampling of two layers in single precision.

use super::elementary::{LANES, draw_bits};
use super::level::Level;
use crate::configuration::{copy_bits, set_sites, used_bits, words_for};
use crate::law::{Chains, Clamp, Kernel};
use crate::random::{Generator, fill_uniform_f32};
use pulp::NullaryFnOnce;

/// Block Gibbs sampling of f(v, h) = exp(b.v + c.h + v'W h): one step draws h given v, then v given h.
///
/// At inverse temperature beta the joint law is f^beta: p(h_j = 1 | v) = sigmoid(beta (c_j + (v'W)_j)),
/// p(v_i = 1 | h) = sigmoid(beta (b_i + (W h)_i)). Inputs are summed in single precision; a unit's
/// probability is resolved to 2^-24.
pub struct BlockGibbs {
    visible: usize,
    hidden: usize,
    /// W, a row for each visible unit, padded with zeros to a multiple of [`LANES`] hidden units.
    weights: Vec<f32>,
    /// W transposed, a row for each hidden unit, padded likewise.
    transposed: Vec<f32>,
    visible_bias: Vec<f32>,
    hidden_bias: Vec<f32>,
}

/// Numbers that a row of `units` takes.
fn padded(units: usize) -> usize {
    units.next_multiple_of(LANES)
}

fn padded_copy(values: impl Iterator<Item = f64>, length: usize) -> Vec<f32> {
    let mut copy: Vec<f32> = values.map(|x| x as f32).collect();
    copy.resize(length, 0.0);
    copy
}

impl BlockGibbs {
    /// From W (a row of `hidden_bias.len()` numbers for each visible unit) and both biases.
    pub fn new(weights: &[f64], visible_bias: &[f64], hidden_bias: &[f64]) -> Self {
        let (n, m) = (visible_bias.len(), hidden_bias.len());
        assert_eq!(weights.len(), n * m, "W is visible x hidden");
        Self {
            visible: n,
            hidden: m,
            weights: (0..n)
                .flat_map(|i| padded_copy(weights[i * m..(i + 1) * m].iter().copied(), padded(m)))
                .collect(),
            transposed: (0..m)
                .flat_map(|j| padded_copy((0..n).map(|i| weights[i * m + j]), padded(n)))
                .collect(),
            visible_bias: padded_copy(visible_bias.iter().copied(), padded(n)),
            hidden_bias: padded_copy(hidden_bias.iter().copied(), padded(m)),
        }
    }
}

impl Kernel for BlockGibbs {
    fn units(&self) -> usize {
        self.visible + self.hidden
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        assert_eq!(chains.states().sites(), self.units(), "rows are (v, h)");
        let operations = steps * (self.visible * self.hidden / 8 + self.units());
        chains.for_each_block(operations, |rows, generator| {
            Level::get().run(Block {
                kernel: self,
                rows,
                generator,
                beta: beta as f32,
                steps,
                clamp,
            });
        });
    }
}

struct Block<'a> {
    kernel: &'a BlockGibbs,
    rows: &'a mut [u64],
    generator: &'a mut Generator,
    beta: f32,
    steps: usize,
    clamp: Clamp,
}

impl NullaryFnOnce for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let kernel = self.kernel;
        let (n, m) = (kernel.visible, kernel.hidden);
        let mut visible = vec![0; words_for(n)];
        let mut hidden = vec![0; words_for(m)];
        let mut layer = Layer {
            inputs: vec![0.0; padded(n.max(m))],
            uniforms: vec![0.0; padded(n.max(m))],
            generator: self.generator,
            beta: self.beta,
        };
        for row in self.rows.chunks_exact_mut(words_for(n + m)) {
            copy_bits(row, 0, n, &mut visible, 0);
            copy_bits(row, n, m, &mut hidden, 0);
            for _ in 0..self.steps {
                layer.draw(
                    (&visible, n),
                    &kernel.weights,
                    &kernel.hidden_bias,
                    (&mut hidden, m),
                );
                if self.clamp == Clamp::Nothing {
                    let (given, drawn) = ((&hidden[..], m), (&mut visible[..], n));
                    layer.draw(given, &kernel.transposed, &kernel.visible_bias, drawn);
                }
            }
            copy_bits(&visible, 0, n, row, 0);
            copy_bits(&hidden, 0, m, row, n);
        }
    }
}

/// What it takes to draw one layer given the other.
struct Layer<'a> {
    inputs: Vec<f32>,
    uniforms: Vec<f32>,
    generator: &'a mut Generator,
    beta: f32,
}

impl Layer<'_> {
    /// Draws the bits of `drawn` given those of `given`, each with its number of units.
    #[inline(always)]
    fn draw(
        &mut self,
        given: (&[u64], usize),
        weights: &[f32],
        bias: &[f32],
        drawn: (&mut [u64], usize),
    ) {
        let inputs = &mut self.inputs[..bias.len()];
        inputs.copy_from_slice(bias);
        for k in set_sites(given.0, given.1) {
            let row = &weights[k * bias.len()..][..bias.len()];
            for (x, w) in inputs.iter_mut().zip(row) {
                *x += w;
            }
        }
        inputs.iter_mut().for_each(|x| *x *= self.beta);
        // Only the units that exist take random numbers.
        let (bits, units) = drawn;
        fill_uniform_f32(self.generator, &mut self.uniforms[..units]);
        draw_bits(inputs, &self.uniforms[..bias.len()], bits);
        let last = words_for(units) - 1;
        bits[last] &= used_bits(units, last);
    }
}
