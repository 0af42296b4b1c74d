//! The update of the parameters: one pass over memory, the sampler's copies included.

use super::block_gibbs::BlockGibbs;
use super::level::Level;
use super::matrix::{TileRow, WORD, set};
use super::registers::LANES;
use super::sharing::{UPDATE, for_each};
use super::single_precision;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

/// Gradient descent with momentum: velocity = momentum x velocity - rate x (gradient + weight_decay x theta),
/// theta = theta + velocity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// The learning rate.
    pub rate: f64,
    /// The share of the velocity that is kept.
    pub momentum: f64,
    /// The strength of the penalty (weight_decay / 2) |theta|^2.
    pub weight_decay: f64,
}

/// Numbers that a task takes.
const BLOCK: usize = 4096;

impl Descent {
    /// Takes one step. Without momentum `velocity` may be empty: nothing of it is kept.
    pub fn step(&self, theta: &mut [f64], gradient: &[f64], velocity: &mut [f64]) {
        assert_eq!(theta.len(), gradient.len());
        Level::get().run(Step { descent: *self, theta, gradient, velocity });
    }

    /// As [`Self::step`], on the threads where that is worth while.
    pub fn step_in_parallel(&self, theta: &mut [f64], gradient: &[f64], velocity: &mut [f64]) {
        if theta.len() < UPDATE {
            return self.step(theta, gradient, velocity);
        }
        let velocities = chunks_or_empty(velocity, BLOCK, theta.len());
        theta
            .par_chunks_mut(BLOCK)
            .zip(gradient.par_chunks(BLOCK))
            .zip(velocities)
            .for_each(|((theta, gradient), velocity)| self.step(theta, gradient, velocity));
    }
}

/// The largest |x|; infinite where one is not a number. 0 for no values.
pub fn largest_magnitude(values: &[f64]) -> f64 {
    // Among magnitudes, a larger number has the larger bits, and what is no number the largest.
    let largest = |values: &[f64]| Level::get().run(LargestBits(values));
    let bits = if values.len() < UPDATE {
        largest(values)
    } else {
        (values.par_chunks(BLOCK).map(largest).max()).unwrap_or(0)
    };
    f64::from_bits(bits.min(f64::INFINITY.to_bits()))
}

struct LargestBits<'a>(&'a [f64]);

impl NullaryFnOnce for LargestBits<'_> {
    type Output = u64;

    #[inline(always)]
    fn call(self) -> u64 {
        (self.0.iter()).fold(0, |largest, x| largest.max(x.abs().to_bits()))
    }
}

/// The chunks of a slice of `length` numbers, or as many empty ones.
pub(super) fn chunks_or_empty(slice: &mut [f64], chunk: usize, length: usize) -> Vec<&mut [f64]> {
    if slice.is_empty() {
        return (0..length.div_ceil(chunk)).map(|_| &mut [][..]).collect();
    }
    assert_eq!(slice.len(), length);
    slice.chunks_mut(chunk).collect()
}

struct Step<'a> {
    descent: Descent,
    theta: &'a mut [f64],
    gradient: &'a [f64],
    velocity: &'a mut [f64],
}

impl NullaryFnOnce for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Descent { rate, momentum, weight_decay } = self.descent;
        let pairs = self.theta.iter_mut().zip(self.gradient);
        if self.velocity.is_empty() {
            for (theta, gradient) in pairs {
                *theta -= rate * (gradient + weight_decay * *theta);
            }
        } else {
            for ((theta, gradient), velocity) in pairs.zip(self.velocity) {
                *velocity = momentum * *velocity - rate * (gradient + weight_decay * *theta);
                *theta += *velocity;
            }
        }
    }
}

impl BlockGibbs {
    /// Takes one step with the weights W, row by row, and copies them. Biases are for [`Self::set_biases`].
    pub fn descend(&mut self, descent: &Descent, weights: &mut [f64], gradient: &[f64], velocity: &mut [f64]) {
        let size = WORD * self.hidden();
        let velocities = chunks_or_empty(velocity, size, weights.len());
        let rows = weights.chunks_mut(size).zip(gradient.chunks(size));
        let tasks: Vec<_> = rows.zip(velocities).zip(self.copies()).collect();
        let parallel = gradient.len() >= UPDATE;
        for_each(parallel, tasks, |(((weights, gradient), velocity), copy)| {
            descent.step(weights, gradient, velocity);
            copy.make(weights);
        });
    }

    /// Copies the weights W, row by row.
    pub fn set_weights(&mut self, weights: &[f64]) {
        let size = WORD * self.hidden();
        let tasks: Vec<_> = weights.chunks(size).zip(self.copies()).collect();
        let parallel = weights.len() >= UPDATE;
        for_each(parallel, tasks, |(weights, copy)| copy.make(weights));
    }

    /// Where copies of W are kept, 32 rows at a time.
    pub(super) fn copies(&mut self) -> Vec<Copy32<'_>> {
        let columns = self.hidden();
        let tiles = self.down.weights.tiles_mut();
        let mut copies: Vec<Copy32> = tiles.map(|down| Copy32 { columns, up: Vec::new(), down }).collect();
        for tile in self.up.weights.tiles_mut() {
            for (copy, rows) in copies.iter_mut().zip(tile.chunks_mut(WORD)) {
                copy.up.push(rows);
            }
        }
        copies
    }

    /// Copies the biases.
    pub fn set_biases(&mut self, visible: &[f64], hidden: &[f64]) {
        for (tiles, biases) in [(&mut self.down.bias, visible), (&mut self.up.bias, hidden)] {
            for (tile, biases) in tiles.iter_mut().zip(biases.chunks(WORD)) {
                set(tile, biases.iter().copied());
            }
        }
    }
}

/// Where up to 32 rows of W are copied to: the columns of one tile of its transpose.
pub(super) struct Copy32<'a> {
    columns: usize,
    /// Their rows of each tile of W.
    up: Vec<&'a mut [TileRow]>,
    /// Their tile of the transpose.
    down: &'a mut [TileRow],
}

impl Copy32<'_> {
    /// Copies the rows of W.
    pub fn make(self, weights: &[f64]) {
        Level::get().run(MakeCopy { weights, copy: self });
    }
}

struct MakeCopy<'a> {
    weights: &'a [f64],
    copy: Copy32<'a>,
}

impl NullaryFnOnce for MakeCopy<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Copy32 { columns: m, up, down } = self.copy;
        for (tile, (up, down)) in up.into_iter().zip(down.chunks_mut(WORD)).enumerate() {
            let from = tile * WORD;
            let to = (from + WORD).min(m);
            let mut square = [[0.0_f32; WORD]; WORD];
            for (row, out) in self.weights.chunks_exact(m).zip(&mut square) {
                for (x, w) in out.iter_mut().zip(&row[from..to]) {
                    *x = single_precision(*w);
                }
            }
            for (row, out) in square.iter().zip(up) {
                for (register, values) in out.iter_mut().zip(row.chunks_exact(LANES)) {
                    register.0.copy_from_slice(values);
                }
            }
            for (j, out) in down.iter_mut().enumerate() {
                for (t, register) in out.iter_mut().enumerate() {
                    register.0 = std::array::from_fn(|l| square[t * LANES + l][j]);
                }
            }
        }
    }
}
