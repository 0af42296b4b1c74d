//! Exact sums of two coupled layers in double precision: enumeration of one layer with the other
//! summed in closed form, and expectations over given rows.

use super::elementary::{exp_of_negative, sigmoid_in_place, sums_over_set_bits};
use super::level::Level;
use crate::configuration::{Configurations, set_sites};
use crate::numerics::softplus;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

/// Layers x and y with ln f(x, y) = a.x + d.y + x'W y, so that
/// ln f(x) = a.x + sum_j softplus(d_j + (x'W)_j).
#[derive(Debug, Clone, Copy)]
pub struct TwoLayers<'a> {
    /// W, one row of `second_bias.len()` numbers for each unit of the first layer.
    pub weights: &'a [f64],
    /// a: the biases of x, the layer that is enumerated or given.
    pub first_bias: &'a [f64],
    /// d: the biases of y, the layer that is summed over.
    pub second_bias: &'a [f64],
}

/// log2 of the states whose inputs are built together: 2 KiB of inputs a unit.
const LOW_BITS: usize = 8;

/// Factors (1 + e^-|x|) <= 2 whose product is kept before its logarithm is taken: it stays below 2^512.
const FACTORS: usize = 512;

/// Rows whose probabilities are computed together.
const ROWS: usize = 64;

/// Most partial sums that a parallel sum keeps, so that memory does not grow with the states.
const TASKS: usize = 64;

impl TwoLayers<'_> {
    fn sizes(&self) -> (usize, usize) {
        let (n, m) = (self.first_bias.len(), self.second_bias.len());
        assert_eq!(self.weights.len(), n * m, "W is first x second layer");
        (n, m)
    }

    /// ln f(x) of one row.
    pub fn log_weight(&self, row: &[u64]) -> f64 {
        let (n, m) = self.sizes();
        let mut inputs = self.second_bias.to_vec();
        let mut total = 0.0;
        for i in set_sites(row, n) {
            total += self.first_bias[i];
            for (x, w) in inputs.iter_mut().zip(&self.weights[i * m..(i + 1) * m]) {
                *x += w;
            }
        }
        total + inputs.into_iter().map(softplus).sum::<f64>()
    }

    /// ln f(x) of the states `first`, `first + 1`, ...; `out.len()` is a power of two that divides
    /// `first`.
    pub fn log_weights(&self, first: u64, out: &mut [f64]) {
        self.sizes();
        assert!(out.len().is_power_of_two() && first.is_multiple_of(out.len() as u64));
        Level::get().run(LogWeights { layers: *self, first, out });
    }

    /// Adds sum_s w_s E[(x y', x, y) | x = row s] to `sums`: W's entries row by row, then the
    /// first layer's, then the second's.
    pub fn add_expectations(&self, rows: &Configurations, sums: &mut [f64]) {
        let (n, m) = self.sizes();
        assert!(rows.sites() >= n, "rows hold the first layer");
        assert_eq!(sums.len(), n * m + n + m);
        let sum_of = |from: usize, to: usize, sums: &mut [f64]| {
            Level::get().run(RowExpectations { layers: *self, rows, from, to, sums });
        };
        let length = task_length(rows.len(), ROWS, n * m);
        if length >= rows.len() {
            return sum_of(0, rows.len(), sums);
        }
        let partial: Vec<Vec<f64>> = (0..rows.len().div_ceil(length))
            .into_par_iter()
            .map(|task| {
                let mut sums = vec![0.0; n * m + n + m];
                let from = task * length;
                sum_of(from, (from + length).min(rows.len()), &mut sums);
                sums
            })
            .collect();
        for partial in partial {
            for (sum, more) in sums.iter_mut().zip(&partial) {
                *sum += more;
            }
        }
    }
}

/// Items a task takes: a multiple of `unit` that depends on the shapes only; all of them where the
/// work (items x `cost`) would not repay a second thread.
fn task_length(items: usize, unit: usize, cost: usize) -> usize {
    if items * cost.max(8) < 1 << 17 {
        return items.max(1);
    }
    unit * items.div_ceil(unit).div_ceil(TASKS)
}

