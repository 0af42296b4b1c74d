//! The hot path: plain arrays and bits, no model. All that must be fast is here.
//!
//! # How a step travels
//!
//! Bits -> products -> draw -> bits. A block-Gibbs step of many chains ([`block_gibbs`]) keeps each layer as words of
//! 32 bits, a word of every chain side by side (`matrix`). For 32 units at a time, in every chain, the rows of the
//! weight matrix that belong to units which are 1 are summed (`binary_product`); the sums go from there to the draw
//! ([`elementary`]) without being put down; they meet sixteen uniform numbers at once (`noise`), and
//! the comparison's result is 16 bits of the next word. Annealing ([`annealed_gibbs`]) takes its importance weights
//! from the same sums on their way. A gradient is the same product with rows and units exchanged
//! (`expectations`), and its update ([`descent`]) happens block by block while the gradient is in the cache.
//! Exact sums over a layer (`enumeration`) tabulate exponentials, so that a state costs two operations a unit;
//! [`two_layers`] and [`pairwise`] hold the plainer sums, [`graph_gibbs`] the sampler of any graph, [`multi_spin`] that
//! of spins with equal couplings, one bit a spin.
//!
//! # What a kernel is written in
//!
//! In the operations of [`registers`], or in loops that the compiler vectorises by itself; [`level`] runs both with the
//! widest registers that the processor has. Every operation rounds once, fused ones included, and no sum is reordered,
//! so every level computes the same bits. What a kernel calls is `#[inline(always)]`: a function of its own would be
//! compiled without the wide registers.
//!
//! # What bounds it
//!
//! Operations are counted for registers of 512 bits. The floor is what they take on one core of the machine that the
//! README names, at the rates that bare loops reach there when it is quiet: 5 additions a nanosecond, 4 with a load each,
//! and 22 bytes a nanosecond read and written in the third-level cache. Measured is the range over its states.
//!
//! | kernel | operations | floor | measured |
//! |---|---|---|---|
//! | product by tables | a load and an addition for 4 x 16 weights and chain; 15 stores and 11 additions a table | 3.9 us a step and chain at 784x500, 100 chains | with the draw 6.2 to 13 |
//! | draw | 30 for 16 units | 0.38 ns a unit | within the step |
//! | ln Z | 2 for 8 states and a unit | 1.0 ns a state at 20x20 | 1.3 to 1.7 |
//! | exact gradient | 10 and a division for 8 states and a unit | 18 ns a state at 20x20 | 27 to 35 |
//! | multi-spin Metropolis | about 120 on 512 spins of a square lattice, 72 of them for random bits | 0.047 ns an update | 0.049 to 0.060 |
//! | update | 32 bytes a weight, two single-precision copies included | 0.6 ms at 784x500 | 0.6 |
//!
//! The product is bound by loads: a bare loop over tables in the first-level cache takes as long as its loads do. That
//! loop slows by as much as 1.8 in some minutes on that machine, while additions between registers do not; why is not
//! known (it is shared, and does not let its counters be read).

pub mod annealed_gibbs;
mod binary_product;
pub mod block_gibbs;
pub mod descent;
pub mod elementary;
mod enumeration;
mod expectations;
pub mod graph_gibbs;
mod label_gradient;
mod lanes;
pub mod level;
mod matrix;
pub mod multi_spin;
mod noise;
pub mod pairwise;
pub mod registers;
pub mod sharing;
pub mod two_layers;

/// A parameter in single precision, kept where no sum of 10^8 terms overflows: its unit is then
/// certain anyway.
fn single_precision(x: f64) -> f32 {
    x.clamp(-1e30, 1e30) as f32
}
