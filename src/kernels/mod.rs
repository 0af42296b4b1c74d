//! The hot path: plain arrays and bits, no model. All that must be fast is here.
//!
//! A block-Gibbs step travels bits -> inputs -> draw -> bits: the rows of the weight matrix that
//! belong to units which are 1 are added up ([`block_gibbs`]), the sums become probabilities and meet
//! uniform numbers ([`elementary`]), and the comparison's results are the next bits. Exact sums over a
//! layer ([`two_layers`]) or a graph ([`pairwise`]) do the same for a block of consecutive states at
//! once, where the inputs of neighbouring states differ by one row.
//!
//! Loops are written so that the compiler vectorises them, and [`level`] runs them with the widest
//! registers that the processor has. None of them lets the compiler reorder a sum or fuse a
//! multiplication with an addition, so every level computes the same bits.

mod binary_product;
pub mod block_gibbs;
pub mod descent;
pub mod elementary;
mod enumeration;
mod expectations;
pub mod graph_gibbs;
mod lanes;
pub mod level;
mod matrix;
mod noise;
pub mod pairwise;
pub mod registers;
pub mod two_layers;

/// A parameter in single precision, kept where no sum of 10^8 terms overflows: its unit is then
/// certain anyway.
fn single_precision(x: f64) -> f32 {
    x.clamp(-1e30, 1e30) as f32
}
