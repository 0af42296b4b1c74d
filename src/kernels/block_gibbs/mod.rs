//! Block Gibbs sampling of two layers in single precision.

mod chains_in_lanes;
mod units_in_lanes;

use super::elementary::LANES;
use super::level::Level;
use super::single_precision;
use crate::law::{Chains, Clamp, Kernel};
use crate::random::Generator;
use chains_in_lanes::ChainsInLanes;
use units_in_lanes::UnitsInLanes;

/// Weights below which chains share registers: there drawing costs more than adding, and a register
/// is full however few the units are. Measured: 4.5 times faster at 8x8, 1.5 at 32x32, 0.9 at 64x64.
const SMALL: usize = 2048;

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
    let mut copy: Vec<f32> = values.map(single_precision).collect();
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
        let small = self.visible * self.hidden <= SMALL;
        self.advance_as(small, chains, beta, steps, clamp);
    }
}

impl BlockGibbs {
    fn advance_as(&self, small: bool, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        assert_eq!(chains.states().sites(), self.units(), "rows are (v, h)");
        let operations = steps * (self.visible * self.hidden / 8 + self.units());
        chains.for_each_block(operations, |rows, generator| {
            let block = Block {
                kernel: self,
                rows,
                generator,
                beta: beta as f32,
                steps,
                clamp,
            };
            if small {
                Level::get().run(ChainsInLanes(block));
            } else {
                Level::get().run(UnitsInLanes(block));
            }
        });
    }
}

/// Chains that share a generator, and how they are to move.
struct Block<'a> {
    kernel: &'a BlockGibbs,
    rows: &'a mut [u64],
    generator: &'a mut Generator,
    beta: f32,
    steps: usize,
    clamp: Clamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;
    use crate::random::{Seed, uniform};

    /// Forces one of the two ways, whatever the size.
    struct Way(BlockGibbs, bool);

    impl Kernel for Way {
        fn units(&self) -> usize {
            self.0.units()
        }

        fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
            self.0.advance_as(self.1, chains, beta, steps, clamp);
        }
    }

    /// Both ways against the enumerated joint law, at two temperatures, on shapes that fill a
    /// register badly.
    #[test]
    fn both_ways_keep_the_contract_of_a_kernel() {
        for (n, m) in [(6, 6), (1, 3), (5, 4), (9, 1)] {
            let mut generator = Seed::root(7)
                .child("machine", (n * 10 + m) as u64)
                .generator();
            let mut numbers = |count| -> Vec<f64> {
                (0..count)
                    .map(|_| 2.0 * uniform(&mut generator) - 1.0)
                    .collect()
            };
            let (weights, b, c) = (numbers(n * m), numbers(n), numbers(m));
            for beta in [1.0, 0.5] {
                let energy = |row: u64| -> f64 {
                    let on = |k: usize| (row >> k & 1) as f64;
                    let pair = |k: usize| weights[k] * on(k / m) * on(n + k % m);
                    (0..n * m).map(pair).sum::<f64>()
                        + (0..n).map(|i| b[i] * on(i)).sum::<f64>()
                        + (0..m).map(|j| c[j] * on(n + j)).sum::<f64>()
                };
                let factors: Vec<f64> = (0..1 << (n + m))
                    .map(|row| (beta * energy(row)).exp())
                    .collect();
                let z: f64 = factors.iter().sum();
                let law: Vec<f64> = factors.iter().map(|f| f / z).collect();
                for small in [true, false] {
                    let way = Way(BlockGibbs::new(&weights, &b, &c), small);
                    contract::kernel(&way, beta, &law, n, 20, 300_000, 8)
                        .unwrap_or_else(|problem| panic!("{n}x{m}, small = {small}: {problem}"));
                }
            }
        }
    }
}
