//! Block Gibbs of sixteen chains at a time: the lanes of a register hold one unit of each chain.
//!
//! No lane is idle however small the layers are: the way for small layers.

use super::{Block, padded};
use crate::configuration::words_for;
use crate::kernels::elementary::{LANES, draw};
use crate::kernels::lanes::{Unit, load, store};
use crate::law::Clamp;
use crate::random::{Generator, fill_uniform_f32};
use pulp::NullaryFnOnce;

/// Moves a block of chains.
pub(super) struct ChainsInLanes<'a>(pub Block<'a>);

impl NullaryFnOnce for ChainsInLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let block = self.0;
        let kernel = block.kernel;
        let (n, m) = (kernel.visible, kernel.hidden);
        let words = words_for(n + m);
        let mut units: Vec<Unit> = vec![[0.0; LANES]; n + m];
        for rows in block.rows.chunks_mut(LANES * words) {
            load(rows, words, &mut units);
            let (visible, hidden) = units.split_at_mut(n);
            for _ in 0..block.steps {
                let (weights, bias) = (&kernel.transposed, &kernel.hidden_bias);
                draw_layer(
                    visible,
                    weights,
                    padded(n),
                    bias,
                    block.beta,
                    block.generator,
                    hidden,
                );
                if block.clamp == Clamp::Nothing {
                    let (weights, bias) = (&kernel.weights, &kernel.visible_bias);
                    draw_layer(
                        hidden,
                        weights,
                        padded(m),
                        bias,
                        block.beta,
                        block.generator,
                        visible,
                    );
                }
            }
            store(&units, words, rows);
        }
    }
}

/// Draws a layer given the other; row j of `weights` holds the weights of unit j of the drawn layer,
/// `stride` numbers apart.
#[inline(always)]
fn draw_layer(
    given: &[Unit],
    weights: &[f32],
    stride: usize,
    bias: &[f32],
    beta: f32,
    generator: &mut Generator,
    drawn: &mut [Unit],
) {
    let mut uniforms = [0.0; LANES];
    for ((drawn, weights), bias) in drawn.iter_mut().zip(weights.chunks_exact(stride)).zip(bias) {
        let mut inputs = [*bias; LANES];
        for (given, weight) in given.iter().zip(weights) {
            for (x, state) in inputs.iter_mut().zip(given) {
                *x += weight * state;
            }
        }
        fill_uniform_f32(generator, &mut uniforms);
        for ((state, x), u) in drawn.iter_mut().zip(&inputs).zip(&uniforms) {
            *state = f32::from(u8::from(draw(beta * x, *u)));
        }
    }
}
