//! Exact sums over all states of one of two layers, at two operations a state and unit.
//!
//! The enumerated layer x is split into its first few units, the low ones, and the rest. With
//! ln f(x) = a.x + sum_j softplus(d_j + (x'W)_j), the input of unit j is a sum of a part of the low units and
//! a part of the high ones, so that
//!
//!   1 + e^input = e^s_j (A_j + B_j E_jl),   E_jl = e^{low part - its maximum} <= 1,
//!
//! where t_j = d_j + high part + the low part's maximum, s_j = max(0, t_j), A_j = e^{-s_j}, B_j = e^{t_j - s_j}.
//! The table E is made once; a state costs a multiplication and addition rounded once (fused), and a
//! multiplication, for each unit. Every factor lies between e^{-range of the low part} and 2, so that a product of
//! factors whose ranges sum to less than [`RANGE`] neither overflows nor underflows; after such a group of units
//! the product's exponent is taken out. Where one unit's range is larger, fewer units are low.

mod factors;
mod log_sum;
mod moments;

use super::elementary::{exp_of_negative, sums_over_set_bits};
use super::level::Level;
use super::registers::Eight;
use super::sharing::ENUMERATION;
use super::two_layers::TwoLayers;
use crate::configuration::Configurations;
use crate::numerics::log_sum_exp;
use log_sum::LogSum;
use moments::{AddMoments, Moments};
use pulp::NullaryFnOnce;
use rayon::prelude::*;
use std::ops::Range;

/// Most low units: a table of 2 KiB for each unit of the other layer.
const LOW: usize = 8;

/// Fewest low units: sixteen states, the registers that are worked on together.
const LEAST_LOW: usize = 4;

/// Largest range, in nats, that a product of factors may have: e^600 is far from the largest number.
const RANGE: f64 = 600.0;

/// Most factors of a product: 2^800 is.
const FACTORS: usize = 800;

/// States of the high units that are worked on together, so that an entry of E is loaded once for all.
const HIGH: usize = 4;

/// Low states that are worked on together: two registers.
type Pair = [Eight; 2];

/// log2 of the states of a block, where there are no tables.
const BLOCK_BITS: usize = 12;

/// Most partial sums that an enumeration keeps, so that memory does not grow with the states.
const TASKS: usize = 64;

/// What is shared by all states: the table E and how the units are grouped.
struct Tables<'a> {
    layers: TwoLayers<'a>,
    low: usize,
    /// E: for every 16 low states in turn, those of each unit of the second layer.
    exponentials: Vec<Pair>,
    /// e^{low part of a.x - its maximum}.
    bias_exponentials: Vec<Pair>,
    /// The largest low part of every input.
    largest: Vec<f64>,
    largest_bias: f64,
    groups: Vec<Range<usize>>,
}

/// The sum of the positive numbers, and that of all magnitudes.
fn extent(steps: impl Iterator<Item = f64>) -> (f64, f64) {
    steps.fold((0.0, 0.0), |(positive, all), x| (positive + x.max(0.0), all + x.abs()))
}

/// e^{sum over the set bits of l - its maximum} for every l.
struct Exponentials<'a> {
    steps: &'a [f64],
    largest: f64,
}

impl NullaryFnOnce for Exponentials<'_> {
    type Output = Vec<Pair>;

    #[inline(always)]
    fn call(self) -> Vec<Pair> {
        let mut sums = vec![0.0; 1 << self.steps.len()];
        sums_over_set_bits(0.0, self.steps.iter().copied(), &mut sums);
        for sum in &mut sums {
            *sum = exp_of_negative((*sum - self.largest).min(0.0));
        }
        let mut pairs = vec![[Eight::ZERO; 2]; sums.len() / 16];
        for (pair, sums) in pairs.iter_mut().zip(sums.chunks_exact(16)) {
            pair[0].0.copy_from_slice(&sums[..8]);
            pair[1].0.copy_from_slice(&sums[8..]);
        }
        pairs
    }
}