struct LogWeights<'a> {
    layers: TwoLayers<'a>,
    first: u64,
    out: &'a mut [f64],
}

impl NullaryFnOnce for LogWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let size = self.out.len().min(1 << LOW_BITS);
        for (block, out) in self.out.chunks_exact_mut(size).enumerate() {
            let first = self.first + (block * size) as u64;
            block_log_weights(&self.layers, first, out, |_, _| ());
        }
    }
}

/// ln f of the aligned block of states from `first` on, at most 2^LOW_BITS; `see(j, inputs)` is shown
/// the inputs x_j of every second-layer unit.
#[inline(always)]
fn block_log_weights(layers: &TwoLayers, first: u64, out: &mut [f64], mut see: impl FnMut(usize, &[f64])) {
    let m = layers.second_bias.len();
    let size = out.len();
    let low = size.trailing_zeros() as usize;
    let high = first >> low << low;
    let upper = |start: f64, entry: &dyn Fn(usize) -> f64| set_sites(&[high], 64).fold(start, |sum, i| sum + entry(i));
    let base = upper(0.0, &|i| layers.first_bias[i]);
    sums_over_set_bits(base, layers.first_bias[..low].iter().copied(), out);

    let mut inputs = [0.0; 1 << LOW_BITS];
    let mut product = [1.0; 1 << LOW_BITS];
    let (inputs, product) = (&mut inputs[..size], &mut product[..size]);
    for j in 0..m {
        let base = upper(layers.second_bias[j], &|i| layers.weights[i * m + j]);
        let column = (0..low).map(|i| layers.weights[i * m + j]);
        sums_over_set_bits(base, column, inputs);
        for ((out, product), x) in out.iter_mut().zip(product.iter_mut()).zip(inputs.iter()) {
            *out += x.max(0.0);
            *product *= 1.0 + exp_of_negative(-x.abs());
        }
        see(j, inputs);
        if (j + 1) % FACTORS == 0 || j + 1 == m {
            for (out, product) in out.iter_mut().zip(product.iter_mut()) {
                *out += product.ln();
                *product = 1.0;
            }
        }
    }
}

struct RowExpectations<'a> {
    layers: TwoLayers<'a>,
    rows: &'a Configurations,
    from: usize,
    to: usize,
    sums: &'a mut [f64],
}

impl NullaryFnOnce for RowExpectations<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (n, m) = self.layers.sizes();
        let (pairs, biases) = self.sums.split_at_mut(n * m);
        let (first_layer, second_layer) = biases.split_at_mut(n);
        let mut probabilities = vec![0.0; ROWS.min(self.to - self.from) * m];
        for from in (self.from..self.to).step_by(ROWS) {
            let to = (from + ROWS).min(self.to);
            let probabilities = &mut probabilities[..(to - from) * m];
            for (s, inputs) in (from..to).zip(probabilities.chunks_exact_mut(m)) {
                inputs.copy_from_slice(self.layers.second_bias);
                for i in set_sites(self.rows.row(s), n) {
                    for (x, w) in inputs.iter_mut().zip(&self.layers.weights[i * m..(i + 1) * m]) {
                        *x += w;
                    }
                }
            }
            sigmoid_in_place(probabilities);
            for (s, p) in (from..to).zip(probabilities.chunks_exact_mut(m)) {
                let weight = self.rows.weight(s);
                for (p, sum) in p.iter_mut().zip(second_layer.iter_mut()) {
                    *p *= weight;
                    *sum += *p;
                }
                for i in set_sites(self.rows.row(s), n) {
                    first_layer[i] += weight;
                    for (sum, p) in pairs[i * m..(i + 1) * m].iter_mut().zip(p.iter()) {
                        *sum += p;
                    }
                }
            }
        }
    }
}
