//! Block Gibbs of one chain at a time: the lanes of a register hold units of one layer.
//!
//! The rows of W that belong to units which are 1 are added up, so the cost falls with the density
//! of the given layer: the way for large layers.

use super::{Block, padded};
use crate::configuration::{copy_bits, set_sites, used_bits, words_for};
use crate::kernels::elementary::draw_bits;
use crate::law::Clamp;
use crate::random::{Generator, fill_uniform_f32};
use pulp::NullaryFnOnce;

/// Moves a block of chains.
pub(super) struct UnitsInLanes<'a>(pub Block<'a>);

impl NullaryFnOnce for UnitsInLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let block = self.0;
        let kernel = block.kernel;
        let (n, m) = (kernel.visible, kernel.hidden);
        let mut visible = vec![0; words_for(n)];
        let mut hidden = vec![0; words_for(m)];
        let mut layer = Layer {
            inputs: vec![0.0; padded(n.max(m))],
            uniforms: vec![0.0; padded(n.max(m))],
            generator: block.generator,
            beta: block.beta,
        };
        for row in block.rows.chunks_exact_mut(words_for(n + m)) {
            copy_bits(row, 0, n, &mut visible, 0);
            copy_bits(row, n, m, &mut hidden, 0);
            for _ in 0..block.steps {
                layer.draw(
                    (&visible, n),
                    &kernel.weights,
                    &kernel.hidden_bias,
                    (&mut hidden, m),
                );
                if block.clamp == Clamp::Nothing {
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