impl<'a> Tables<'a> {
    /// None where the first layer is too small, or couplings are too large for even a few low units.
    fn new(layers: TwoLayers<'a>) -> Option<Self> {
        let (n, m) = (layers.first_bias.len(), layers.second_bias.len());
        let column = |j: usize, low: usize| (0..low).map(move |i| layers.weights[i * m + j]);
        let biases = |low: usize| layers.first_bias[..low].iter().copied();
        let fits = |low: &usize| extent(biases(*low)).1 <= RANGE && (0..m).all(|j| extent(column(j, *low)).1 <= RANGE);
        let low = (LEAST_LOW..=LOW.min(n)).rev().find(fits)?;
        let extents: Vec<(f64, f64)> = (0..m).map(|j| extent(column(j, low))).collect();
        let (largest_bias, mut range) = extent(biases(low));
        let mut groups = Vec::new();
        let mut start = 0;
        for (j, (_, more)) in extents.iter().enumerate() {
            if range + more > RANGE || j - start == FACTORS {
                groups.push(start..j);
                (start, range) = (j, 0.0);
            }
            range += more;
        }
        groups.push(start..m);
        let chunks = 1 << low >> 4;
        let mut table = vec![[Eight::ZERO; 2]; chunks * m];
        let exponentials = |steps: &[f64], largest| Level::get().run(Exponentials { steps, largest });
        for (j, (largest, _)) in extents.iter().enumerate() {
            let steps: Vec<f64> = column(j, low).collect();
            for (chunk, pair) in exponentials(&steps, *largest).into_iter().enumerate() {
                table[chunk * m + j] = pair;
            }
        }
        Some(Self {
            layers,
            low,
            exponentials: table,
            bias_exponentials: exponentials(&layers.first_bias[..low], largest_bias),
            largest: extents.iter().map(|(positive, _)| *positive).collect(),
            largest_bias,
            groups,
        })
    }

    /// States of the high units.
    fn high_states(&self) -> usize {
        1 << (self.layers.first_bias.len() - self.low)
    }

    /// The states of the high units cut into tasks, whose number depends on the shapes alone.
    fn tasks(&self) -> Vec<Range<usize>> {
        let states = self.high_states();
        let work = (states * self.layers.second_bias.len()) << self.low;
        let tasks = (work / ENUMERATION).clamp(1, TASKS).next_power_of_two().min(states);
        let length = states / tasks;
        (0..tasks).map(|task| task * length..(task + 1) * length).collect()
    }

    /// Does every task, on the threads where there are several; results in order.
    fn for_each_task<T: Send>(&self, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let tasks = self.tasks();
        match tasks.len() {
            1 => tasks.into_iter().map(work).collect(),
            _ => tasks.into_par_iter().map(&work).collect(),
        }
    }
}

impl TwoLayers<'_> {
    /// ln sum_x f(x) by enumeration of the first layer (at most 63 units), or None where that layer has fewer
    /// than four units or the couplings are beyond all measure.
    pub fn log_sum(&self) -> Option<f64> {
        let tables = Tables::new(*self)?;
        Some(log_sum(&tables))
    }

    /// ln Z, and E[(x y', x, y)] added to `sums`, by enumeration of the first layer (at most 63 units): W's
    /// entries row by row, then the first layer's, then the second's.
    pub fn add_moments(&self, sums: &mut [f64]) -> f64 {
        let Some(tables) = Tables::new(*self) else {
            return self.add_moments_of_blocks(sums);
        };
        let log_partition = log_sum(&tables);
        let parts = tables.for_each_task(|states| {
            let mut moments = Moments::new(&tables);
            Level::get().run_with(AddMoments { tables: &tables, states, log_partition, moments: &mut moments });
            moments
        });
        let mut total = Moments::new(&tables);
        for part in &parts {
            total.merge(part);
        }
        total.add_to(&tables, sums);
        log_partition
    }

    /// [`Self::add_moments`] where there are no tables: blocks of states with their probabilities for weights.
    fn add_moments_of_blocks(&self, sums: &mut [f64]) -> f64 {
        let sites = self.first_bias.len();
        let mut log_weights = vec![0.0; 1 << sites.min(BLOCK_BITS)];
        let mut for_each_block = |see: &mut dyn FnMut(u64, &[f64])| {
            for first in (0..1_u64 << sites).step_by(log_weights.len()) {
                self.log_weights(first, &mut log_weights);
                see(first, &log_weights);
            }
        };
        let mut parts = Vec::new();
        for_each_block(&mut |_, log_weights| parts.push(log_sum_exp(log_weights)));
        let log_partition = log_sum_exp(&parts);
        for_each_block(&mut |first, log_weights| {
            let bits = (first..).take(log_weights.len()).collect();
            let weights = log_weights.iter().map(|x| (x - log_partition).exp()).collect();
            self.add_expectations(&Configurations::with_any_weights(sites, bits, weights), sums);
        });
        log_partition
    }
}

fn log_sum(tables: &Tables) -> f64 {
    let parts = tables.for_each_task(|states| Level::get().run_with(LogSum { tables, states }));
    log_sum_exp(&parts)
}
