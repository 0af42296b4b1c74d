//! Every moment, by a pass over all states.

use super::factors::Factors;
use super::{HIGH, Pair, Tables};
use crate::configuration::set_sites;
use crate::kernels::level::VectorKernel;
use crate::kernels::registers::{Eight, Registers};
use std::f64::consts::LN_2;
use std::ops::Range;

/// Sums of p(x) and of p(x) p(y_j = 1 | x) over states, by low state.
pub(super) struct Moments {
    /// For every 16 low states in turn, the sums of each unit of the second layer.
    pairs: Vec<Pair>,
    /// For each high unit, the sums of every unit of the second layer over the states where it is 1.
    high_pairs: Vec<f64>,
    /// Sums of p(x) itself.
    states: Vec<f64>,
    /// For each high unit the sum over the states where it is 1.
    high: Vec<f64>,
}

impl Moments {
    pub fn new(tables: &Tables) -> Self {
        let (n, m) = (tables.layers.first_bias.len(), tables.layers.second_bias.len());
        Self {
            pairs: vec![[Eight::ZERO; 2]; tables.exponentials.len()],
            high_pairs: vec![0.0; (n - tables.low) * m],
            states: vec![0.0; 1 << tables.low],
            high: vec![0.0; n - tables.low],
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let numbers = |a: &mut [f64], b: &[f64]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a += b;
            }
        };
        let pairs = self.pairs.as_flattened_mut().iter_mut();
        for (a, b) in pairs.zip(other.pairs.as_flattened()) {
            numbers(&mut a.0, &b.0);
        }
        numbers(&mut self.states, &other.states);
        numbers(&mut self.high_pairs, &other.high_pairs);
        numbers(&mut self.high, &other.high);
    }

    /// Adds the moments, low units unfolded, in the order of [`TwoLayers::add_moments_by_tables`].
    pub fn add_to(&self, tables: &Tables, sums: &mut [f64]) {
        let (n, m, low) = (tables.layers.first_bias.len(), tables.layers.second_bias.len(), tables.low);
        // The probabilities sum to 1 but for the rounding of ln Z, which grows with it.
        let share = 1.0 / self.states.iter().sum::<f64>();
        let (pairs, biases) = sums.split_at_mut(n * m);
        let (first, second) = biases.split_at_mut(n);
        let of_bit = |values: &[f64], i: usize| -> f64 {
            (0..values.len()).filter(|l| l >> i & 1 == 1).map(|l| values[l]).sum::<f64>() * share
        };
        for j in 0..m {
            let chunks = self.pairs.iter().skip(j).step_by(m).flatten();
            let values: Vec<f64> = chunks.flat_map(|eight| eight.0).collect();
            second[j] += values.iter().sum::<f64>() * share;
            for i in 0..low {
                pairs[i * m + j] += of_bit(&values, i);
            }
        }
        for (sum, x) in pairs[low * m..].iter_mut().zip(&self.high_pairs) {
            *sum += x * share;
        }
        for (i, sum) in first.iter_mut().enumerate() {
            *sum += if i < low { of_bit(&self.states, i) } else { self.high[i - low] * share };
        }
    }
}

/// Adds the moments of some states of the high units.
pub(super) struct AddMoments<'a> {
    pub tables: &'a Tables<'a>,
    pub states: Range<usize>,
    pub log_partition: f64,
    pub moments: &'a mut Moments,
}

impl VectorKernel for AddMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(self, registers: R) {
        let (tables, moments) = (self.tables, self.moments);
        let m = tables.layers.second_bias.len();
        let mut factors = Factors::new(tables);
        let mut weights = vec![0.0; 1 << tables.low];
        let mut totals = vec![Eight::ZERO; m];
        for first in self.states.clone().step_by(HIGH) {
            factors.prepare(tables, first);
            factors.multiply(registers, tables);
            for h in 0..HIGH.min(self.states.end - first) {
                let scale = factors.scale[h] - self.log_partition;
                // A weight is at most 1, but the scale alone may overflow: half of it at a time.
                let half = (0.5 * scale).exp();
                for (weight, x) in weights.iter_mut().zip(factors.products(h)) {
                    *weight = x * half * half;
                }
                if !factors.exponents.is_empty() {
                    let products = factors.products(h).zip(factors.exponents(h));
                    for (weight, (x, exponent)) in weights.iter_mut().zip(products) {
                        *weight = x * (scale + exponent * LN_2).exp();
                    }
                }
                totals.fill(Eight::ZERO);
                let sums = moments.pairs.chunks_exact_mut(m);
                let tables = tables.exponentials.chunks_exact(m);
                for ((weights, table), sums) in weights.chunks_exact(16).zip(tables).zip(sums) {
                    add_products(registers, h, &factors.pairs, table, weights, sums, &mut totals);
                }
                for (sum, weight) in moments.states.iter_mut().zip(&weights) {
                    *sum += weight;
                }
                let total: f64 = weights.iter().sum();
                for i in set_sites(&[(first + h) as u64], moments.high.len()) {
                    moments.high[i] += total;
                    let row = &mut moments.high_pairs[i * m..(i + 1) * m];
                    for (sum, totals) in row.iter_mut().zip(&totals) {
                        *sum += totals.0.iter().sum::<f64>();
                    }
                }
            }
        }
    }
}

/// Adds p(x) p(y_j = 1 | x) of 16 low states to `sums` and to `totals`, for every unit j.
#[inline(always)]
fn add_products<R: Registers>(
    registers: R,
    h: usize,
    pairs: &[[[f64; 2]; HIGH]],
    table: &[Pair],
    weights: &[f64],
    sums: &mut [Pair],
    totals: &mut [Eight],
) {
    let one = registers.splat_double(1.0);
    let mut eights = [Eight::ZERO; 2];
    for (eight, weights) in eights.iter_mut().zip(weights.chunks_exact(8)) {
        eight.0.copy_from_slice(weights);
    }
    let weights = [registers.load_doubles(&eights[0]), registers.load_doubles(&eights[1])];
    for (((pair, table), sums), totals) in pairs.iter().zip(table).zip(sums).zip(totals) {
        let a = registers.splat_double(pair[h][0]);
        let b = registers.splat_double(pair[h][1]);
        let mut total = registers.load_doubles(totals);
        for k in 0..2 {
            let on = registers.multiply_doubles(b, registers.load_doubles(&table[k]));
            let either = registers.fused_doubles(one, on, a);
            let share = registers.divide_doubles(registers.multiply_doubles(on, weights[k]), either);
            let sum = registers.fused_doubles(one, share, registers.load_doubles(&sums[k]));
            registers.store_doubles(sum, &mut sums[k]);
            total = registers.fused_doubles(one, share, total);
        }
        registers.store_doubles(total, totals);
    }
}
